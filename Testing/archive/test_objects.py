"""What the DICOM objects hold, by the judgement of other programs."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("highdicom", reason="highdicom is not installed")
pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

import SimpleITK as sitk

from InnerEarSegLib.report.figures import COLORS
from InnerEarSegLib.types import Geometry

from .conftest import export_case
from .results import FILED, MODEL, TELLING, lps, make_case

KINDS = ("segmentation.dcm", "measurements.dcm", "report.dcm", "picture_01.dcm", "picture_05.dcm")


def output_of(name, *arguments, need=""):
    """Exit status and output of a program of this Python's environment or of the system."""
    program = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if program is None:
        pytest.skip(f"needs the program {name}{need}")
    command = [program, *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    return process.returncode, process.stdout + process.stderr


@pytest.fixture
def segmentation(exported):
    return pydicom.dcmread(exported.folder / "segmentation.dcm")


@pytest.fixture
def report(exported):
    return pydicom.dcmread(exported.folder / "measurements.dcm")


def test_one_new_series_for_each_kind_of_object(exported):
    datasets = [pydicom.dcmread(path) for path in exported.files]
    series = {}
    for dataset in datasets:
        series.setdefault(dataset.Modality, set()).add(dataset.SeriesInstanceUID)
    assert {kind: len(uids) for kind, uids in series.items()} == {
        "SEG": 1, "SR": 1, "DOC": 1, "OT": 1,
    }  # fmt: skip
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == len(exported.files) > 10
    assert "1.2.826.0.1.3680043.10.43.200.1" not in set().union(*series.values())


@pytest.mark.parametrize("name", KINDS)
def test_dciodvfy_finds_no_error(exported, name):
    _, said = output_of("dciodvfy", exported.folder / name, need=" (dicom3tools)")
    assert "Error" not in said and "Abort" not in said, said
    assert said.split()  # it names the object's kind


@pytest.mark.parametrize("name", KINDS)
def test_dcmtk_reads_every_object(exported, name):
    code, said = output_of("dcmdump", exported.folder / name, need=" (dcmtk)")
    assert code == 0 and TELLING["PatientID"] in said


def test_dsrdump_shows_landmarks_measurements_and_who_reviewed(exported):
    code, said = output_of("dsrdump", "+Pl", exported.folder / "measurements.dcm", need=" (dcmtk)")
    assert code == 0
    for words in (
        'Observer Type")=(121006,DCM,"Person")', "Moreau^Lucie", f"model_sha256={MODEL.sha256}",
        "SCOORD3D", '"A diameter")=', '(mm,UCUM,"mm")', '(mm3,UCUM,"cubic millimeter")',
        '"+/-, range of measurement uncertainty"', '"landmark state")=(automatic,99INNEREARSEG',
        "From the round window through the modiolar axis",
    ):  # fmt: skip
        assert words in said, words


@pytest.mark.parametrize("name", KINDS)
def test_patient_and_study_are_the_source_s(exported, name):
    dataset = pydicom.dcmread(exported.folder / name)
    for keyword, value in TELLING.items():
        if keyword != "SeriesDescription":
            assert dataset[keyword].value == value, keyword
    assert dataset.StudyInstanceUID == "1.2.826.0.1.3680043.10.43.100"
    assert "InstitutionName" not in dataset  # that of the scanner


def test_segments_name_the_inner_ear_its_side_and_the_algorithm(segmentation):
    from highdicom.color import CIELabColor

    for item, side, laterality in zip(
        segmentation.SegmentSequence, ("left", "right"), ("7771000", "24028007"), strict=True
    ):
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("22945000", "SCT")
        [modifier] = kind.SegmentedPropertyTypeModifierCodeSequence
        assert modifier.CodeValue == laterality and item.SegmentLabel == f"Labyrinth {side}"
        [algorithm] = item.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("Test model", "1.2.3")
        assert algorithm.AlgorithmParameters == f"model_sha256={MODEL.sha256}"
        shown = CIELabColor.from_dicom_value(item.RecommendedDisplayCIELabValue).to_rgb()
        assert np.abs(np.subtract(shown, COLORS[side])).max() <= 2


def test_objects_refer_to_the_source_and_its_frame_of_reference(exported, segmentation, report):
    frame = FILED["FrameOfReferenceUID"]
    assert segmentation.FrameOfReferenceUID == frame
    [series] = segmentation.ReferencedSeriesSequence
    slices = {path.name for path in exported.case.folder.iterdir()}
    assert series.SeriesInstanceUID == "1.2.826.0.1.3680043.10.43.200.1"
    assert len(series.ReferencedInstanceSequence) == len(slices)
    frames = {item.ReferencedFrameOfReferenceUID for item in _walk(report, "SCOORD3D")}
    assert frames == {frame}


def _walk(item, kind):
    for part in item.get("ContentSequence") or []:
        if part.ValueType == kind:
            yield part
        yield from _walk(part, kind)


def test_each_landmark_is_a_point_in_lps(exported, report):
    points = [tuple(item.GraphicData) for item in _walk(report, "SCOORD3D")]
    ears = exported.case.subject.segmentation.ears
    expected = [lps(mark.ras) for ear in ears for mark in (*ear.landmarks, *ear.auxiliary)]
    assert len(points) == len(expected) == 10
    assert np.abs(np.subtract(points, expected)).max() < 0.01


def test_highdicom_reads_the_labyrinths_back(exported):
    import highdicom

    seg = highdicom.seg.segread(exported.folder / "segmentation.dcm")
    for number, ear in enumerate(exported.case.subject.segmentation.ears, start=1):
        volume = seg.get_volume(segment_numbers=[number], combine_segments=True, relabel=True)
        index = np.argwhere(volume.array == 1)
        ras = lps(volume.map_indices_to_reference(index).T).T
        same_voxels(ear, ras)


def test_dcmqi_reads_the_labyrinths_back(exported, tmp_path):
    code, said = output_of(
        "segimage2itkimage", "--inputDICOM", exported.folder / "segmentation.dcm",
        "--outputDirectory", tmp_path, "--outputType", "nrrd", need=" (dcmqi)",
    )  # fmt: skip
    assert code == 0, said
    for number, ear in enumerate(exported.case.subject.segmentation.ears, start=1):
        image = sitk.ReadImage(str(tmp_path / f"{number}.nrrd"))
        inside = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]
        same_voxels(ear, Geometry.of_image(image).to_ras(inside))


def same_voxels(ear, ras, within=1e-3):
    """The voxel centres are those of the ear's labyrinth, within so many voxels."""
    exact = ear.geometry.to_ijk(ras)
    index = np.round(exact).astype(int)
    assert np.abs(exact - index).max() < within
    found = {tuple(x) for x in index}
    assert found == {tuple(x) for x in np.argwhere(ear.labyrinth)[:, ::-1]}


def test_the_pdf_is_whole_and_pictures_show_the_landmarks(exported):
    pdf = pydicom.dcmread(exported.folder / "report.dcm")
    content = pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength]
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    pictures = [pydicom.dcmread(x) for x in exported.files if x.name.startswith("picture")]
    titles = [picture.ImageComments for picture in pictures]
    for title in ("Left ear: helicotrema, automatic", "Right ear: round window, automatic"):
        assert any(x.startswith(title) for x in titles), titles
    for picture in pictures:
        pixels = picture.pixel_array
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
        assert pixels.std() > 20  # no empty sheet


def test_a_lossy_source_makes_objects_that_say_so(tmp_path):
    lossy = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": 8.0,
        "LossyImageCompressionMethod": "ISO_15444_1",
    }
    out = export_case(make_case(tmp_path / "ct", two=False, **lossy), tmp_path / "objects")
    assert pydicom.dcmread(out.folder / "segmentation.dcm").LossyImageCompression == "01"
    _, said = output_of("dciodvfy", out.folder / "segmentation.dcm", need=" (dicom3tools)")
    assert "Error" not in said, said
