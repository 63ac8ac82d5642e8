"""Real ears, to and from DICOM. ``pytest -s`` prints the figures of docs/dicom.md."""

import numpy as np
import pytest

pytest.importorskip("highdicom", reason="highdicom is not installed")
pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.types import LANDMARKS, Ear, Landmark

from .conftest import export_case
from .results import SimpleNamespace, make_subject, write_volume

VALIDATION = ("F06", "T03", "F13")


@pytest.mark.parametrize("name", VALIDATION)
def test_a_specimen_comes_back(specimens, tmp_path, name):
    case = specimen(specimens, name).read()
    write_volume(tmp_path / "ct", case.ct)
    ct = read_ct(tmp_path / "ct")
    marks = [Landmark(n, tuple(map(float, case.landmarks[n])), 0.9, 0.3) for n in LANDMARKS]
    volume = float((case.labels != 0).sum()) * case.ct.geometry.voxel_volume
    inside = (case.labels != 0).astype(np.uint8)
    ear = Ear(case.stated_side, inside, case.ct.geometry, tuple(marks), volume)
    subject = make_subject(ct, ear)
    out = export_case(
        SimpleNamespace(folder=tmp_path / "ct", subject=subject), tmp_path / "objects"
    )
    size = (out.folder / "segmentation.dcm").stat().st_size
    print(f"\n{name}: {out.difference.sentence} Segmentation object: {size / 1e6:.1f} MB.")
    assert out.difference.dice == 1.0
    assert out.difference.surface_mm < 0.001 and out.difference.landmark_mm < 0.001
