"""Corrections that the user saved beside a scene, brought into the scene.

3D Slicer saves a scene as a whole, or landmarks and segments as single files. A landmark or segment
that is as found in the scene is taken from the file that has another; where both were worked on,
the scene counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnusableInput
from ..io.result_folder import (
    LANDMARKS_FILES,
    SEGMENTATION_FILE,
    is_unchanged,
    read_manifest,
)
from ..process import quiet
from ..types import AUTOMATIC, LANDMARKS, NOT_FOUND, SIDES, Side
from .files import read_node
from .landmarks import automatic_of, landmark_of, node_landmarks, same_place, set_position
from .results import Results, read_ear
from .segments import (
    SEGMENT_NAMES,
    is_automatic,
    same_segment,
    segment_content,
    segment_key,
    set_segments,
)
from .transforms import moved_since_found

TAKEN = "Taken from {}: {}."
UNREAD = "{} cannot be read and was not used: save it again from 3D Slicer, or remove it."
UNNAMED = "{} has no point named {} and was not used: give its points the landmarks' names."
NO_SEGMENT = "{} holds no segment {} and was not used."
MOVED = (
    "{} was not used, as the CT was moved in the scene after it was segmented: correct it in the "
    "scene, and remove the file."
)
GONE = (
    "{} was not used, as what it corrects was removed from the scene: segment the CT again, or "
    "remove the file."
)
BOTH = "{} differs from the scene in {}, where both were corrected: the scene counts."


@dataclass
class Corrections:
    """What became of the files beside a scene.

    Attributes:
        notes: what was taken and what was not, a sentence each.
        unused: names of files that could not be used, or not in all. One that lost against the
            scene, where both were corrected, was looked at and is not among them.
    """

    notes: list[str] = field(default_factory=list)
    unused: set[str] = field(default_factory=set)

    def leave(self, path: Path, why: str) -> None:
        """Say why a file is not used."""
        self.notes.append(why)
        self.unused.add(path.name)


def take_corrections(scene: Any, volume_node: Any, results: Results, folder: Path) -> Corrections:
    """Bring corrections of a scene's folder into its nodes.

    The files are read into the scene. Nothing is written. A file that is as the folder's manifest
    has it is no correction. Once the CT has got another matrix, as by hardening its transform, the
    files are left: whether they were saved before or after, and so where their points lie, they do
    not tell.
    """
    found = Corrections()
    known = (read_manifest(folder) or {}).get("results", {})
    moved = any(moved_since_found(node, volume_node) for node in results.nodes)
    nodes = {LANDMARKS_FILES[side]: results.landmarks.get(side) for side in SIDES}
    for name, node in (nodes | {SEGMENTATION_FILE: results.segmentation}).items():
        path = folder / name
        if not path.is_file() or (name in known and is_unchanged(path, known[name])):
            continue
        if moved or node is None:
            found.leave(path, (MOVED if moved else GONE).format(name))
            continue
        saved = _read(scene, path, found)
        if saved is not None and name != SEGMENTATION_FILE:
            _landmarks(node, saved, path, found)
        elif saved is not None:
            for side in results.landmarks:
                _segment(results, side, saved, path, found)
    return found


def _read(scene: Any, path: Path, found: Corrections) -> Any:
    """Return a file's node; None, which is said, if it cannot be read."""
    try:
        with quiet():  # MRML's own messages on a damaged file
            return read_node(scene, path)
    except UnusableInput:
        found.leave(path, UNREAD.format(path.name))
        return None


def _landmarks(node: Any, saved: Any, path: Path, found: Corrections) -> None:
    places = node_landmarks(saved)
    missing = [name for name in LANDMARKS if name not in places]
    if missing and places.keys() - set(LANDMARKS):
        found.leave(path, UNNAMED.format(path.name, " and ".join(missing)))
        return
    taken, both = [], []
    for name in LANDMARKS:
        there, mark = places.get(name), landmark_of(node, name)
        if same_place(there, automatic_of(node, name)) or same_place(there, mark.ras):
            continue
        if mark.confirmed or mark.state not in (AUTOMATIC, NOT_FOUND):
            both.append(name)
        else:
            set_position(node, name, there)
            taken.append(name)
    said = ((TAKEN, taken), (BOTH, both))
    found.notes += [text.format(path.name, ", ".join(names)) for text, names in said if names]


def _segment(results: Results, side: Side, saved: Any, path: Path, found: Corrections) -> None:
    node, name = results.segmentation, SEGMENT_NAMES[side]
    now, there = segment_content(node, side), segment_content(saved, side)
    if is_automatic(node, side, there) or same_segment(segment_key(there), segment_key(now)):
        return
    if there is None:
        found.leave(path, NO_SEGMENT.format(path.name, name))
        return
    if not is_automatic(node, side, now):
        found.notes.append(BOTH.format(path.name, name))
        return
    ear = read_ear(results, side)
    if ear is not None:
        inside, geometry = there
        set_segments(node, [replace(ear, labyrinth=inside.astype(np.uint8), geometry=geometry)])
    found.notes.append(TAKEN.format(path.name, name))
