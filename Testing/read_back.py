"""Files of a result, read by 3D Slicer's own classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from InnerEarSegLib.mrml.files import read_node
from InnerEarSegLib.mrml.landmarks import node_landmarks
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.segments import SEGMENT_NAMES, segment_content
from InnerEarSegLib.types import Point, Volume


def read_segments(path: Path) -> dict[str, Volume]:
    """Read the labyrinths of a .seg.nrrd by segment name: uint8, 1 inside, RAS mm."""
    with headless_scene() as session:
        node = read_node(session.scene, path)
        return {
            name: Volume(content[0].astype(np.uint8), content[1], name)
            for side, name in SEGMENT_NAMES.items()
            if (content := segment_content(node, side)) is not None
        }


def read_landmarks(path: Path) -> dict[str, Point | None]:
    """Read RAS mm by label from a .mrk.json, in its order; None where a position is missing."""
    with headless_scene() as session:
        return node_landmarks(read_node(session.scene, path))
