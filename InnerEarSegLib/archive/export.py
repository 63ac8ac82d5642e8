"""Make all DICOM objects of a result, check them by reading them back, and write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnusableInput
from ..io.dicom_results import read_archived
from ..io.result_folder import ResultFolder
from ..process import temporary
from ..report.content import Block
from ..report.pdf import write_pdf
from ..report.subject import Subject
from ..types import Ear, Segmentation, Side
from .documents import encapsulated_pdf, secondary_captures
from .identity import new_uid
from .pictures import plates
from .segmentation_object import labels_of, segmentation_object
from .source import SourceSeries, check_same_ct, silent
from .structured_report import structured_report

SEGMENTATION_DCM, REPORT_DCM, PDF_DCM = "segmentation.dcm", "measurements.dcm", "report.dcm"
NAMES = (
    *(SEGMENTATION_DCM, "segmentation_2.dcm", REPORT_DCM, PDF_DCM),
    *(f"picture_{number:02d}.dcm" for number in range(1, 100)),
)
"""Files that an export may write, in the order in which they are sent."""

MIN_DICE = 0.999
MAX_SURFACE_MM = 0.1
MAX_LANDMARK_MM = 0.01
"""Objects that are farther off their result than this are not written."""


@dataclass(frozen=True)
class Difference:
    """What was lost between a result and its objects, read back.

    Attributes:
        dice: least of all ears' labyrinths; None without one.
        surface_mm: largest distance between a voxel of a labyrinth and itself, read back.
        landmark_mm: largest distance of a landmark, now or automatic, from itself, read back.
    """

    dice: float | None
    surface_mm: float
    landmark_mm: float

    @property
    def small(self) -> bool:
        """Whether the objects may stand for the result."""
        same = self.dice is None or self.dice >= MIN_DICE
        return same and self.surface_mm <= MAX_SURFACE_MM and self.landmark_mm <= MAX_LANDMARK_MM

    @property
    def sentence(self) -> str:
        """For the user."""
        of_segments = "" if self.dice is None else f"Dice {self.dice:.4f}, "
        return (
            f"Read back: {of_segments}voxels within {self.surface_mm:.4f} mm, landmarks within "
            f"{self.landmark_mm:.4f} mm."
        )


def export(
    subject: Subject,
    blocks: Sequence[Block],
    source: SourceSeries,
    folder: Path,
    observer: str = "",
) -> tuple[ResultFolder, list[Path], Difference]:
    """Write the objects of a result into a folder, all or none.

    Args:
        subject: the result as it is now.
        blocks: its report.
        source: the series that it was made from.
        folder: made if it is not there; files of an earlier export are replaced.
        observer: who reviewed the result; may be empty.

    Returns:
        The folder, which tells what became of earlier files; the files; what reading back showed.

    Raises:
        UnusableInput: the series is not the result's CT, the folder cannot be written, or an object
            does not hold what the result holds.
    """
    check_same_ct(source, subject.cts)
    output = ResultFolder(folder)
    with silent(), temporary() as folder_of_pdf:
        try:
            objects = _objects(subject, blocks, source, folder_of_pdf / "report.pdf", observer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What highdicom misses in a header, it names in words for programmers.
            raise UnusableInput(
                "No DICOM objects can refer to the source series: its headers lack what the "
                f"standard asks for ({error})."
            ) from error
        with output.adding(obsolete=NAMES) as stage:
            for name, dataset in objects.items():
                # Last, as those that make objects of others would take, and check, the patient.
                source.file_under(dataset)
                # Not by pydicom, which puts a traceback into the sentence on a full disk.
                content = BytesIO()
                dataset.save_as(content, enforce_file_format=True)
                (stage / name).write_bytes(content.getvalue())
            found = compare(subject.segmentation, stage)
            if not found.small:
                raise UnusableInput(
                    f"The DICOM objects do not hold what the result holds; nothing was written. "
                    f"{found.sentence}"
                )
    return output, [output.folder / name for name in objects], found


def _objects(
    subject: Subject, blocks: Sequence[Block], source: SourceSeries, pdf: Path, observer: str
) -> dict[str, Any]:
    """The objects by name of their file, in the order in which they refer to each other."""
    content = subject.segmentation
    objects: dict[str, Any] = {}
    segments: dict[Side, tuple[Any, int]] = {}
    series = new_uid()
    for instance, labels in enumerate(labels_of(content.ears), start=1):
        made = segmentation_object(labels, source, series, instance)
        name = SEGMENTATION_DCM if instance == 1 else f"segmentation_{instance}.dcm"
        objects[name] = made
        for number, ear in enumerate(labels.ears, start=1):
            segments[ear.side] = made, number
    objects[REPORT_DCM] = structured_report(
        subject, source, list(objects.values()), segments, observer
    )
    write_pdf(blocks, pdf)
    objects[PDF_DCM] = encapsulated_pdf(pdf.read_bytes())
    for number, image in enumerate(secondary_captures(plates(blocks), source), start=1):
        objects[f"picture_{number:02d}.dcm"] = image
    return objects


def exported_files(folder: Path) -> list[Path]:
    """List the files of an earlier export; UnusableInput if the folder holds none."""
    files = [path for name in NAMES if (path := folder / name).is_file()]
    if not files:
        raise UnusableInput(
            f"{folder} holds no DICOM objects of InnerEarSeg to send; give --source to make them."
        )
    return files


def compare(result: Segmentation, folder: Path) -> Difference:
    """Read a result's objects back from a folder and measure how far they are off it."""
    back = {ear.side: ear for ear in read_archived(folder).segmentation.ears}
    dices, surface, landmark = [], 0.0, 0.0
    for ear in result.ears:
        other = back[ear.side]
        if ear.labyrinth.any():
            dice, off = _overlap(ear, other)
            dices.append(dice)
            surface = max(surface, off)
        for one, two in zip(
            (*ear.landmarks, *ear.auxiliary), (*other.landmarks, *other.auxiliary), strict=True
        ):
            if (one.name, one.state, one.confirmed) != (two.name, two.state, two.confirmed):
                landmark = float("inf")
            for here, there in ((one.ras, two.ras), (one.automatic_ras, two.automatic_ras)):
                if here is not None and there is not None:
                    landmark = max(landmark, float(np.linalg.norm(np.subtract(here, there))))
    return Difference(min(dices, default=None), surface, landmark)


def _overlap(ear: Ear, other: Ear) -> tuple[float, float]:
    """Dice of a labyrinth with itself read back, and the largest way of a voxel in mm."""
    there = other.geometry.to_ras(np.argwhere(other.labyrinth)[:, ::-1])
    exact = ear.geometry.to_ijk(there)
    index = np.round(exact).astype(np.int64)
    size = np.array(ear.labyrinth.shape[::-1])
    kept = index[((index >= 0) & (index < size)).all(axis=1)]
    common = int((ear.labyrinth[tuple(kept.T[::-1])] != 0).sum())
    dice = 2 * common / (int((ear.labyrinth != 0).sum()) + len(there))
    moved = np.linalg.norm(ear.geometry.to_ras(exact) - ear.geometry.to_ras(index), axis=1)
    return dice, float(moved.max(initial=0.0))
