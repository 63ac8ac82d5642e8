"""``innerearseg dicom`` and ``from-dicom`` on real scenes, and what they tell of the patient."""

import json
import logging
import re
import socket
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("highdicom", reason="highdicom is not installed")
pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.dicom_results import read_archived
from InnerEarSegLib.mrml.files import SCENE_FILE, write_bundle, write_result
from InnerEarSegLib.mrml.landmarks import confirm, set_position
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.subject import cts_with_results, open_scene, subject_of
from Testing.command_line.make_ct import write
from Testing.command_line.make_dicom import uid
from Testing.read_back import read_landmarks

from .conftest import free_port
from .results import TELLING, make_case
from .test_send import archive_that

pytest.importorskip("slicer", reason="slicer-core is not installed")

MOVED = (1.5, 12.0, 14.0)


@pytest.fixture(autouse=True)
def flat(monkeypatch):
    """Without 3D views, which take a process of their own."""
    monkeypatch.setattr("InnerEarSegLib.report.views.draw_in_child", lambda *_: "No 3D.")


@pytest.fixture
def no_report(monkeypatch):
    """An empty PDF and no pictures, which is faster; returns the notes that it would have."""
    kept = []

    def build(*_, notes, **__):
        kept.extend(notes)
        return []

    monkeypatch.setattr("InnerEarSegLib.report.content.build_report", build)
    return kept


@pytest.fixture
def case(tmp_path):
    """A result folder of a DICOM series, its folders named after the patient."""
    made = make_case(tmp_path / "Doe_Janequery_1961")
    made.out = tmp_path / "result"
    write_result(made.subject.segmentation, made.ct, made.out)
    return made


def correct(folder):
    """As the user does in 3D Slicer: one landmark moved, one confirmed, one removed; saved."""
    with headless_scene() as session:
        open_scene(session.scene, folder / SCENE_FILE)
        [volume] = cts_with_results(session.scene)
        node = find_results(session.scene, volume).landmarks["left"]
        set_position(node, "helicotrema", MOVED)
        confirm(node, "oval window")
        set_position(node, "round window", None)
        write_bundle(session.scene, folder / SCENE_FILE)


def states(ears):
    return {(e.side, m.name): (m.state, m.confirmed) for e in ears for m in e.landmarks}


def test_a_corrected_result_goes_into_the_archive_and_back_with_its_states(
    case, no_report, tmp_path, capfd
):
    correct(case.out)
    file = case.out / "landmarks_left.mrk.json"
    content = json.loads(file.read_text())
    content["markups"][0]["controlPoints"][0]["position"][2] += 0.3  # too, and the scene counts
    file.write_text(json.dumps(content))
    objects = tmp_path / "objects"
    arguments = ["--source", case.folder, "--output", objects, "--observer", "Moreau^Lucie"]
    assert main(list(map(str, ["dicom", case.out, *arguments]))) == 0
    said = capfd.readouterr()
    assert any(file.name in note for note in no_report), "the PDF says what was not taken"
    lines = said.out.splitlines()
    assert [Path(x).name for x in lines[:3]] == [
        "segmentation.dcm", "measurements.dcm", "report.dcm",
    ]  # fmt: skip
    assert re.fullmatch(
        r"Read back: Dice 1\.0000, voxels within 0\.0000 mm, landmarks within 0\.00\d\d mm\.",
        lines[-1],
    )
    before = read_archived(objects).segmentation
    assert [ear.findings for ear in before.ears] == [
        ear.findings for ear in case.subject.segmentation.ears
    ]
    assert states(before.ears)["left", "helicotrema"] == ("corrected", False)
    assert states(before.ears)["left", "oval window"] == ("confirmed", True)
    assert states(before.ears)["left", "round window"] == ("removed by hand", False)
    # On another desk: the study as the archive has it.
    study = tmp_path / "study"
    case.folder.rename(study)
    objects.rename(study / "objects")
    again = tmp_path / "again"
    assert main(["from-dicom", str(study), "--output", str(again)]) == 0
    assert "left" in capfd.readouterr().out
    assert read_landmarks(again / "landmarks_left.mrk.json")["helicotrema"] == pytest.approx(
        MOVED, abs=1e-3
    )
    with headless_scene() as session:
        open_scene(session.scene, again / SCENE_FILE)
        [volume] = cts_with_results(session.scene)
        subject = subject_of(session.scene, volume)
    assert states(subject.segmentation.ears) == states(before.ears)
    for ear, other in zip(case.subject.segmentation.ears, subject.segmentation.ears, strict=True):
        assert other.volume_mm3 == pytest.approx(ear.volume_mm3, rel=1e-6)
        assert other.findings == ear.findings
        assert other.segment == "automatic" and other.quality.verdict == ear.quality.verdict
        for key in ("a_diameter", "labyrinth_volume", "round_window_to_oval_window"):
            if ear.side == "right":  # the other one's round window is gone
                value = subject.measurements["right"][key].value
                assert value == pytest.approx(
                    case.subject.measurements["right"][key].value, abs=0.01
                )
    found = json.loads((again / "result.json").read_text(encoding="utf-8"))
    automatic = case.subject.segmentation.ears[0].landmarks[0].ras
    assert found["ears"][0]["landmarks"][0]["ras_mm"] == pytest.approx(automatic, abs=1e-3)


def test_an_edited_segment_stays_edited(case, tmp_path):
    from dataclasses import replace

    left, right = case.subject.segmentation.ears
    result = replace(case.subject.segmentation, ears=(replace(left, segment="edited"), right))
    write_result(result, case.ct, case.out)
    with headless_scene() as session:
        open_scene(session.scene, case.out / SCENE_FILE)
        [volume] = cts_with_results(session.scene)
        ears = subject_of(session.scene, volume).segmentation.ears
    assert [ear.segment for ear in ears] == ["edited", "automatic"]


TOLD = ["Doe", "Janequery", "1961", *TELLING.values(), "Nowhere", "Moreau"]


DIGITS = re.compile(r"\b[0-9a-f]{32,}\b|\d{9,}|\d+\.\d{3,}")
"""Hashes, UIDs and measurements, which hold any four digits by chance."""


def tells(text, case):
    """Words that tell of the patient, but for the path that the user gave."""
    plain = DIGITS.sub("", text)
    plain = plain.replace(str(case.folder), "").replace(str(case.out), "").lower()
    return [word for word in TOLD if len(word) > 2 and word.lower() in plain]


ODD = {
    "PatientName": "Doe Janequery",  # without ^
    "PatientSex": "Female",
    "PatientBirthDate": "3.2.1961",
    "StudyDate": "May 2024",
    "PatientID": "PID-77123" * 8,
    "ReferringPhysicianName": "House\\Gregoria",
}
"""What breaks the standard, and makes the libraries complain."""


@pytest.mark.parametrize("odd", [{}, ODD])
def test_nothing_printed_logged_or_named_tells_of_the_patient(tmp_path, capfd, caplog, odd):
    case = make_case(tmp_path / "Doe_Janequery_1961", two=False)
    for path in case.folder.iterdir():
        dataset = pydicom.dcmread(path)
        with pydicom.config.disable_value_validation():
            for keyword, value in odd.items():
                setattr(dataset, keyword, value)
            dataset.save_as(path)
    case.out = tmp_path / "result"
    write_result(case.subject.segmentation, case.ct, case.out)
    capfd.readouterr()
    caplog.set_level(logging.DEBUG)
    stored = []

    def store(event):
        stored.append(event.dataset)
        return 0x0000

    with archive_that(store) as archive, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        caplog.clear()
        sending = ["--send", f"{archive.host}:{archive.port}", "--called", archive.called]
        arguments = ["--source", case.folder, "--observer", "Moreau^Lucie", *sending]
        assert main(list(map(str, ["dicom", case.out, *arguments]))) == 0
    captured = capfd.readouterr()
    assert "Sent " in captured.out and stored
    assert tells(captured.out + captured.err, case) == []
    assert tells("\n".join(str(warning.message) for warning in warned), case) == []
    # The archive that stands in for the hospital's runs in this process, and may log what it gets.
    logged = [x.getMessage() for x in caplog.records if not x.name.startswith("pynetdicom")]
    assert tells("\n".join(logged), case) == []
    names = [path.name for path in case.out.iterdir()]
    assert tells("\n".join(names), case) == []
    for text in ("result.json", "case.json", ".innerearseg.json"):
        assert tells((case.out / text).read_text(encoding="utf-8"), case) == []
    for word, keyword in (("Janequery", "PatientName"), ("PID", "PatientID")):
        assert word.lower() in str(stored[0][keyword].value).lower()  # it is in the objects
    assert (
        stored[0].PatientName
        == stored[1].PatientName
        == pydicom.dcmread(next(case.folder.iterdir())).PatientName
    )


def refused(capfd, arguments, said):
    capfd.readouterr()
    status = main(list(map(str, arguments)))
    captured = capfd.readouterr()
    assert status == 2 and captured.out == "", captured
    assert captured.err.startswith("innerearseg: ") and captured.err.count("\n") == 1
    assert said in captured.err, captured.err


def listing(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_refusals_are_a_sentence_and_change_nothing(case, tmp_path, capfd):
    before = listing(case.out)
    ct = write(tmp_path / "ct.nrrd")
    nowhere = f"127.0.0.1:{free_port()}"
    call = ["dicom", case.out, "--source"]
    refused(capfd, [*call, ct], "ct.nrrd is no DICOM, so no DICOM objects can be made")
    refused(capfd, [*call, tmp_path / "none"], "none")
    refused(capfd, [*call, case.folder, "--series", "1.2.3"], "has no series 1.2.3")
    refused(capfd, [*call, case.folder, "--send", nowhere], "--send needs --called")
    refused(capfd, [*call, case.folder, "--called", "A"], "go with --send")
    refused(
        capfd, [*call, case.folder, "--send", nowhere, "--called", "A"], "A at 127.0.0.1:"
    )  # fmt: skip
    refused(
        capfd, ["segment", ct, "--output", tmp_path / "o", "--dicom"], "ct.nrrd is no DICOM"
    )  # fmt: skip
    refused(
        capfd, ["segment", ct, "--output", tmp_path / "o", "--observer", "X"], "go with --dicom"
    )  # fmt: skip
    refused(capfd, call[:2], "Give --source to make DICOM objects, or --send")
    sending = ["--send", nowhere, "--called", "A"]
    refused(capfd, [*call[:2], *sending], "holds no DICOM objects of InnerEarSeg to send")
    refused(capfd, [*call[:2], *sending, "--observer", "X"], "--observer goes with --source")
    refused(capfd, [*call, case.folder, "--observer", "A\\B"], "--observer needs a name")
    refused(capfd, [*call, case.folder, "--observer", "A" * 65], "at most 64 letters")
    both = ["segment", case.folder, "--output", tmp_path / "o", "--dicom"]
    refused(capfd, [*both, "--plain"], "neither --plain nor --json-progress")
    refused(
        capfd, ["from-dicom", case.folder, "--output", tmp_path / "o"], "no structured report"
    )  # fmt: skip
    assert listing(case.out) == before and not (tmp_path / "o").exists()


def test_a_missing_package_is_named(case, capfd, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(capfd, ["dicom", case.out, "--source", case.folder], "pip install 'innerearseg[dicom]'")


def test_what_failed_to_be_sent_stays_written(case, no_report, capfd):
    arguments = ["dicom", case.out, "--source", case.folder]
    with archive_that(lambda event: 0xA700) as archive:
        sending = ["--send", f"{archive.host}:{archive.port}", "--called", archive.called]
        assert main(list(map(str, [*arguments, *sending]))) == 2
    captured = capfd.readouterr()
    assert "has no room: 0 of " in captured.err and captured.err.count("innerearseg: ") == 1
    assert (case.out / "measurements.dcm").is_file() and (case.out / SCENE_FILE).is_file()
    assert "Traceback" not in captured.err
    written = {path: path.read_bytes() for path in case.out.glob("*.dcm")}
    stored = []

    def store(event):
        stored.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    with archive_that(store) as archive:
        sending = ["--send", f"{archive.host}:{archive.port}", "--called", archive.called]
        assert main(list(map(str, ["dicom", case.out / SCENE_FILE, *sending]))) == 0
    assert f"Sent {len(written)} objects" in capfd.readouterr().out
    assert len(set(stored)) == len(written)
    assert written == {path: path.read_bytes() for path in case.out.glob("*.dcm")}


@pytest.mark.parametrize("source", [True, False])
def test_cancelling_says_what_arrived(case, no_report, capfd, monkeypatch, source):
    arguments = ["dicom", case.out, "--source", case.folder]
    assert main(list(map(str, arguments))) == 0
    files = len(list(case.out.glob("*.dcm")))

    def cancelled(datasets, archive, association, sent):
        sent(1)
        raise KeyboardInterrupt

    monkeypatch.setattr("InnerEarSegLib.archive.send._store", cancelled)
    capfd.readouterr()
    with archive_that() as archive:
        sending = ["--send", f"{archive.host}:{archive.port}", "--called", archive.called]
        assert main(list(map(str, [*(arguments if source else arguments[:2]), *sending]))) == 130
    said = capfd.readouterr().err.splitlines()[-1]
    assert (
        said
        == f"innerearseg: cancelled; 1 of {files} objects arrived at {archive}; the files stay."
    )


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """``segment`` finds what was prepared: networks are tested elsewhere."""
    from Testing.archive.results import make_ear

    def segment(ct, model, region=None, progress=None):
        from InnerEarSegLib.types import ModelIdentity, Segmentation

        ear = make_ear("left", ct, ct.geometry.center)
        return Segmentation((ear,), ModelIdentity("Test model", "1.2.3", "ab" * 32), "cpu")

    monkeypatch.setattr("InnerEarSegLib.segmentation.pipeline.segment", segment)
    monkeypatch.setattr("InnerEarSegLib.model.bundle.load_model", lambda *a, **k: None)


def test_segment_with_dicom_writes_scene_and_objects(quick, no_report, tmp_path, capfd):
    case = make_case(tmp_path / "ct")
    out = tmp_path / "out"
    arguments = ["segment", case.folder, "--series", uid(1), "--output", out, "--device", "cpu"]
    assert main([*map(str, arguments), "--dicom"]) == 0
    assert "Read back: Dice 1.0000" in capfd.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert {"scene.mrb", "result.json", "segmentation.dcm", "measurements.dcm"} <= names
    [ear] = read_archived(out).segmentation.ears
    center = np.asarray(case.ct.geometry.center)
    assert np.linalg.norm(np.subtract(ear.geometry.center, center)) < 5.0


def test_cancelling_after_the_result_is_written_says_so(quick, tmp_path, capfd, monkeypatch):
    def cancel(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("InnerEarSegLib.archive.export.export", cancel)
    case = make_case(tmp_path / "ct")
    out = tmp_path / "out"
    assert (
        main([*map(str, ["segment", case.folder, "--output", out, "--device", "cpu"]), "--dicom"])
        == 130
    )
    assert "cancelled; the result is written, without DICOM objects." in capfd.readouterr().err
    assert (out / "scene.mrb").is_file()


def test_an_archive_that_does_not_answer_is_told_before_the_networks_run(tmp_path, capfd):
    case = make_case(tmp_path / "ct")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        where = f"127.0.0.1:{deaf.getsockname()[1]}"
        sending = ["--dicom", "--send", where, "--called", "A", "--device", "cpu"]
        out = tmp_path / "out"
        refused(capfd, ["segment", case.folder, "--output", out, *sending], "does not answer")
    assert not out.exists()


def test_the_observer_is_read_from_a_file_where_the_panel_hands_over(
    case, no_report, tmp_path, monkeypatch
):
    from InnerEarSegLib.report.subject import OBSERVER, write_subject

    handed = tmp_path / "handed"
    handed.mkdir()
    write_subject(case.subject, handed)
    (handed / OBSERVER).write_text("Moreau^Lucie", encoding="utf-8")
    monkeypatch.setattr("InnerEarSegLib.cli.result.end_with_stdin", lambda: None)
    arguments = ["dicom", handed, "--handed-over", "--source", case.folder, "--output"]
    assert main([*map(str, arguments), str(tmp_path / "o")]) == 0
    assert not (handed / OBSERVER).exists()
    assert "Moreau^Lucie" in str(pydicom.dcmread(tmp_path / "o" / "measurements.dcm"))
