"""A report does not tell whose ears they are."""

import re

import numpy as np
import pytest

from InnerEarSegLib.cli import report
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.report.content import LEFT_OUT, SEVERAL, without_names
from InnerEarSegLib.types import Segmentation
from Testing.command_line.make_ct import phantom
from Testing.command_line.make_dicom import uid, write_series

from .subjects import MODEL, words_of_pdf

TELLING = {
    "PatientName": "DOE^JANEQUERY",
    "PatientID": "PID-77123",
    "PatientBirthDate": "19610203",
    "AccessionNumber": "ACC90817",
    "InstitutionName": "Hospital Nowhere",
    "StudyDescription": "Petrous of Jane",
    "SeriesDescription": "Doe bone 0.6",
    "StudyDate": "20240517",
}


@pytest.fixture
def dicom_result(made, tmp_path):
    """A result of a DICOM folder named after its patient, with a choice of series."""
    folder = tmp_path / "Doe_Janequery_1961"
    write_series(folder, phantom((40, 60, 60)), ConvolutionKernel="B60", **TELLING)
    write_series(
        folder, phantom((12, 60, 60)), number=2, places=[5 + 2 * k for k in range(12)],
        ConvolutionKernel="B30", **TELLING | {"SeriesDescription": "Doe soft 2.0"},
    )  # fmt: skip
    ct = read_ct(folder)
    center = ct.geometry.center
    ear = made.ear("left", made.grid(np.eye(3), (0.3, 0.3, 0.3), center, (36, 40, 44)))
    result = Segmentation((ear,), MODEL, "cpu", warnings=ct.warnings)
    out = tmp_path / "Janequery_result"
    out.mkdir()
    write_scene(ct, result, out)
    return out, ct


def test_nothing_tells_whose_ears_they_are(dicom_result, tmp_path, capsys):
    out, ct = dicom_result
    told = ["Doe", "Janequery", "1961", str(tmp_path), *TELLING.values(), uid(1), uid(2)]
    told += [ct.name, "1.2.826", ".dcm", "DICOM"]
    assert any("bone 0.6" in warning for warning in ct.warnings)  # there is something to hide
    assert main(["report", str(out), "--pdf"]) == 0
    files = [out / name for name in ("report.html", "measurements.csv", "measurements.json")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    texts["report.pdf"] = words_of_pdf(out / "report.pdf")
    assert SEVERAL in texts["report.html"] and SEVERAL in texts["report.pdf"]
    for name, text in texts.items():
        plain = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text).lower()
        for word in told:
            # A year is told as a number of its own; in a coordinate, its digits are chance.
            sought = rf"(?<![\d.]){word}(?!\d)" if word.isdigit() else re.escape(word.lower())
            assert not re.search(sought, plain), (name, word)


def test_who_it_is_appears_as_it_was_typed(dicom_result, capsys, monkeypatch):
    out, _ = dicom_result
    assert main(["report", str(out), "--pdf", "--patient", "Case <7> Müller"]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Case &lt;7&gt; Müller" in page and "<7>" not in page
    assert "Case <7> Müller" in words_of_pdf(out / "report.pdf")
    assert b"/FontFile2" not in (out / "report.pdf").read_bytes()
    capsys.readouterr()
    assert main(["report", str(out), "--pdf", "--patient", "Łukasz Šimůnek"]) == 0
    assert b"/FontFile2" in (out / "report.pdf").read_bytes() and not capsys.readouterr().err
    monkeypatch.setattr("InnerEarSegLib.report.pdf._fonts", lambda: iter(()))
    assert main(["report", str(out), "--pdf", "--patient", "李"]) == 0
    assert "李" in (out / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().err == f"Note: {report.LETTERS}\n"


@pytest.mark.parametrize(("sentence", "left"), [
    ("Of 3 CT series in the folder, 1.2.3 'Doe' (0.6 mm, B60) was read.", (SEVERAL,)),
    ("doe.dcm is one slice of a series; the whole series was read.", ()),
    ("Something about /home/doe/ct.", (LEFT_OUT,)),
    ("Something about 1.2.840.113619.2.", (LEFT_OUT,)),
    ("The voxels are 0.9 mm along S.", ("The voxels are 0.9 mm along S.",)),
])  # fmt: skip
def test_sentences_without_names(sentence, left):
    assert without_names([sentence, sentence]) == left
