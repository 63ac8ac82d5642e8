"""Export to DICOM…: for a CT of the DICOM database, what is handed over, and what comes of it."""

import pydicom
import pytest

from InnerEarSegLib.io.dicom_results import read_archived
from InnerEarSegLib.mrml.landmarks import set_position
from InnerEarSegLib.mrml.volumes import slice_thickness
from InnerEarSegLib.panel.worker_process import python_command
from InnerEarSegLib.report.subject import OBSERVER, SUBJECT
from Testing.archive.results import TELLING, write_volume
from Testing.command_line.make_dicom import ROOT
from Testing.panel.test_report_stories import FLEX24
from Testing.scene.report.subjects import words_of_pdf
from Testing.stand_ins.dialogs import dialogs

MAKE_COMMAND = "InnerEarSegLib.panel.dicom_section.DicomSection.make_command"


@pytest.fixture
def loaded(story, tmp_path):
    """As if Slicer had loaded the CT from its DICOM database."""
    files = write_volume(tmp_path / "Doe_Janequery", story.ear.ct)
    database = story.app.app.dicomDatabase()._own
    database.files = files
    database.series = dict.fromkeys(files.values(), f"{ROOT}.209")
    story.files = files
    story.volume.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    return story


def test_a_slicer_that_was_built_without_dicom(story, monkeypatch):
    """Its application lacks the method that returns the database, and all else works."""
    monkeypatch.delattr(type(story.app.app), "dicomDatabase")
    story.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found") and not story.ui.dicomButton.enabled


def export(story, answer):
    dialogs.answer(answer)
    story.ui.dicomButton.click()
    story.wait(lambda: not story.panel.archiving.active, 90, "end of the export")


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A worker that only keeps what it was given."""
    folder, commands = tmp_path / "kept", []

    def command(handed, source, output):
        commands.append((source, output))
        text = f"import shutil, sys; shutil.copytree(sys.argv[1], {str(folder)!r})"
        return python_command("-c", text, str(handed))

    monkeypatch.setattr(MAKE_COMMAND, staticmethod(command))
    return folder, commands


def test_only_a_ct_of_the_database_can_be_exported(story):
    assert not story.ui.dicomButton.enabled and "segment the CT" in story.ui.dicomButton.toolTip
    story.segment()
    assert story.ui.reportButton.enabled and not story.ui.dicomButton.enabled
    assert "DICOM database" in story.ui.dicomButton.toolTip
    story.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")  # removed from the database
    story.panel.archiving.bind(story.volume)
    assert not story.ui.dicomButton.enabled


def test_the_worker_is_told_how_thick_slices_are(loaded, tmp_path):
    database, [first, *_] = loaded.app.app.dicomDatabase()._own, loaded.files
    for text, expected in (("1.5", 1.5), ("", None), ("thick", None)):
        database.values[first, "0018,0050"] = text
        assert slice_thickness(loaded.volume) == expected
    loaded.volume.RemoveAttribute("DICOM.instanceUIDs")
    assert slice_thickness(loaded.volume) is None


@pytest.fixture
def bare(monkeypatch):
    """The real worker without slicer and torch."""
    from InnerEarSegLib.panel.dicom_section import DicomSection

    real = DicomSection.make_command
    program = (
        "import sys; sys.modules['slicer'] = sys.modules['torch'] = None; "
        "from InnerEarSegLib.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )

    def command(folder, source, output):
        arguments = real(folder, source, output)[1:]
        assert arguments[:2] == ["-m", "InnerEarSegLib"]
        return python_command("-c", program, *arguments[2:])

    monkeypatch.setattr(MAKE_COMMAND, staticmethod(command))


def test_from_a_correction_to_objects(loaded, bare, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom is not installed")
    pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
    loaded.segment()
    assert loaded.ui.dicomButton.enabled
    (node,) = loaded.panel.reviewing._results.landmarks.values()
    r, a, s = loaded.ear.found["oval window"]
    set_position(node, "oval window", (r, a + 0.8, s))
    loaded.ui.observerLineEdit.text = " Moreau^Lucie "
    loaded.ui.array1ComboBox.setCurrentIndex(loaded.ui.array1ComboBox.findText(FLEX24))
    output = tmp_path / "filed"
    export(loaded, str(output))
    assert loaded.ui.statusLabel.text.startswith(f"DICOM objects: {output}")
    assert loaded.ui.statusLabel.text.endswith(f"Arrays shown: {FLEX24}")
    assert FLEX24 in words_of_pdf(output / "report.dcm")
    [ear] = read_archived(output).segmentation.ears
    states = {mark.name: mark.state for mark in ear.landmarks}
    assert states["oval window"] == "corrected" and states["helicotrema"] == "automatic"
    report = pydicom.dcmread(output / "measurements.dcm")
    assert report.PatientName == TELLING["PatientName"] and "Moreau^Lucie" in str(report)
    assert list(loaded.temporary.iterdir()) == [] and loaded.ui.observerLineEdit.text == ""
    log = loaded.ui.logTextEdit.plainText
    for word in ("Doe", "Moreau", "PID-77123"):
        assert word not in log and word not in loaded.xml(), word


def test_what_is_handed_over(loaded, kept, tmp_path):
    folder, commands = kept
    loaded.segment()
    export(loaded, str(tmp_path / "filed"))
    [(source, output)] = commands
    assert source.folder == (tmp_path / "Doe_Janequery").resolve()
    assert source.series == f"{ROOT}.209" and output == tmp_path / "filed"
    assert (folder / SUBJECT).is_file() and not (folder / OBSERVER).exists()


def test_no_folder_no_export(loaded, kept):
    loaded.segment()
    dialogs.answer("")
    loaded.ui.dicomButton.click()
    assert not loaded.panel.archiving.active and kept[1] == []


def test_files_that_are_gone_are_told(loaded, kept, tmp_path):
    loaded.segment()
    next((tmp_path / "Doe_Janequery").iterdir()).unlink()
    export(loaded, str(tmp_path / "filed"))
    assert "not where 3D Slicer's DICOM database has them" in loaded.ui.statusLabel.text
    assert kept[1] == [] and list(loaded.temporary.iterdir()) == []


def test_packages_are_installed_after_asking(loaded, kept, tmp_path, monkeypatch):
    import slicer

    loaded.segment()
    there, installed = set(), []
    missing = "InnerEarSegLib.panel.hand_over.find_spec"
    monkeypatch.setattr(missing, lambda name: name in there or None)
    monkeypatch.setattr(slicer.util, "pip_install", installed.append)
    dialogs.answer("Not now")
    loaded.ui.dicomButton.click()
    assert "are missing: highdicom pynetdicom fpdf2." in dialogs.shown[-1].text and not installed
    dialogs.answer("Install")
    export(loaded, str(tmp_path / "filed"))
    assert installed == [["highdicom", "pynetdicom", "fpdf2"]] and len(kept[1]) == 1

    def fail(packages):
        raise RuntimeError("no network")

    monkeypatch.setattr(slicer.util, "pip_install", fail)
    dialogs.answer("Install")
    loaded.ui.dicomButton.click()
    assert "could not be installed: no network" in loaded.ui.statusLabel.text


def test_a_worker_that_fails_says_why(loaded, monkeypatch, tmp_path):
    said = "innerearseg: The source series is not the CT of this result."
    text = f"import sys; print({said!r}, file=sys.stderr); sys.exit(2)"
    monkeypatch.setattr(MAKE_COMMAND, staticmethod(lambda *a: python_command("-c", text)))
    loaded.segment()
    export(loaded, str(tmp_path / "filed"))
    assert loaded.ui.statusLabel.text == "The source series is not the CT of this result."
    assert loaded.ui.dicomButton.enabled


def test_leaving_stops_it(loaded, monkeypatch, tmp_path):
    text = "import time; print(flush=True); time.sleep(600)"
    monkeypatch.setattr(MAKE_COMMAND, staticmethod(lambda *a: python_command("-c", text)))
    loaded.segment()
    dialogs.answer(str(tmp_path / "filed"))
    loaded.ui.dicomButton.click()
    assert loaded.panel.archiving.active and not loaded.ui.dicomButton.enabled
    loaded.panel.close()
    assert list(loaded.temporary.iterdir()) == []
