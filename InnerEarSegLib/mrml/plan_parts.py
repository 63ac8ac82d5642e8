"""The parts of each labyrinth in the scene: a segmentation an ear, of the plan and no result."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from ..cochlea.measurements import CochlearMeasurements, signature
from ..cochlea.parts import CANALS, COCHLEA, PARTS, VESTIBULE_PART, parts_steps
from ..types import Ear, Geometry, Side
from .landmarks import follow_landmarks, side_of
from .plan import KIND_ATTRIBUTE, PLAN_ROLE, note_content, remove_node, shows, tie
from .results import Results, find_results, group_results, linked_nodes, read_ear
from .scene import configure
from .segments import INNER_EAR, SEGMENT_IDS, add_surface, new_segment, put_segments, terminology

PARTS_KIND = "parts"

_ANATOMY = {COCHLEA: "SCT^80169004^Cochlear structure"}
"""As HL7's mCODE implementation guide maps AAPM's TG-263 to SNOMED CT. For vestibule and canals no
public source was found; they are parts of INNER_EAR."""

_COLORS = dict(
    zip(
        (COCHLEA, VESTIBULE_PART, *CANALS),
        ((0.90, 0.60, 0.0), (0.62, 0.62, 0.62), (0.0, 0.45, 0.70), (0.0, 0.62, 0.45),
         (0.80, 0.47, 0.65)),
        strict=True,
    )
)  # fmt: skip
"""Told apart by colour-blind people too (Okabe and Ito)."""


def find_parts(volume_node: Any) -> dict[Side, Any]:
    """Find the vtkMRMLSegmentationNode with the parts of each ear of a CT."""
    found: dict[Side, Any] = {}
    scene = volume_node.GetScene()
    for node in linked_nodes(scene, "vtkMRMLSegmentationNode", volume_node, PLAN_ROLE):
        side = side_of(node)
        if side is not None and node.GetAttribute(KIND_ATTRIBUTE) == PARTS_KIND:
            found.setdefault(side, node)
    return found


def show_parts(volume_node: Any, cochleae: Mapping[Side, CochlearMeasurements], on: bool) -> None:
    """Put a segmentation of each ear into the scene, in place of the labyrinths in its views, still
    empty; ``update_parts`` fills it. Or take them out.
    """
    scene, there = volume_node.GetScene(), find_parts(volume_node)
    results = find_results(scene, volume_node)
    if on:
        added = [
            _add(scene, volume_node, side)
            for side, cochlea in cochleae.items()
            if side not in there and cochlea.duct is not None
        ]
        group_results(scene, volume_node, [*results.nodes, *added])
    else:
        for node in there.values():
            remove_node(node)
    _hide_divided(volume_node, results)


def update_parts(
    volume_node: Any, cochleae: Mapping[Side, CochlearMeasurements]
) -> Generator[None, None, None]:
    """Divide the labyrinths again whose parts are in the scene, as far as they changed.

    In short steps; each ear's parts change in one of them.
    """
    scene = volume_node.GetScene()
    results = find_results(scene, volume_node)
    for side, node in find_parts(volume_node).items():
        follow_landmarks(node, results.landmarks.get(side))
        cochlea, ear = cochleae.get(side), read_ear(results, side)
        known = None if ear is None or cochlea is None or cochlea.duct is None else (ear, cochlea)
        content = "" if known is None else signature(known[0])
        if shows(node, content):
            continue
        yield
        parts = None if known is None else (yield from _segments(*known))
        if scene.IsNodePresent(node):
            node.GetSegmentation().RemoveAllSegments()
            if parts is not None:
                put_segments(node, *parts)
            note_content(node, content)
    _hide_divided(volume_node, results)


def _hide_divided(volume_node: Any, results: Results) -> None:
    """Hide the labyrinths that have parts, show those that have none.

    Both at the same place would flicker in 3D, and mix their colors in slices. The visibility of
    the segment as a whole is the user's.
    """
    node = results.segmentation
    if node is None:
        return
    divided, display = find_parts(volume_node), node.GetDisplayNode()
    for side, segment in SEGMENT_IDS.items():
        if node.GetSegmentation().GetSegment(segment) is not None:
            display.SetSegmentVisibility3D(segment, side not in divided)
            display.SetSegmentVisibility2DFill(segment, side not in divided)
            display.SetSegmentVisibility2DOutline(segment, side not in divided)


def _add(scene: Any, volume_node: Any, side: Side) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"Labyrinth parts {side}")
    node.CreateDefaultDisplayNodes()
    configure(
        node.GetDisplayNode(),
        Visibility2DFill=True,
        Opacity2DFill=0.25,
        SliceIntersectionThickness=1,
        Opacity3D=0.6,  # see-through, because the walls of the duct lie inside
    )
    tie(node, volume_node, side, PARTS_KIND)
    return node


def _segments(
    ear: Ear, cochlea: CochlearMeasurements
) -> Generator[None, None, tuple[dict[str, Any], Geometry]]:
    """vtkSegments with surfaces, a part a step, and their lattice."""
    parts = yield from parts_steps(ear, cochlea)
    segments = {}
    for name in PARTS:
        segments[name] = segment = new_segment(
            parts.part(name), parts.geometry, parts.geometry,
            Name=f"{name.capitalize()} {ear.side}", Color=_COLORS[name],
            Terminology=terminology(ear.side, _ANATOMY.get(name, INNER_EAR)),
        )  # fmt: skip
        add_surface(segment)
        yield
    return segments, parts.geometry
