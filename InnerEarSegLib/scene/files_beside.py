"""Files that lie beside a saved scene, and whether somebody changed them since.

``innerearseg segment`` writes segmentation and landmarks twice: in ``scene.mrb``, which reports are
made from, and as files of their own for other programs. Whoever corrects one of these would think
that the correction counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..quiet import quiet
from ..results import LANDMARKS
from .find_results import Results
from .landmark_memory import automatic_of, position_of
from .landmark_state import SAME_MM, Point, distance
from .read_back import landmarks_node, node_landmarks, segmentation_node
from .save import LANDMARKS_FILES, SEGMENTATION_FILE
from .segment_content import automatic_fingerprint, fingerprint, segment_content


def changed_beside(scene: Any, results: Results, folder: Path) -> list[str]:
    """Names of files that hold neither what was found nor what the scene has now.

    Args:
        scene: that the results are in; the files are read into it.
        results: of the scene.
        folder: that may hold landmarks and segmentation beside it.
    """
    changed = []
    for side, node in results.landmarks.items():
        path = folder / LANDMARKS_FILES[side]
        if path.is_file() and not _same_landmarks(scene, path, node):
            changed.append(path.name)
    path, node = folder / SEGMENTATION_FILE, results.segmentation
    sides = tuple(results.landmarks)
    if node is not None and path.is_file() and not _same_segments(scene, path, node, sides):
        changed.append(path.name)
    return changed


def _same_landmarks(scene: Any, path: Path, node: Any) -> bool:
    try:
        with quiet():  # MRML's own messages on a damaged file; a sentence follows
            saved = node_landmarks(landmarks_node(scene, path))
    except UnusableInput:
        return False
    found = {name: automatic_of(node, name) for name in LANDMARKS}
    now = {name: position_of(node, name) for name in LANDMARKS}
    return _agree(saved, found) or _agree(saved, now)


def _agree(saved: Mapping[str, Point | None], known: Mapping[str, Point | None]) -> bool:
    for name, ras in known.items():
        there = saved.get(name)
        if (ras is None) != (there is None):
            return False
        # Files have four decimals.
        if ras is not None and there is not None and distance(ras, there) > SAME_MM:
            return False
    return True


def _same_segments(scene: Any, path: Path, node: Any, sides: tuple[Any, ...]) -> bool:
    try:
        with quiet():
            saved = segmentation_node(scene, path)
    except UnusableInput:
        return False
    return all(
        fingerprint(segment_content(saved, side))
        in (automatic_fingerprint(node, side), fingerprint(segment_content(node, side)))
        for side in sides
    )
