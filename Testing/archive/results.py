"""Results of DICOM series with ears on them, made up without a network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.report.subject import Subject, ct_around
from InnerEarSegLib.types import (
    AUXILIARY,
    LANDMARKS,
    RAS_FROM_LPS,
    Ear,
    Findings,
    Geometry,
    Landmark,
    ModelIdentity,
    Quality,
    Segmentation,
)
from Testing.command_line.make_ct import phantom
from Testing.command_line.make_dicom import ROOT, dataset, save, write_series

MODEL = ModelIdentity("Test model", "1.2.3", "ab" * 32)

TELLING = {
    "PatientName": "DOE^JANEQUERY",
    "PatientID": "PID-77123",
    "PatientBirthDate": "19610203",
    "PatientSex": "F",
    "AccessionNumber": "ACC90817",
    "ReferringPhysicianName": "House^Gregoria",
    "StudyDescription": "Petrous of Jane",
    "SeriesDescription": "Doe bone 0.6",
    "StudyDate": "20240517",
    "StudyTime": "101112",
    "StudyID": "ST4711",
    "PatientComments": "Neighbour of the mayor",
}
"""What a source holds of its patient and study."""

FILED = {
    "FrameOfReferenceUID": f"{ROOT}.300",
    "SliceThickness": 0.6,
    "InstitutionName": "Hospital Nowhere",
    **TELLING,
}

BLOB = (  # axes of ellipsoids and their places, mm: lopsided, so that a flipped axis is noticed
    ((3.2, 2.4, 1.9), (0.0, 0.0, 0.0)),
    ((1.8, 1.4, 1.2), (3.0, 1.5, 0.9)),
)
STEPS = {
    "helicotrema": (2.0, 1.2, 0.5),
    "oval window": (-1.5, 0.6, 0.8),
    "round window": (-1.2, -1.3, 0.0),
    "basal turn centre": (1.2, -0.4, 0.0),
    "vestibule centre": (-2.3, 0.5, 0.4),
}


def make_ear(side, ct, center, parts=2, **changes) -> Ear:
    """An ear whose grid is the CT's, its voxels divided into so many parts along each axis."""
    low = np.clip(np.round(ct.geometry.to_ijk(center)) - 14, 0, None).astype(int)
    high = np.minimum(low + 29, np.array(ct.geometry.shape[::-1]))
    index = np.diag([1.0 / parts] * 3 + [1.0])
    index[:3, 3] = low + 0.5 / parts - 0.5
    shape = tuple(int(n) * parts for n in (high - low)[::-1])
    grid = Geometry(ct.geometry.ijk_to_ras @ index, shape)
    ras = grid.to_ras(np.indices(shape)[::-1].transpose(1, 2, 3, 0)) - center
    inside = np.zeros(shape, bool)
    for axes, place in BLOB:
        inside |= (((ras - place) / axes) ** 2).sum(axis=-1) < 1
    marks = {
        name: Landmark(name, tuple((np.add(center, step)).tolist()), 0.8, 0.4)
        for name, step in STEPS.items()
    }
    arguments = {
        "side": side,
        "labyrinth": inside.astype(np.uint8),
        "geometry": grid,
        "landmarks": tuple(marks[name] for name in LANDMARKS),
        "volume_mm3": float(inside.sum() * grid.voxel_volume),
        "quality": Quality("check", ("The round window is uncertain.",)),
        "auxiliary": tuple(marks[name] for name in AUXILIARY),
        "findings": Findings(2, ("superior",), (), 1, True, 0.61, 0.6, 0.0, 0.97, 1.2),
    }
    return Ear(**{**arguments, **changes})


def make_subject(ct, *ears) -> Subject:
    """What a report and an export are about."""
    around = {ear.side: ct_around(ct.array, ct.geometry, ear.geometry.corners) for ear in ears}
    spacing = tuple(float(value) for value in ct.geometry.spacing)
    return Subject(Segmentation(tuple(ears), MODEL, "cpu"), around, spacing)


def make_case(folder: Path, *, shape=(30, 44, 60), write=write_series, two=True, **tags):
    """A DICOM series and a result on it: its folder, CT and subject."""
    series = write(folder, phantom(shape), **{**FILED, **tags})
    ct = read_ct(series)
    at = np.array(ct.geometry.shape[::-1])
    left, right = (ct.geometry.to_ras(at * share) for share in ((0.75, 0.5, 0.5), (0.3, 0.5, 0.5)))
    ears = [make_ear("left", ct, left), *([make_ear("right", ct, right)] if two else [])]
    return SimpleNamespace(folder=series, ct=ct, subject=make_subject(ct, *ears))


def write_oblique(folder: Path, hu, digits: int = 6, **tags) -> Path:
    """A series with axes along none of the patient's, cosines rounded as scanners do."""
    row, column = np.array([0.936293, 0.275097, 0.218350]), np.array([-0.312345, 0.9364, 0.159579])
    column -= row * (row @ column)
    column /= np.linalg.norm(column)
    normal = np.cross(row, column)
    cosines = [round(float(v), digits) for v in (*row, *column)]
    for k, plane in enumerate(hu):
        place = np.array([-10, -20, 5]) + 0.6 * k * normal
        tags_of_slice = {
            "SOPInstanceUID": f"{ROOT}.7.{k + 1}",
            "SeriesInstanceUID": f"{ROOT}.200.7",
            "ImageOrientationPatient": cosines,
            "ImagePositionPatient": [round(float(v), 4) for v in place],
            "InstanceNumber": k + 1,
        }
        ds = dataset((plane.astype(np.int32) + 1024).astype(np.uint16), **{**tags, **tags_of_slice})
        save(ds, folder / f"{k:03d}.dcm")
    return folder


def write_volume(folder, ct):
    """A CT as single slices; paths by SOPInstanceUID."""
    lps = RAS_FROM_LPS @ ct.geometry.ijk_to_ras
    i, j, _ = ct.geometry.spacing
    cosines = (lps[:3, :2] / [i, j]).T.ravel()
    files = {}
    for number, plane in enumerate(ct.array):
        place = lps[:3, 3] + number * lps[:3, 2]
        made = dataset(
            (np.clip(plane, -1024, None).astype(np.int32) + 1024).astype(np.uint16),
            **FILED,
            SOPInstanceUID=f"{ROOT}.9.{number + 1}",
            SeriesInstanceUID=f"{ROOT}.209",
            PixelSpacing=[float(j), float(i)],
            ImageOrientationPatient=[round(float(v), 6) for v in cosines],
            ImagePositionPatient=[round(float(v), 4) for v in place],
            InstanceNumber=number + 1,
        )
        files[made.SOPInstanceUID] = str(save(made, folder / f"{number:03d}.dcm"))
    return files


def blocks_of(subject, views=None):
    """The subject's report."""
    from datetime import datetime

    from InnerEarSegLib.report.content import build_report

    return build_report(subject, made=datetime(2026, 1, 2), views=views)


def lps(ras):
    """LPS mm of a point in RAS mm."""
    return RAS_FROM_LPS[:3, :3] @ np.asarray(ras)
