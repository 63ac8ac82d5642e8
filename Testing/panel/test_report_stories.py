"""Report…: what is handed over, what comes of it, and that no name slips in."""

import re
import shutil

import pytest

from InnerEarSegLib.mrml.landmarks import set_position
from InnerEarSegLib.panel.worker_process import python_command
from InnerEarSegLib.report.subject import PATIENT, SUBJECT, read_subject
from Testing.stand_ins.dialogs import dialogs

FLEX24 = "MED-EL FLEX24"
MAKE_COMMAND = "InnerEarSegLib.panel.report_section.ReportSection.make_command"


@pytest.fixture
def opened(monkeypatch):
    """Addresses that the panel opens in the browser."""
    import qt

    urls = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: urls.append(url.toLocalFile()))
    return urls


@pytest.fixture
def segmented(story):
    assert not story.ui.reportButton.enabled
    story.segment()
    assert story.ui.reportButton.enabled
    return story


@pytest.fixture
def worker(monkeypatch):
    """Sets the program that stands for the worker; returns whether each call wants a PDF."""

    def program(text):
        pdfs = []

        def command(folder, page, pdf):
            pdfs.append(pdf)
            return python_command("-c", text, str(folder))

        monkeypatch.setattr(MAKE_COMMAND, staticmethod(command))
        return pdfs

    return program


@pytest.fixture
def handed_over(segmented, worker):
    """A worker that only keeps what it was given, in place of the page."""
    kept = segmented.folder / "kept"
    worker(f"import shutil, sys; shutil.copytree(sys.argv[1], {str(kept)!r})")
    return kept


def report(story, answer):
    dialogs.answer(answer)
    story.ui.reportButton.click()
    story.wait(lambda: not story.panel.reporting.active, 90, "end of the report")


@pytest.fixture
def bare(monkeypatch):
    """The real worker without slicer and torch."""
    from InnerEarSegLib.panel.report_section import ReportSection

    real = ReportSection.make_command
    program = (
        "import sys; sys.modules['slicer'] = sys.modules['torch'] = None; "
        "from InnerEarSegLib.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )

    def command(folder, page, pdf):
        arguments = real(folder, page, pdf)[1:]
        assert arguments[:2] == ["-m", "InnerEarSegLib"]
        return python_command("-c", program, *arguments[2:])

    monkeypatch.setattr(MAKE_COMMAND, staticmethod(command))


def test_from_a_correction_to_a_page(segmented, opened, bare):
    (node,) = segmented.panel.reviewing._results.landmarks.values()
    r, a, s = segmented.ear.found["oval window"]
    set_position(node, "oval window", (r, a + 0.8, s))
    segmented.ui.array2ComboBox.setCurrentIndex(segmented.ui.array2ComboBox.findText(FLEX24))
    segmented.ui.depth2SpinBox.setValue(21.5)
    page = segmented.folder / "filed" / "case 1.html"
    report(segmented, str(page))
    text = page.read_text(encoding="utf-8")
    assert f"{FLEX24}, 21.5 mm" in text  # as it was chosen in the panel
    assert "A diameter" in text and "moved by 0.8 mm" in text and ">corrected<" in text
    plain = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    for word in ("Temporal bone", str(segmented.folder), "ies-", "case 1"):
        assert word not in plain, word
    assert (page.parent / "case 1.measurements.json").is_file()
    assert segmented.ui.statusLabel.text == f"Report: {page}. Arrays shown: {FLEX24}"
    assert opened == [str(page)]
    assert list(segmented.temporary.iterdir()) == []


def test_the_patient_is_named_once_and_only_when_ticked(segmented, handed_over, opened):
    ui = segmented.ui
    assert not ui.patientCheckBox.checked and not ui.patientLineEdit.enabled
    ui.patientLineEdit.text = "typed before"
    report(segmented, str(segmented.folder / "r.html"))
    assert read_subject(handed_over).cts and not (handed_over / PATIENT).exists()
    assert "Temporal bone" not in (handed_over / SUBJECT).read_text(encoding="utf-8")
    shutil.rmtree(handed_over)
    ui.patientCheckBox.click()
    assert ui.patientLineEdit.enabled
    ui.patientLineEdit.text = "Jane Doe, 1961"
    report(segmented, str(segmented.folder / "r"))  # without its ending
    assert (handed_over / PATIENT).read_text(encoding="utf-8") == "Jane Doe, 1961"
    assert opened[-1].endswith("r.html")
    assert not ui.patientCheckBox.checked and ui.patientLineEdit.text == ""
    assert "Jane" not in segmented.xml() and "Jane" not in ui.logTextEdit.plainText


def test_no_place_no_report_and_another_ct_is_another_patient(segmented):
    ui = segmented.ui
    dialogs.answer("")
    ui.reportButton.click()
    assert not segmented.panel.reporting.active and list(segmented.temporary.iterdir()) == []
    ui.patientCheckBox.click()
    ui.patientLineEdit.text = "Jane Doe"
    other = segmented.add_volume()
    ui.inputSelector.setCurrentNode(other)
    segmented.process()
    assert ui.patientLineEdit.text == "" and not ui.patientCheckBox.checked
    assert not ui.reportButton.enabled  # it has no results


OPTIONS = [
    ("is there already and was not made by InnerEarSeg; choose another --output.", "another file."),
    ("is a folder; --output needs a file that ends in .html.", "needs a file that ends in .html."),
    ("is not there; use --device cpu.", "choose the CPU under Options."),
    ("is a folder; remove it or choose another --output.", "choose another file."),
]


@pytest.mark.parametrize(("said", "shown"), OPTIONS)
def test_a_worker_that_fails_says_why_in_words_of_the_panel(segmented, worker, opened, said, shown):
    page = segmented.folder / "--output.html"
    worker(f"import sys; print('innerearseg: {page} {said}', file=sys.stderr); sys.exit(2)")
    report(segmented, str(page))
    text = segmented.ui.statusLabel.text
    assert text.startswith(str(page)) and text.endswith(shown) and opened == []
    assert segmented.ui.reportButton.enabled and list(segmented.temporary.iterdir()) == []
    assert "--" not in text.replace(str(page), "")


def test_whatever_goes_wrong_is_said_and_the_button_stays(segmented, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("no voxels at all")

    monkeypatch.setattr("InnerEarSegLib.panel.hand_over.subject_of", broken)
    report(segmented, "report.html")
    assert segmented.ui.statusLabel.text == "The report could not be made: no voxels at all"
    assert "ZeroDivisionError" in segmented.ui.logTextEdit.toPlainText()
    assert segmented.ui.reportButton.enabled and not segmented.panel.reporting.active


def test_a_page_of_other_origin_is_set_aside(segmented, opened, bare):
    page = segmented.folder / "mine.html"
    page.write_text("<html>mine", encoding="utf-8")
    report(segmented, str(page))
    text = segmented.ui.statusLabel.text
    [aside] = segmented.folder.glob("mine-earlier-*.html")
    assert aside.read_text(encoding="utf-8") == "<html>mine" and opened == [str(page)]
    assert text.startswith(f"Report: {page}. Note: ") and str(aside) in text and "--" not in text


def test_notes_of_the_worker_are_in_the_status(segmented, opened, worker):
    from InnerEarSegLib.report.files import PDF_REMOVED

    page = segmented.folder / "r.html"
    gone = "Note: " + PDF_REMOVED.format(page.with_suffix(".pdf"))
    notes = ["Note: some letters are not shown.", "noise", gone]
    worker(f"import sys; print({chr(10).join(notes)!r}, file=sys.stderr)")
    report(segmented, str(page))
    text = segmented.ui.statusLabel.text
    assert text.startswith(f"Report: {page}. ") and opened == [str(page)]
    assert "some letters are not shown." in text and "noise" not in text
    assert "r.pdf was of the earlier report" in text and "--" not in text


def test_fpdf2_is_offered_for_a_pdf_and_the_page_is_made_without(
    segmented, opened, worker, monkeypatch
):
    page = segmented.folder / "r.html"
    wanted = worker("")
    segmented.ui.reportPdfCheckBox.click()
    report(segmented, str(page))
    monkeypatch.setattr("InnerEarSegLib.panel.hand_over.find_spec", lambda name: None)
    dialogs.answer("Not now")
    report(segmented, str(page))
    assert "missing: fpdf2." in dialogs.shown[-2].text
    assert wanted == [True, False] and opened == [str(page)] * 2
    text = segmented.ui.statusLabel.text
    assert text == f"Report: {page}. No PDF was made, as fpdf2 is missing"


def test_a_name_with_a_dot_keeps_it(segmented, opened, worker):
    """ "Case 1.1" and "Case 1.2" are two patients' reports."""
    worker("")
    report(segmented, str(segmented.folder / "Case 1.1"))
    assert opened == [str(segmented.folder / "Case 1.1.html")]


def test_leaving_stops_it(segmented, opened, worker):
    worker("import time; print(flush=True); time.sleep(600)")
    dialogs.answer(str(segmented.folder / "r.html"))
    ui = segmented.ui
    ui.patientCheckBox.click()
    ui.reportButton.click()
    assert segmented.panel.reporting.active and not ui.reportButton.enabled
    # A name that is typed for the next report would be forgotten at the end of this one.
    assert not ui.patientCheckBox.enabled and not ui.patientLineEdit.enabled
    segmented.panel.close()
    assert list(segmented.temporary.iterdir()) == [] and opened == []
