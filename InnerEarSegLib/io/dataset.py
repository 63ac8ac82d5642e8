"""The human bony labyrinth dataset, in the layout in which Zenodo serves it.

Wimmer et al. 2019, doi:10.5281/zenodo.3355272 (CC BY 4.0)::

    F01/CT/F01_CT_RAW.nii      F01/CT/F01_CT_LABELS.nii      F01/F01_DESC.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Geometry,
    Side,
    Volume,
)
from .volume import geometry_of

KEYS = {"A": HELICOTREMA, "OW": OVAL_WINDOW, "RW": ROUND_WINDOW, "C": BASAL_TURN, "V": VESTIBULE}
"""Names of landmarks by the dataset's keys."""


@dataclass(frozen=True, eq=False)
class Case:
    """One specimen.

    Attributes:
        ct: int16 [k, j, i] in HU; fewer slices than in the header if the file is cut short.
        labels: uint8 [k, j, i] on the header's grid, 1 = labyrinth, or None.
        label_geometry: the header's grid.
        landmarks: RAS mm by name.
        side: as the dataset states it; None if a manifest does not.
        remarks: what is wrong with the files, one sentence each.
    """

    name: str
    ct: Volume
    labels: NDArray[np.uint8] | None
    label_geometry: Geometry
    landmarks: dict[str, NDArray[np.float64]]
    side: Side | None
    remarks: tuple[str, ...] = ()

    @property
    def stated_side(self) -> Side:
        """The side; refused if it is not known."""
        if self.side is None:
            raise UnusableInput(f"{self.name}: say in the list whether it is a left or right ear.")
        return self.side


def case_names(root: Path) -> list[str]:
    """List the specimens under the dataset's folder, sorted; refuse a folder without any."""
    if not root.exists():
        raise UnusableInput(f"{root} does not exist.")
    names = sorted(path.parent.name for path in root.glob("*/*_DESC.json"))
    if not names:
        raise UnusableInput(
            f"{root} holds no specimen in the layout of the human bony labyrinth dataset "
            "(CASE/CASE_DESC.json and CASE/CT/CASE_CT_RAW.nii)."
        )
    return names


def read_case(root: Path, name: str) -> Case:
    """Read one specimen; of a CT that is cut short, its complete slices.

    Raises:
        UnusableInput: if the description or the CT cannot be used at all.
    """
    landmarks, side = _read_description(root / name / f"{name}_DESC.json")
    ct, geometry, remarks = _read_ct(root / name / "CT" / f"{name}_CT_RAW.nii", name)
    labels, remark = _read_labels(root / name / "CT" / f"{name}_CT_LABELS.nii", name)
    return Case(name, ct, labels, geometry, landmarks, side, remarks + remark)


def _read_description(path: Path) -> tuple[dict[str, NDArray[np.float64]], Side]:
    """Return the landmarks, RAS mm by name, and the side."""
    what = f"{path.name} in {path.parent}"
    try:
        description = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnusableInput(f"{what} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise UnusableInput(f"{what} is no JSON text; download it again.") from None
    for key, kind in (("LANDMARKS", dict), ("SIDE", str)):
        if not isinstance(description, dict) or not isinstance(description.get(key), kind):
            raise UnusableInput(f"{what} lacks {key}; download it again.")
    landmarks = {}
    for key, ras in description["LANDMARKS"].items():
        try:
            point = np.array([float(value) for value in ras])
        except (TypeError, ValueError):
            point = np.zeros(0)
        if key in KEYS and not (point.shape == (3,) and np.isfinite(point).all()):
            raise UnusableInput(f"{what} gives landmark {key} no three numbers.")
        if key in KEYS:
            landmarks[KEYS[key]] = point
    return landmarks, "left" if description["SIDE"].upper().startswith("L") else "right"


def _read_ct(path: Path, name: str) -> tuple[Volume, Geometry, tuple[str, ...]]:
    """Return the CT's complete slices, the geometry of the header, and remarks."""
    if not path.exists():
        raise UnusableInput(f"{name}: the CT {path} is missing.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        geometry = geometry_of(reader)
        slices = count = geometry.shape[0]
        offset = int(reader.GetMetaData("vox_offset"))
        if reader.GetPixelID() == sitk.sitkInt16:
            slice_bytes = 2 * geometry.shape[1] * geometry.shape[2]
            slices = min(count, max(0, path.stat().st_size - offset) // slice_bytes)
        if slices == count:
            return Volume(sitk.GetArrayFromImage(reader.Execute()), geometry, name), geometry, ()
    except RuntimeError:
        raise UnusableInput(f"{path} cannot be read as NIfTI; download it again.") from None
    if slices == 0:
        raise UnusableInput(f"{path} ends before its first slice; download it again.")
    # ITK would fill the missing slices with zeros.
    shape = (slices, *geometry.shape[1:])
    array = np.fromfile(path, dtype="<i2", count=int(np.prod(shape)), offset=offset).reshape(shape)
    remark = f"{name}: the CT file is cut short; {slices} of {count} slices are whole."
    cropped = Geometry(geometry.ijk_to_ras, shape)
    return Volume(array.astype(np.int16), cropped, name, (remark,)), geometry, (remark,)


def _read_labels(path: Path, name: str) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    """Return labels [k, j, i], or None and a remark if the file holds something else."""
    try:
        array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError:
        return None, (f"{name}: the label file is missing or cannot be read.",)
    if not np.isin(array[:: max(1, array.shape[0] // 8)], (0, 1)).all() or not (array == 1).any():
        return None, (f"{name}: the label file holds no labels (it looks like a CT).",)
    return array.astype(np.uint8), ()
