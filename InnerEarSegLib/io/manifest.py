"""Read manifests: CSV lists of CTs and references, ``case,image,labels,landmarks,side``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Geometry, Side
from .dataset import Case, case_names, read_case
from .landmark_files import read_landmarks
from .volume import geometry_of, read_ct

REQUIRED = ("case", "image")
OPTIONAL = ("labels", "landmarks", "side", "label_values")


@dataclass(frozen=True)
class Entry:
    """One row of a manifest.

    Attributes:
        case: its name, unique in the manifest.
        image: the CT, for ``read_ct``.
        labels: label map, or None.
        landmarks: landmarks file, or None.
        side: "left" or "right", or None if not given.
        label_values: values of the label map that are labyrinth; empty for all but 0.
        where: the manifest and its row, for messages.
    """

    case: str
    image: Path
    labels: Path | None
    landmarks: Path | None
    side: Side | None
    label_values: tuple[int, ...]
    where: str = "The list"


def read_manifest(path: Path) -> list[Entry]:
    """Read the rows of a manifest, with paths relative to its folder.

    Files are not opened, so that a missing one costs its own case alone.

    Raises:
        UnusableInput: naming the row and column that cannot be used.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            titles = file.readline()
            file.seek(0)
            # Spreadsheets of some countries write semicolons.
            separator = max(",;\t", key=titles.count)
            reader = csv.DictReader(file, delimiter=separator)
            fields = [field.strip().lower() for field in reader.fieldnames or ()]
            reader.fieldnames = fields
            rows = [(reader.line_num, row) for row in reader if not _is_blank(row)]
    except OSError as error:
        raise UnusableInput(f"The list {path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise UnusableInput(f"{path} is no CSV text in UTF-8.") from None
    missing = [field for field in REQUIRED if field not in fields]
    unknown = [field for field in fields if field not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        what = f"lacks the column {missing[0]!r}" if missing else f"has a column {unknown[0]!r}"
        raise UnusableInput(
            f"The list {path} {what}; its columns are {', '.join(REQUIRED)} and, if you have "
            f"them, {', '.join(OPTIONAL)}."
        )
    entries = [_entry(row, f"{path}, row {n}", path.parent) for n, row in rows]
    if not entries:
        raise UnusableInput(f"The list {path} holds no case.")
    names = [entry.case for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnusableInput(f"The list {path} holds the case {twice[0]!r} more than once.")
    return entries


def read_entry(entry: Entry) -> Case:
    """Read the CT and references of one row.

    Raises:
        UnusableInput: if a file is missing or cannot be used.
    """
    files = {"image": entry.image, "labels": entry.labels, "landmarks": entry.landmarks}
    for key, path in files.items():
        if path is not None and not path.exists():
            raise UnusableInput(f"{entry.where}: {key} {path} does not exist.")
    ct = read_ct(entry.image)
    labels, geometry = None, ct.geometry
    if entry.labels is not None:
        labels, geometry = _read_labels(entry.labels, entry.label_values)
    landmarks = {} if entry.landmarks is None else read_landmarks(entry.landmarks)
    return Case(entry.case, ct, labels, geometry, landmarks, entry.side, ct.warnings)


def _is_blank(row: dict[Any, Any]) -> bool:
    """Return whether a row has separators alone, as spreadsheets leave below a table."""
    beyond = row.get(None) or []
    cells = [*beyond, *(cell for title, cell in row.items() if title is not None)]
    return not any((cell or "").strip() for cell in cells)


def _entry(row: dict[str | None, str | None], where: str, folder: Path) -> Entry:
    """Parse one row."""
    if None in row:
        raise UnusableInput(f"{where} has more cells than the list has columns.")
    text = {key: (value or "").strip() for key, value in row.items()}
    for key in REQUIRED:
        if not text[key]:
            raise UnusableInput(f"{where}: {key} is empty.")
    paths = {key: folder / text[key] for key in ("image", "labels", "landmarks") if text.get(key)}
    side = text.get("side", "").lower()
    if side not in ("", "left", "right"):
        raise UnusableInput(f"{where}: side {side!r} is neither left nor right.")
    try:
        values = tuple(int(value) for value in text.get("label_values", "").split())
    except ValueError:
        raise UnusableInput(
            f"{where}: label_values must be whole numbers with spaces between them."
        ) from None
    return Entry(
        case=text["case"],
        image=paths["image"],
        labels=paths.get("labels"),
        landmarks=paths.get("landmarks"),
        side=cast(Side, side) if side else None,
        label_values=values,
        where=where,
    )


def _read_labels(path: Path, values: tuple[int, ...]) -> tuple[NDArray[np.uint8], Geometry]:
    """Read a label map: uint8 [k, j, i] with 1 inside the labyrinth, and its grid."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise UnusableInput(f"The labels {path} cannot be read as an image.") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise UnusableInput(f"The labels {path} are not one 3D label map; export them as one.")
    array = sitk.GetArrayFromImage(image)
    mask = np.isin(array, values) if values else array != 0
    if not mask.any():
        which = f" with the values {list(values)}" if values else ""
        raise UnusableInput(f"The labels {path} hold no voxel{which}.")
    if not values and mask.mean() > 0.5:
        raise UnusableInput(f"The labels {path} fill the volume: they look like a CT.")
    return mask.astype(np.uint8), geometry_of(image)


def cases_of(source: Path) -> dict[str, Callable[[], Case]]:
    """Return functions that read the cases, by name, in order.

    Args:
        source: a folder in the layout of the human bony labyrinth dataset, or a CSV manifest of
            any file name.

    Raises:
        UnusableInput: if there is no case, or the manifest cannot be used.
    """
    if source.is_dir() or not (source.is_file() or source.suffix):
        return {name: partial(read_case, source, name) for name in case_names(source)}
    return {entry.case: partial(read_entry, entry) for entry in read_manifest(source)}


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown names of cases.

    Raises:
        UnusableInput: naming the first of them, and the known ones.
    """
    existing = list(known)
    for name in names:
        if name not in existing:
            raise UnusableInput(f"There is no case {name!r}; there are {', '.join(existing)}.")
