"""The CTs of a folder as a cohort: image files and DICOM series, also in the folders below."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import UnusableInput
from ..io.checks import MAX_SLICE_MM, MIN_SLICES
from ..io.dicom_files import looks_like_dicom
from ..io.dicom_series import (
    REFORMAT_WORDS,
    SCOUT_WORDS,
    DicomFile,
    Series,
    group_series,
    read_images,
)
from ..io.result_folder import names_in, read_manifest
from ..io.volume import image_ending
from .cohort import MAX_NAME, Case, Cohort, Skipped, folded, is_name, plain_name
from .segment_case import Source

_VOXEL_FILES = (".raw", ".raw.gz", ".zraw")
"""Belong to a .mhd or .nhdr beside them."""


def find_cases(folder: Path, output: Path) -> Cohort:
    """Find every CT file and every CT series in a folder and those below.

    Hidden folders, ``output`` and other folders with results are left out. A series is what one
    folder has of its SeriesInstanceUID, or several folders together where no two of its slices lie
    in one place. A case is called after its file or folder; series that share a folder have their
    number added.

    Raises:
        UnusableInput: there is no CT, or the folder cannot be read.
    """
    try:
        list(folder.iterdir())
    except OSError as error:
        raise UnusableInput(f"{folder} cannot be read: {error.strerror}.") from None
    root = folder.resolve()
    files: list[Path] = []
    images: dict[Path, list[DicomFile]] = {}
    left_out: Counter[str] = Counter()
    skipped: list[tuple[Path, str, str]] = []
    for here, names in _folders(root, output, skipped):
        dicom = []
        for name in names:
            path = here / name
            if image_ending(path) is not None and ".seg." not in path.name.lower():
                files.append(path)
            elif looks_like_dicom(path):
                dicom.append(path)
            elif not path.name.lower().endswith(_VOXEL_FILES):
                left_out["of another kind"] += 1
        if found := read_images(dicom):
            images[here] = found
        left_out["DICOM without an image"] += len(dicom) - len(found)
    kept, unfit = _choose(_series(images))
    skipped += [(place, series.uid, why) for place, series, why in unfit]
    together = Counter(place for place, _ in kept)
    found_cases: list[tuple[str, Path, str | None]] = [
        (_stem(root, path, image_ending(path) or ""), path, None) for path in files
    ]
    for place, series in kept:
        number = f"-{series.head.number}" if together[place] > 1 else ""
        found_cases.append((_stem(root, place) + number, place, series.uid))
    if not found_cases:
        what = "; ".join(f"{_relative(root, place)}: {why}" for place, _, why in skipped)
        raise UnusableInput(f"{folder} holds no CT{f' ({what})' if what else ''}.")
    names = _unique([(stem, f"{_relative(root, path)} {uid}") for stem, path, uid in found_cases])
    cases = [
        Case(
            name, _relative(root, path), Source(path, uid), (("series", uid),) if uid else ()
        )
        for name, (_, path, uid) in zip(names, found_cases, strict=True)
    ]  # fmt: skip
    # Not the plain name of a folder whose CTs are cases: it may be a case's some other time.
    taken = {folded(name) for name in (*names, *(_stem(root, place) for place in together))}
    others = [
        Skipped(name, _relative(root, place), uid, why)
        for name, (place, uid, why) in zip(
            _unique([(_stem(root, place), uid) for place, uid, _ in skipped], taken),
            skipped,
            strict=True,
        )
    ]
    said = tuple(f"{count} {what}" for what, count in left_out.items() if count)
    return Cohort(tuple(sorted(cases, key=lambda case: case.name)), said, tuple(others))


def _folders(
    root: Path, output: Path, skipped: list[tuple[Path, str, str]]
) -> Iterator[tuple[Path, list[str]]]:
    """Walk through folders with the names of their files; note those that cannot be read."""

    def refused(error: OSError) -> None:
        skipped.append((Path(error.filename), "", f"cannot be read: {error.strerror}"))

    for place, below, _ in os.walk(root, onerror=refused):
        here = Path(place)
        below[:] = sorted(
            name
            for name in below
            if name[0] != "." and here / name != output and read_manifest(here / name) is None
        )
        yield here, [name for name in names_in(here) if (here / name).is_file()]


def _series(images: dict[Path, list[DicomFile]]) -> list[tuple[Path, Series]]:
    """Each series and the folder that holds all of it."""
    groups: dict[str, dict[Path, list[DicomFile]]] = defaultdict(dict)
    for place, files in images.items():
        for file in files:
            groups[file.series].setdefault(place, []).append(file)
    found = []
    for _, parts in sorted(groups.items()):
        whole = [file for files in parts.values() for file in files]
        if len(parts) > 1 and _are_one(whole):
            parts = {Path(os.path.commonpath(list(parts))): whole}
        found += [(place, group_series(files)[0]) for place, files in parts.items()]
    return found


def _are_one(files: Sequence[DicomFile]) -> bool:
    """Whether files of several folders are one scan: no two patients, no place twice."""
    planes = [plane for file in files for plane in file.slices]
    places = {(plane.uid, *plane.position.round(2)) for plane in planes}
    apart = len({place[1:] for place in places}) == len(planes)
    return apart and len({file.patient for file in files}) == 1


def _choose(
    found: Iterable[tuple[Path, Series]],
) -> tuple[list[tuple[Path, Series]], list[tuple[Path, Series, str]]]:
    """Return the CTs, and the other series with why they are none."""
    kept, unfit = [], []
    for place, series in found:
        if why := _why_not(series):
            unfit.append((place, series, why))
        else:
            kept.append((place, series))
    originals = {_study(place, series) for place, series in kept if not _is_reformat(series)}
    again = [(p, s) for p, s in kept if _is_reformat(s) and _study(p, s) in originals]
    why = "made from another series of its study; a list with its UID segments it, too"
    unfit += [(place, series, why) for place, series in again]
    return [each for each in kept if each not in again], unfit


def _study(place: Path, series: Series) -> tuple[object, ...]:
    return series.head.study or place, series.head.patient


def _is_reformat(series: Series) -> bool:
    return bool(REFORMAT_WORDS & set(series.head.kind))


def _why_not(series: Series) -> str:
    """Say why a series is no CT to segment; empty if it is one."""
    head, count = series.head, len(series.slices)
    if head.modality != "CT":
        return f"its modality is {head.modality}, not CT"
    if SCOUT_WORDS & set(head.kind):
        return "a scout"
    if not series.is_scan:
        return "a report, a screenshot or colours"
    if count < MIN_SLICES:
        return f"{count} slices, at least {MIN_SLICES} are needed"
    if series.distance > MAX_SLICE_MM:
        return f"its slices are more than {MAX_SLICE_MM:g} mm apart, or do not say where they are"
    return ""


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _stem(root: Path, path: Path, ending: str = "") -> str:
    """A name for a case from its path below the root, without the file's ending."""
    relative = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    parts = relative.parts or (root.name or "CT",)
    parts = (*parts[:-1], parts[-1][: len(parts[-1]) - len(ending)])
    name = plain_name("_".join(parts))
    if len(name) > MAX_NAME - 20:  # room for a number and what makes it unique
        name = f"{plain_name(parts[0])[:40]}-{_digest(name)}"
    return name if is_name(name) else f"case-{_digest(name)}"


def _unique(stems: Sequence[tuple[str, str]], taken: Iterable[str] = ()) -> list[str]:
    """Names of cases; where several would share one, each has a piece of its key's hash."""
    counts = Counter(folded(stem) for stem, _ in stems)
    known = {*taken}
    names = []
    for stem, key in stems:
        alone = counts[folded(stem)] == 1 and folded(stem) not in known
        names.append(stem if alone else f"{stem}-{_digest(key)}")
    return names


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:6]
