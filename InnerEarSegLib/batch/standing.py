"""Which cases stay as they are, and what their row says."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..io.result_folder import MEASUREMENTS_JSON
from .cohort import Case
from .finished import Found, look_at
from .receipt import Receipt, differences, receipt_of
from .summary import Row, Status

SCENE = "scene.mrb"
AGAIN = "--again does it anew and sets these files aside."
UNSURE = "perhaps corrected by hand, which its receipt, of an earlier form, does not tell"
BEFORE = (
    "The values here are from before the scene was changed: `innerearseg report` on its folder, "
    "then the batch again, bring in what the scene says now. If report refuses that scene, as "
    "without the landmarks of any ear, the values stay these; --again makes new ones and sets "
    "these files aside."
)
NO_COUNT = (
    "Edits of these files do not count, as only the scene is read: correct scene.mrb in 3D Slicer, "
    "save it in its place, then `innerearseg report` on its folder and the batch again."
)
_UNREAD = ("labyrinth.seg.nrrd", "landmarks_left.mrk.json", "landmarks_right.mrk.json")
"""Copies of what the scene holds, for other programs."""
_NAMES = 3
"""How many names a sentence lists."""


@dataclass(frozen=True)
class Standing:
    """A case and what is there of it.

    Attributes:
        case: as the list has it.
        now: the receipt that it would get; None where its CT is not there, or nothing to compare.
        found: what is in its folder.
        folder: the folder.
    """

    case: Case
    now: Receipt | None
    found: Found
    folder: Path

    @classmethod
    def of(cls, case: Case, model: str, output: Path) -> Standing:
        """Look at a case.

        Args:
            case: as the list has it.
            model: SHA-256 of the model file.
            output: the batch's folder.
        """
        folder = output / case.name
        found, now = look_at(folder), None
        if found.receipt is not None:
            with suppress(OSError):  # trying it says why
                now = receipt_of(case, model, output, found.receipt)
        return cls(case, now, found, folder)

    def row(self) -> Row | None:
        """Its row, if it is not to be done; None if it is.

        It is not to be done where its files are whole and of this CT, model and version, and
        never where somebody has, or may have, worked on them.
        """
        found, now = self.found, self.now
        if found.receipt is None or found.result is None:
            return None
        why = ["its CT is not there"] if now is None else differences(found.receipt, now)
        if not why and not found.broken:
            return self._row(status_of(found))
        if not found.reviewed and not (found.unsure and not found.broken):
            return None
        if found.broken:
            why.append(f"these files are gone or damaged: {_some(found.broken)}")
        return self._row("kept", why)

    def _row(self, status: Status, why: Sequence[str] = ()) -> Row:
        found = self.found
        return Row(
            self.case.name,
            self.case.image,
            status,
            remark(found, self.folder, why),
            result=found.result,
            measurements=found.measurements,
        )


def status_of(found: Found) -> Status:
    """Of a case with a whole result."""
    return "done" if found.result and found.result["ears"] else "no ear"


def remark(found: Found, folder: Path, why: Sequence[str] = ()) -> str:
    """What to know about a case's files, in sentences; empty where they are just the batch's own.

    Args:
        found: what is in the folder.
        folder: the case's.
        why: it would be done again, were it not kept.
    """
    parts = []
    if found.changed:
        parts.append(f"changed since: {_some(found.changed)}")
    if found.added:
        parts.append(f"added since: {_some(found.added)}")
    if not parts and found.unsure and why:
        parts.append(UNSURE)
    sentences = []
    if why:
        model = (found.result or {}).get("model", {})
        made = f"{model.get('name', 'an unknown model')} {model.get('version', '')}".strip()
        version = (found.receipt or {}).get("version", "of an unknown version")
        sentences += [
            f"Kept: {'; '.join(parts)}.",
            f"Made by {made}, InnerEarSeg {version}; now {' and '.join(why)}.",
            AGAIN,
        ]
    elif parts:
        text = "; ".join(parts)
        sentences.append(f"{text[:1].upper()}{text[1:]}.")
    if SCENE in (*found.changed, *found.added) and _is_newer(folder / SCENE, folder):
        sentences.append(BEFORE)
    elif SCENE not in found.changed and set(_UNREAD) & {*found.changed, *found.added}:
        sentences.append(NO_COUNT)
    return " ".join(sentences)


def _is_newer(scene: Path, folder: Path) -> bool:
    """Whether a scene was saved after the case was measured."""
    try:
        return scene.stat().st_mtime_ns > (folder / MEASUREMENTS_JSON).stat().st_mtime_ns
    except OSError:
        return True


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
