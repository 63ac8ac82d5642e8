"""A result is the same once an archive had it: any kind of source, any state of a landmark."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

pytest.importorskip("highdicom", reason="highdicom is not installed")
pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
pytest.importorskip("fpdf", reason="fpdf2 is not installed")

from pydicom.uid import RLELossless

from InnerEarSegLib.archive.export import SEGMENTATION_DCM
from InnerEarSegLib.archive.segmentation_object import labels_of
from InnerEarSegLib.archive.source import read_headers
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.dicom_results import check_images, read_archived
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.types import Geometry, Landmark, ModelIdentity, Quality
from Testing.command_line.make_ct import phantom
from Testing.command_line.make_dicom import uid, write_multi_frame, write_series

from .conftest import export_case
from .results import FILED, make_case, make_ear, make_subject, write_oblique
from .test_objects import output_of, same_voxels


def multi_frame(folder, hu, **tags):
    return write_multi_frame(folder.with_suffix(".dcm"), hu, **tags)


def compressed(folder, hu, **tags):
    return write_series(folder, hu, compress=RLELossless, **tags)


def tilted(folder, hu, **tags):
    return write_series(folder, hu, shear=0.3, **tags)


def coarsely_rounded(folder, hu, **tags):
    return write_oblique(folder, hu, digits=3, **tags)


KINDS = [write_series, write_oblique, coarsely_rounded, tilted, multi_frame, compressed]


@pytest.mark.parametrize("write", KINDS)
def test_ears_come_back_from_any_kind_of_source(tmp_path, write):
    folder = tmp_path / "ct"
    folder.mkdir()
    case = make_case(folder, write=write)
    out = export_case(case, tmp_path / "objects")
    back = read_archived(out.folder)
    assert back.series == read_series(case.folder)
    ears = case.subject.segmentation.ears
    assert [ear.side for ear in back.segmentation.ears] == ["left", "right"]
    for ear, other in zip(ears, back.segmentation.ears, strict=True):
        # DICOM's axes are at right angles; rounded ones are turned there, by 0.003 mm here.
        within = 0.02 if write is coarsely_rounded else 1e-3
        same_voxels(ear, other.geometry.to_ras(np.argwhere(other.labyrinth)[:, ::-1]), within)
        assert other.volume_mm3 == pytest.approx(ear.volume_mm3, rel=1e-4)
        for one, two in zip(ear.landmarks, other.landmarks, strict=True):
            assert np.linalg.norm(np.subtract(one.ras, two.ras)) < 0.01
        assert other.quality == ear.quality and other.findings == ear.findings
        assert back.segmentation.model == case.subject.segmentation.model
    assert out.difference.dice == 1.0 and out.difference.landmark_mm < 0.01
    assert out.difference.surface_mm < 0.1
    for path in out.files[:2]:
        _, said = output_of("dciodvfy", path, need=" (dicom3tools)")
        assert "Error" not in said, said


def read_series(path):
    from InnerEarSegLib.io.dicom_series import find_series

    return find_series(path, None)[0].uid


STATES = (
    Landmark("helicotrema", (1.0, 2.0, 14.0), 0.31, 0.9, (0.5, 2.0, 14.0)),  # corrected
    Landmark("oval window", (2.0, 9.0, 15.0), 0.2, None, None, True),  # placed and confirmed
    Landmark("round window", None, 0.4, 0.7, (3.0, 8.0, 12.0)),  # removed
)
OTHERS = (
    Landmark("helicotrema", None, 0.1),  # not found
    Landmark("oval window", None, 0.1, confirmed=True),  # confirmed as not visible
    Landmark("round window", (3.0, 8.0, 12.0), 0.4, 0.7, confirmed=True),
)


def test_every_state_of_landmarks_and_segments_comes_back(tmp_path):
    case = make_case(tmp_path / "ct")
    left, right = case.subject.segmentation.ears
    other = ModelIdentity("Other", "2.0", "cd" * 32)  # as after a second run of this ear
    left = replace(left, landmarks=STATES, segment="edited", auxiliary=(), model=other)
    gone = np.zeros((1, 1, 1), np.uint8)
    right = replace(
        right, landmarks=OTHERS, segment="removed", labyrinth=gone, volume_mm3=0.0,
        geometry=Geometry(np.eye(4), (1, 1, 1)), quality=Quality("poor", ("One.", "Two.")),
    )  # fmt: skip
    case.subject = replace(
        make_subject(case.ct, left, right),
        cts=case.subject.cts,
    )
    folder = export_case(case, tmp_path / "o").folder
    (segment,) = pydicom.dcmread(folder / SEGMENTATION_DCM).SegmentSequence
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmParameters == f"model_sha256={'cd' * 32}"
    back = read_archived(folder).segmentation
    assert [ear.model for ear in back.ears] == [left.model, right.model]
    for ear, other in zip((left, right), back.ears, strict=True):
        assert other.segment == ear.segment and other.quality == ear.quality
        for one, two in zip(ear.landmarks, other.landmarks, strict=True):
            assert (two.name, two.state, two.confirmed) == (one.name, one.state, one.confirmed)
            assert two.confidence == one.confidence and two.radius_mm == one.radius_mm
            for here, there in ((one.ras, two.ras), (one.automatic_ras, two.automatic_ras)):
                assert (here is None) == (there is None)
                assert here is None or np.linalg.norm(np.subtract(here, there)) < 0.01
    assert not back.ears[1].labyrinth.any()


def test_ears_on_staggered_grids_are_two_objects_and_nothing_is_resampled(tmp_path):
    case = make_case(tmp_path / "ct")
    left, right = case.subject.segmentation.ears
    other = make_ear("right", case.ct, right.geometry.center, parts=3)
    assert len(labels_of([left, right])) == 1 and len(labels_of([left, other])) == 2
    case.subject = make_subject(case.ct, left, other)
    out = export_case(case, tmp_path / "objects")
    assert (out.folder / "segmentation_2.dcm").is_file()
    assert out.difference.dice == 1.0


def test_a_second_export_replaces_the_first(tmp_path):
    case = make_case(tmp_path / "ct")
    first = export_case(case, tmp_path / "objects", report=True)
    case.subject = make_subject(case.ct, case.subject.segmentation.ears[0])
    second = export_case(case, tmp_path / "objects")
    assert len(second.files) < len(first.files)
    left = {path.name for path in second.folder.glob("*.dcm")}
    assert left == {path.name for path in second.files}


def test_the_newest_report_counts(tmp_path):
    case = make_case(tmp_path / "ct", two=False)
    export_case(case, tmp_path / "study" / "a")
    [ear] = case.subject.segmentation.ears
    moved = replace(ear.landmarks[0], ras=(1.0, 2.0, 14.0))
    ear = replace(ear, landmarks=(moved, *ear.landmarks[1:]))
    case.subject = make_subject(case.ct, ear)
    export_case(case, tmp_path / "study" / "b")
    [back] = read_archived(tmp_path / "study").segmentation.ears
    assert back.landmarks[0].state == "corrected"


def test_results_of_two_studies_are_refused(tmp_path):
    export_case(make_case(tmp_path / "1", two=False), tmp_path / "all" / "a")
    other = make_case(tmp_path / "2", two=False, StudyInstanceUID="1.2.3.4")
    export_case(other, tmp_path / "all" / "b")
    with pytest.raises(UnusableInput, match="holds results of 2 studies"):
        read_archived(tmp_path / "all")


def test_a_ct_that_lacks_images_is_refused(tmp_path):
    case = make_case(tmp_path / "ct", two=False)
    archived = read_archived(export_case(case, tmp_path / "ct" / "objects").folder)
    check_images(archived, tmp_path / "ct")
    for path in sorted(case.folder.glob("*.dcm"))[:3]:
        path.unlink()
    with pytest.raises(UnusableInput, match="lacks 3 of the 30 images"):
        check_images(archived, tmp_path / "ct")


def test_a_damaged_segmentation_is_named(tmp_path):
    out = export_case(make_case(tmp_path / "ct", two=False), tmp_path / "objects")
    change(out.folder / "segmentation.dcm", {"PixelData": b"\0\0"})
    with pytest.raises(UnusableInput, match=r"segmentation .* is damaged"):
        read_archived(out.folder)


def test_several_series_of_a_study_are_told_apart(tmp_path):
    hu = phantom((30, 44, 60))
    write_series(tmp_path / "ct", hu + 7, number=2, **FILED)
    case = make_case(tmp_path / "one")
    case.folder = write_series(tmp_path / "ct", hu, number=1, **FILED)
    case.series = uid(1)
    out = export_case(case, tmp_path / "ct" / "objects")
    assert read_archived(tmp_path / "ct").series == uid(1)
    # The objects are no CTs, and do not hinder reading one.
    assert np.array_equal(read_ct(tmp_path / "ct", uid(1)).array, case.ct.array)
    assert out.difference.small
    case.series = uid(2)
    with pytest.raises(UnusableInput, match="not the CT of this result"):
        export_case(case, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("tags", "said"), [
    ({"FrameOfReferenceUID": None}, "does not name its frame of reference"),
    ({"StudyInstanceUID": None}, "does not name its study"),
    ({"SOPInstanceUID": None}, "images without a UID"),
    ({"SOPClassUID": None}, "images without a UID or a class"),
    ({"SeriesInstanceUID": None}, "does not name its series"),
])  # fmt: skip
def test_a_series_that_cannot_be_referred_to_is_refused_early(tmp_path, tags, said):
    case = make_case(tmp_path / "ct")
    for path in case.folder.iterdir():
        change(path, tags)
    with pytest.raises(UnusableInput, match=said):
        read_headers(case.folder)


def change(path, tags):
    """Set elements of a file by keyword; None deletes one."""
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName"])
def test_a_series_of_two_patients_is_refused_without_naming_them(tmp_path, keyword):
    case = make_case(tmp_path / "ct")
    change(min(case.folder.iterdir()), {keyword: "OTHER"})
    with pytest.raises(UnusableInput, match="belongs to more than one patient") as refused:
        read_headers(case.folder)
    assert not any(word in str(refused.value) for word in ("OTHER", "PID-77123", "DOE"))


def test_headers_that_break_the_standard_are_not_printed(tmp_path, recwarn):
    case = make_case(tmp_path / "ct")
    with pydicom.config.disable_value_validation():
        for path in case.folder.iterdir():
            change(path, {"FrameOfReferenceUID": "1.2.03.abc", "StudyInstanceUID": "1.2.003"})
    recwarn.clear()
    read_headers(case.folder)
    assert [str(warning.message) for warning in recwarn] == []


def test_a_series_without_optional_elements_has_objects(tmp_path):
    case = make_case(
        tmp_path / "ct", two=False, SliceThickness=None, PatientID=None, PatientName=None,
        PatientBirthDate=None, PatientSex=None, StudyDate=None, StudyTime=None, StudyID=None,
        AccessionNumber=None, ReferringPhysicianName=None, InstanceNumber=None,
    )  # fmt: skip
    out = export_case(case, tmp_path / "objects")
    assert out.difference.small
    for path in out.files[:2]:
        _, said = output_of("dciodvfy", path, need=" (dicom3tools)")
        assert "Error" not in said, said


def test_a_moved_ct_is_refused(tmp_path):
    case = make_case(tmp_path / "ct")
    moved = make_case(tmp_path / "other", places=[6 + 0.6 * k for k in range(30)])
    moved.folder = case.folder
    with pytest.raises(UnusableInput, match="or the CT was moved"):
        export_case(moved, tmp_path / "objects")


def test_a_study_without_its_segmentation_is_refused(tmp_path):
    out = export_case(make_case(tmp_path / "ct"), tmp_path / "objects")
    (out.folder / "segmentation.dcm").unlink()
    with pytest.raises(UnusableInput, match="segmentation that the structured report refers to"):
        read_archived(out.folder)
    (out.folder / "measurements.dcm").unlink()
    with pytest.raises(UnusableInput, match="no structured report of InnerEarSeg"):
        read_archived(out.folder)
