"""An exported result, and an Orthanc that takes it."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from types import SimpleNamespace

import pytest

from .results import blocks_of, make_case


def export_case(case, folder, report=False, **options):
    """Export a case; return its folder, the objects' files and what reading back showed.

    Without ``report``, PDF and pictures are empty, which is faster.
    """
    from InnerEarSegLib.archive.export import export
    from InnerEarSegLib.archive.source import read_source

    source = read_source(case.folder, getattr(case, "series", None))
    _, files, difference = export(
        case.subject, blocks_of(case.subject) if report else (), source, folder, **options
    )
    return SimpleNamespace(folder=folder, files=files, difference=difference, case=case)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Two ears of a series of single slices, with an observer."""
    root = tmp_path_factory.mktemp("exported")
    return export_case(
        make_case(root / "ct"), root / "objects", report=True, observer="Moreau^Lucie"
    )


def free_port() -> int:
    """An unused port of this computer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    """Orthanc on loopback: its DICOM port, its title, and ``get(path)`` of its REST interface."""
    program = shutil.which("Orthanc")
    if program is None:
        pytest.skip("needs the program Orthanc (Debian's package orthanc)")
    root = tmp_path_factory.mktemp("orthanc")
    dicom, http = free_port(), free_port()
    configuration = {
        "StorageDirectory": str(root / "db"),
        "IndexDirectory": str(root / "db"),
        "Plugins": [],
        "DicomAet": "ARCHIVE",
        "DicomCheckCalledAet": True,
        "DicomPort": dicom,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "UnknownSopClassAccepted": False,
        "OverwriteInstances": True,
    }
    (root / "orthanc.json").write_text(json.dumps(configuration))
    with (root / "log").open("w") as log:
        process = subprocess.Popen([program, str(root / "orthanc.json")], stdout=log, stderr=log)

        def get(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=10) as answer:
                return answer.read()

        try:
            _wait_for(get, process, root / "log")
            yield SimpleNamespace(
                port=dicom, title="ARCHIVE", get=get, json=lambda path: json.loads(get(path))
            )
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(get, process, log):
    end = time.monotonic() + 30
    while True:
        try:
            get("/system")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"Orthanc does not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
