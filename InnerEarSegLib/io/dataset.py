"""The human bony labyrinth dataset, in the layout of Zenodo, and landmarks of 3D Slicer.

Wimmer et al. 2019, doi:10.5281/zenodo.3355272 (CC BY 4.0)::

    F01/CT/F01_CT_RAW.nii      F01/CT/F01_CT_LABELS.nii      F01/F01_DESC.json
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import (
    AUXILIARY,
    BASAL_TURN,
    HELICOTREMA,
    LANDMARKS,
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

LPS = ("LPS", "1")
"""FCSV of version 1 writes 1 for LPS and 0 for RAS."""


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
    """Read one specimen, of a cut CT its whole slices; UnusableInput if it cannot be used."""
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
        if key in KEYS:
            try:
                landmarks[KEYS[key]] = _points([(key, ras, False)])[key]
            except (TypeError, ValueError):
                raise UnusableInput(f"{what} gives landmark {key} no three numbers.") from None
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


def read_landmarks(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read landmarks, RAS mm (3,) by name: Slicer's .mrk.json or .fcsv, or a DESC.json.

    Labels are names of LANDMARKS and AUXILIARY or the dataset's keys (A, OW, RW, C, V), upper or
    lower case; other points are left out.

    Raise UnusableInput if the file cannot be read or holds none of the landmarks.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        points = _fcsv(text) if path.suffix.lower() == ".fcsv" else _json(json.loads(text))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise UnusableInput(
            f"The landmarks {path} cannot be read; save them from Slicer as .mrk.json or .fcsv."
        ) from None
    names = {name.lower(): name for name in (*LANDMARKS, *AUXILIARY)}
    names |= {key.lower(): name for key, name in KEYS.items()}
    labelled = ((names.get(label.strip().lower()), ras) for label, ras in points.items())
    known = {name: ras for name, ras in labelled if name is not None}
    if not known:
        raise UnusableInput(
            f"The landmarks {path} hold none of {', '.join(LANDMARKS)}; label the points so."
        )
    return known


def _json(content: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Parse a markups file or a description of the dataset."""
    if "LANDMARKS" in content:
        return _points((name, ras, False) for name, ras in content["LANDMARKS"].items())
    return _points(
        (point["label"], point["position"], markup.get("coordinateSystem", "LPS") in LPS)
        for markup in content["markups"]
        for point in markup["controlPoints"]
        if point.get("positionStatus", "defined") == "defined"
    )


def _fcsv(text: str) -> dict[str, NDArray[np.float64]]:
    """Parse FCSV, whose columns a comment names."""
    lps, columns, rows = False, [""], []
    for line in text.splitlines():
        if line.startswith("# CoordinateSystem"):
            lps = line.partition("=")[2].strip() in LPS
        elif line.startswith("# columns"):
            columns = [name.strip() for name in line.partition("=")[2].split(",")]
        elif line.strip() and not line.startswith("#"):
            rows.append(next(csv.reader([line])))
    x, label = columns.index("x"), columns.index("label")
    return _points((row[label], row[x : x + 3], lps) for row in rows)


def _points(found: Iterable[tuple[str, Iterable[Any], bool]]) -> dict[str, NDArray[np.float64]]:
    """Return finite points as RAS by label, from (label, position, whether it is LPS)."""
    points = {}
    for label, position, lps in found:
        ras = np.array([float(value) for value in position])
        if ras.shape != (3,) or not np.isfinite(ras).all():
            raise ValueError(label)
        points[label] = ras * (-1.0, -1.0, 1.0) if lps else ras
    return points
