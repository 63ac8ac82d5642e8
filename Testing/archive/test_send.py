"""C-STORE to Orthanc, and to archives that refuse, are full, or go away."""

import shutil
import subprocess
from contextlib import contextmanager

import pydicom
import pytest

pytest.importorskip("highdicom", reason="highdicom is not installed")
pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from InnerEarSegLib.archive.send import Archive, Tls, archive_of, check_archive, send
from InnerEarSegLib.errors import UnusableInput

from .conftest import free_port


@contextmanager
def archive_that(store=lambda event: 0x0000, kinds=None, echo=True, ssl_context=None):
    """An archive on loopback; ``store`` answers each C-STORE."""
    entity = AE(ae_title="OTHER")
    for context in AllStoragePresentationContexts if kinds is None else kinds:
        uid = getattr(context, "abstract_syntax", context)
        entity.add_supported_context(uid)
    if echo:
        entity.add_supported_context(Verification)
    port = free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)],
        ssl_context=ssl_context,
    )  # fmt: skip
    try:
        yield Archive("127.0.0.1", port, "OTHER")
    finally:
        server.shutdown()


@pytest.fixture(scope="session")
def objects(exported):
    return exported.files[:4]


def untouched(files):
    return [(path.stat().st_mtime_ns, path.read_bytes()) for path in files]


def test_orthanc_finds_the_objects_in_the_study_of_the_ct_and_gives_them_back(exported, orthanc):
    archive = Archive("127.0.0.1", orthanc.port, orthanc.title)
    source = sorted(exported.case.folder.iterdir())
    assert send(source[:3], archive) == []
    counts = []
    assert send(exported.files, archive, counts.append) == []
    assert counts == list(range(1, len(exported.files) + 1))
    [study] = orthanc.json("/studies")
    about = orthanc.json(f"/studies/{study}")
    assert about["PatientMainDicomTags"]["PatientID"] == "PID-77123"
    series = [orthanc.json(f"/series/{x}")["MainDicomTags"] for x in about["Series"]]
    assert sorted(x["Modality"] for x in series) == ["CT", "DOC", "OT", "SEG", "SR"]
    back = {}
    for identifier in orthanc.json("/instances"):
        uid = orthanc.json(f"/instances/{identifier}")["MainDicomTags"]["SOPInstanceUID"]
        back[uid] = orthanc.get(f"/instances/{identifier}/file")
    for path in exported.files:
        sent = pydicom.dcmread(path)
        again = pydicom.dcmread(pydicom.filebase.DicomBytesIO(back[sent.SOPInstanceUID]))
        assert again == sent  # all elements, the pixels too


def test_orthanc_refuses_another_title_and_nothing_is_sent(orthanc, objects):
    before = len(orthanc.json("/instances"))
    with pytest.raises(UnusableInput, match="refused the association: called AE title not recog"):
        send(objects, Archive("127.0.0.1", orthanc.port, "SOMEONE"))
    assert len(orthanc.json("/instances")) == before


def test_a_full_disk_says_how_many_arrived(objects):
    kept = []

    def store(event):
        kept.append(event.request.AffectedSOPInstanceUID)
        return 0x0000 if len(kept) < 3 else 0xA700

    before = untouched(objects)
    with archive_that(store) as archive, pytest.raises(UnusableInput) as caught:
        send(objects, archive)
    assert "has no room: 2 of 4 objects arrived. Send the same files again" in str(caught.value)
    assert untouched(objects) == before


def test_an_archive_that_goes_away_says_how_many_arrived(objects):
    count = 0

    def store(event):
        nonlocal count
        count += 1
        if count == 2:
            event.assoc.abort()
        return 0x0000

    with archive_that(store) as archive, pytest.raises(UnusableInput) as caught:
        send(objects, archive)
    assert "broke: 1 of 4 objects arrived. Send the same files again" in str(caught.value)


@pytest.mark.parametrize(("status", "said"), [
    (0xC123, "refused an object (status C123): 0 of 4 objects arrived."),
    (0x0122, "refused an object (status 0122): 0 of 4 objects arrived."),
])  # fmt: skip
def test_a_refused_object_is_told_with_its_status(objects, status, said):
    with archive_that(lambda event: status) as archive, pytest.raises(UnusableInput) as caught:
        send(objects, archive)
    assert said in str(caught.value)


def test_a_warning_is_passed_on(objects):
    with archive_that(lambda event: 0xB000) as archive:
        said = send(objects[:1], archive)
    assert said == [f"{archive} took object 1 with a warning (status B000)."]


def test_nothing_is_sent_if_one_kind_is_not_taken(objects):
    stored = []

    def store(event):
        stored.append(event)
        return 0x0000

    kinds = [SecondaryCaptureImageStorage]
    with archive_that(store, kinds) as archive, pytest.raises(UnusableInput) as caught:
        send(objects, archive)
    assert "does not take Comprehensive 3D SR Storage, Encapsulated PDF Storage, Segm" in str(
        caught.value
    )
    assert "nothing was sent" in str(caught.value) and not stored


@pytest.mark.parametrize("host", ["archive.invalid", "a..b"])
def test_an_unknown_host_is_a_sentence(objects, host):
    with pytest.raises(UnusableInput, match=f"no computer called {host}; nothing was sent"):
        send(objects, Archive(host, 104, "OTHER"))


def test_no_answer_and_no_echo(objects):
    nowhere = Archive("127.0.0.1", free_port(), "OTHER")
    with pytest.raises(UnusableInput, match="does not answer: check the address"):
        send(objects, nowhere)
    with archive_that(echo=False) as archive, pytest.raises(UnusableInput) as caught:
        check_archive(archive)
    assert "does not take Verification" in str(caught.value)


@pytest.mark.parametrize(("address", "called", "calling", "said"), [
    ("pacs", "A", None, "--send needs HOST:PORT"),
    (":104", "A", None, "--send needs HOST:PORT"),
    ("pacs:0", "A", None, "--send needs HOST:PORT"),
    ("pacs:99999", "A", None, "--send needs HOST:PORT"),
    ("pacs:104", None, None, "--send needs --called"),
    ("pacs:104", "X" * 17, None, "--called needs an AE title"),
    ("pacs:104", "A\\B", None, "--called needs an AE title"),
    ("pacs:104", "A", "Ö", "--calling needs an AE title"),
])  # fmt: skip
def test_an_address_is_checked(address, called, calling, said):
    with pytest.raises(UnusableInput) as caught:
        archive_of(address, called, calling)
    assert said in str(caught.value)


def test_an_address_is_read():
    assert archive_of("[::1]:104", "PACS", None) == Archive("::1", 104, "PACS", "INNEREARSEG")
    assert archive_of("pacs.example.org:11112", "PACS", "ME").calling == "ME"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=archive", "-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout",
         names[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return names


def test_tls_is_used_and_the_certificate_is_checked(objects, certificate):
    import ssl

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    with archive_that(ssl_context=server) as plain:
        known = Archive(plain.host, plain.port, plain.called, tls=Tls(certificate[0]))
        assert send(objects[:2], known) == []
        unknown = Archive(plain.host, plain.port, plain.called, tls=Tls())
        with pytest.raises(UnusableInput, match="does not answer with TLS"):
            check_archive(unknown)
        with pytest.raises(UnusableInput, match="does not answer: "):
            check_archive(plain)


def test_a_file_that_is_no_certificate(tmp_path):
    (tmp_path / "a.pem").write_text("no certificate")
    for tls in (Tls(tmp_path / "a.pem"), Tls(None, tmp_path / "a.pem"), Tls(tmp_path / "b.pem")):
        with pytest.raises(UnusableInput, match=r"TLS cannot be used with .*pem"):
            tls.context()
