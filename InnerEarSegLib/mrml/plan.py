"""The plan of one CT's ears in the scene: walls, frequencies, the way in, arrays.

All nodes lie in the results' folder, under the transform of the ear's landmarks, and are saved with
the scene. They have a reference of their own to the CT, so that none is taken for a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from slicer.util import NodeModify
from vtkmodules.vtkCommonDataModel import vtkVector3d

from ..cochlea.arrays import ChosenArray, chosen_from_text, chosen_to_text
from ..cochlea.curves import interpolated
from ..cochlea.duct import CENTRE, LATERAL, MODIOLAR, Duct
from ..cochlea.filter_bands import Mismatch
from ..cochlea.frequencies import hertz_text
from ..cochlea.insertion import Contact, Insertion
from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.way_in import REACH_MM, way_in
from ..errors import UnusableInput
from ..report.plan import insertions_of, mismatch_of
from ..types import Side
from .landmarks import ATTRIBUTE, SIDE_ATTRIBUTE, follow_landmarks, side_of, style_markups
from .plan_frequencies import FREQUENCIES, add_frequencies, place_frequencies
from .results import find_results, group_results, linked_nodes, remove_from_hierarchy
from .scene import configure, keep_place_node

PLAN_ROLE = "InnerEarSeg.PlanOf"  # reference from a node of the plan to its CT
KIND_ATTRIBUTE = ATTRIBUTE + "Plan"  # what a node shows, as in ``Key``
ARRAY_ATTRIBUTE = ATTRIBUTE + "Array"  # ``chosen_to_text`` of the array that a node shows
CONTENT_ATTRIBUTE = ATTRIBUTE + "PlanContent"  # hash of what it shows

WAY_IN = "way in"
EXTENSION = ", extrapolated"
CURVES = tuple(f"{name}{part}" for name in (LATERAL, MODIOLAR, CENTRE) for part in ("", EXTENSION))
FIXED = (*CURVES, FREQUENCIES, WAY_IN)
"""What is shown of each ear; arrays come in addition."""

MOST_ARRAYS = 3
"""As many as can be told apart."""

_ARRAYS = tuple(f"array {number}" for number in range(1, MOST_ARRAYS + 1))
ARRAY_COLORS = ((0.95, 0.35, 0.80), (0.30, 0.75, 0.40), (0.60, 0.45, 0.95))

_CURVE_COLORS = {
    LATERAL: (0.98, 0.98, 0.98),
    MODIOLAR: (0.62, 0.62, 0.66),
    CENTRE: (0.45, 0.9, 0.9),
}
_WAY_IN_COLOR = (0.70, 0.95, 0.25)
_NEAR_SLICE_MM = (0.4, 0.8)
_POINTS_EVERY_DEG = 15.0
_OUTSIDE_MM = 12.0
"""How far out of the cochlea the way in is drawn."""

Key = tuple[Side, str]  # of a node: the ear, and one of FIXED or _ARRAYS


@dataclass(frozen=True)
class Mark:
    """A control point: RAS mm, label and description."""

    ras: tuple[float, float, float]
    label: str = " "
    description: str = ""


def find_plan(volume_node: Any) -> dict[Key, Any]:
    """Find the nodes of a CT's plan; empty if none is shown."""
    found: dict[Key, Any] = {}
    scene = volume_node.GetScene()
    for node in linked_nodes(scene, "vtkMRMLDisplayableNode", volume_node, PLAN_ROLE):
        side, kind = side_of(node), node.GetAttribute(KIND_ATTRIBUTE)
        if side is not None and kind in (*FIXED, *_ARRAYS):
            found.setdefault((side, kind), node)
    return found


def arrays_in_scene(volume_node: Any) -> list[ChosenArray]:
    """Return the arrays that a CT's plan shows, as in a scene that was saved with them."""
    nodes = find_plan(volume_node)
    chosen = []
    for kind in _ARRAYS:
        texts = [n.GetAttribute(ARRAY_ATTRIBUTE) for (_, own), n in nodes.items() if own == kind]
        try:
            chosen += chosen_from_text(texts[0] or "", "The scene") if texts else []
        except UnusableInput:  # an attribute that a script changed
            continue
    return chosen


def show_plan(volume_node: Any, cochleae: Mapping[Side, CochlearMeasurements], on: bool) -> None:
    """Put nodes for each ear that has a duct into the scene, or take a CT's plan out.

    New nodes are empty, and without arrays: ``update_plan`` fills them.
    """
    if on:
        sides = [side for side, cochlea in cochleae.items() if cochlea.duct is not None]
        _keep(volume_node, [(side, kind) for side in sides for kind in FIXED])
    else:
        for node in find_plan(volume_node).values():
            remove_node(node)


def update_plan(
    volume_node: Any,
    cochleae: Mapping[Side, CochlearMeasurements],
    chosen: Sequence[ChosenArray] = (),
    *,
    bands: bool = False,
    new_arrays: bool = False,
) -> None:
    """Bring the nodes of a shown plan up to date; those that show the same already stay untouched.

    Nodes of an ear that has no duct any more become empty. What the user deleted stays away, but
    for arrays if ``new_arrays``, as when another one was chosen; nodes of others are removed. With
    ``bands``, contacts tell how far off their default filter bands are.
    """
    nodes = find_plan(volume_node)
    kinds = dict(zip(_ARRAYS, chosen, strict=False))
    for (_, kind), node in nodes.items():
        if kind in _ARRAYS and kind not in kinds:
            remove_node(node)
    if new_arrays:
        sides = {side for side, kind in nodes if kind in FIXED}
        _keep(volume_node, [(side, kind) for side in sides for kind in kinds])
    landmarks = find_results(volume_node.GetScene(), volume_node).landmarks
    insertions = insertions_of(cochleae, chosen)
    for (side, kind), node in find_plan(volume_node).items():
        follow_landmarks(node, landmarks.get(side))
        cochlea = cochleae.get(side)
        if kind == FREQUENCIES:
            duct = None if cochlea is None else cochlea.duct
            curves = {} if duct is None else duct.curves
            points = [np.round(curve.points, 3).tolist() for curve in curves.values()]
            fill_once(node, str(points), partial(place_frequencies, node, duct))
        elif kind in kinds:
            number = list(kinds).index(kind)
            insertion = insertions[side][number] if side in insertions else None
            node.SetAttribute(ARRAY_ATTRIBUTE, chosen_to_text([kinds[kind]]))
            _place(node, f"{kinds[kind].array.name} {side}", _contacts(insertion, bands))
        else:
            _place(node, *_fixed(side, kind, cochlea))


def number_contacts(volume_node: Any, on: bool) -> None:
    """Show or hide the labels of all contacts."""
    for (_, kind), node in find_plan(volume_node).items():
        if kind in _ARRAYS:
            node.GetDisplayNode().SetPointLabelsVisibility(on)


def contacts_are_numbered(volume_node: Any) -> bool:
    """Whether labels of contacts are shown."""
    nodes = find_plan(volume_node).items()
    arrays = [node for (_, kind), node in nodes if kind in _ARRAYS]
    return any(node.GetDisplayNode().GetPointLabelsVisibility() for node in arrays)


def tie(node: Any, volume_node: Any, side: Side, kind: str) -> None:
    """Mark a node as part of a CT's plan."""
    node.SetAttribute(SIDE_ATTRIBUTE, side)
    node.SetAttribute(KIND_ATTRIBUTE, kind)
    node.SetNodeReferenceID(PLAN_ROLE, volume_node.GetID())


def remove_node(node: Any) -> None:
    """Remove a node with its display, storage and item of the subject hierarchy."""
    scene, rest = node.GetScene(), (node.GetDisplayNode(), node.GetStorageNode())
    remove_from_hierarchy(scene, node)
    for each in rest:
        if each is not None and scene.IsNodePresent(each):
            scene.RemoveNode(each)


def _keep(volume_node: Any, keys: Sequence[Key]) -> None:
    """Add the nodes that are missing, without content."""
    scene, there = volume_node.GetScene(), find_plan(volume_node)
    restore_place_node = keep_place_node(scene)
    added = []
    for side, kind in (key for key in keys if key not in there):
        node = _add(scene, side, kind)
        tie(node, volume_node, side, kind)
        added.append(node)
    restore_place_node()
    if added:
        group_results(scene, volume_node, [*find_results(scene, volume_node).nodes, *added])


def _add(scene: Any, side: Side, kind: str) -> Any:
    name = f"{kind.capitalize()} {side}"
    if kind == FREQUENCIES:
        return add_frequencies(scene, name)
    line = "vtkMRMLMarkupsLineNode" if kind == WAY_IN else "vtkMRMLMarkupsCurveNode"
    node = scene.AddNewNodeByClass(line, name)
    node.CreateDefaultDisplayNodes()
    node.SetControlPointLabelFormat("")
    node.SetLocked(True)
    if kind in _ARRAYS:
        color = ARRAY_COLORS[_ARRAYS.index(kind)]
        display = style_markups(node, color, glyph_mm=0.55, text_scale=1.9)
        display.SetGlyphTypeFromString("Sphere3D")
        display.SetPointLabelsVisibility(False)  # so many would cover the cochlea
        thick = 0.15
    elif kind == WAY_IN:
        display = style_markups(node, _WAY_IN_COLOR, glyph_mm=0.3, text_scale=2.6)
        thick = 0.18
    else:
        display = style_markups(node, _CURVE_COLORS[kind.removesuffix(EXTENSION)], 0.01, 2.0)
        display.SetPointLabelsVisibility(False)
        display.SetLineColorFadingSaturation(0.0)
        # In 3D the lateral wall is a tube in the colors of the frequencies.
        display.SetVisibility3D(not kind.startswith(LATERAL))
        thick = 0.06 if kind.endswith(EXTENSION) else 0.16
        if kind.endswith(EXTENSION):
            display.SetOpacity(0.5)
    configure(
        display,
        CurveLineSizeMode=display.UseLineDiameter,
        LineDiameter=thick,
        # In slices only near the line: Slicer's 10 mm would show all turns in each.
        LineColorFadingStart=_NEAR_SLICE_MM[0],
        LineColorFadingEnd=_NEAR_SLICE_MM[1],
    )
    return node


def _fixed(side: Side, kind: str, cochlea: CochlearMeasurements | None) -> tuple[str, list[Mark]]:
    """Name and control points of a curve or of the way in."""
    name = f"{kind.capitalize()} {side}"
    duct = None if cochlea is None else cochlea.duct
    if cochlea is None or duct is None:
        return name, []
    if kind != WAY_IN:
        return name, _curve(duct, kind)
    way = way_in(cochlea)
    spread = f"± {way.plus_minus_deg:.0f}°"
    ends = (way.start - _OUTSIDE_MM * way.direction, way.start + REACH_MM * way.direction)
    # Not in the node's description, where Slicer writes its own measurements.
    marks = [Mark(_ras(ends[0]), f"way in {spread}", way.sentence), Mark(_ras(ends[1]))]
    return f"{name} ({spread})", marks


def _curve(duct: Duct, kind: str) -> list[Mark]:
    """Points of a curve every 15 degrees, as far as it is measured, or from there on."""
    curve = duct.curves[kind.removesuffix(EXTENSION)]
    border = min(max(curve.measured_to_deg, 0.0), duct.apex_deg)
    start, end = (border, duct.apex_deg) if kind.endswith(EXTENSION) else (0.0, border)
    if end - start < 1.0:
        return []
    angles = np.linspace(start, end, 1 + max(1, round((end - start) / _POINTS_EVERY_DEG)))
    return [Mark(_ras(point)) for point in interpolated(angles, duct.angles, curve.points)]


def _contacts(insertion: Insertion | None, bands: bool) -> list[Mark]:
    if insertion is None:
        return []
    off = {each.number: each for each in (mismatch_of(insertion) if bands else ())}
    return [
        Mark(contact.ras, f"E{contact.number}", _description(contact, off.get(contact.number)))
        for contact in insertion.contacts
        if contact.ras is not None
    ]


def _description(contact: Contact, off: Mismatch | None) -> str:
    """Angle and frequencies of a contact in the duct, in words."""
    parts = [
        contact.angle_text,
        f"organ of Corti: {hertz_text(contact.organ_of_corti_hz)}",
        f"spiral ganglion: {hertz_text(contact.spiral_ganglion_hz)}",
    ]
    if off is not None:
        octaves = off.spiral_ganglion_octaves
        apart = "" if octaves is None else f" ({octaves:+.1f} octaves from the spiral ganglion)"
        parts.append(f"default filter band: {hertz_text(off.band_hz)}{apart}")
    return ", ".join(parts)


def _ras(point: NDArray[np.float64]) -> tuple[float, float, float]:
    r, a, s = map(float, point)
    return r, a, s


def _place(node: Any, name: str, marks: Sequence[Mark]) -> None:
    """Give a markups node its control points."""
    shown = [(np.round(m.ras, 4).tolist(), m.label, m.description) for m in marks]

    def fill() -> None:
        node.SetName(name)
        with NodeModify(node):
            node.SetFixedNumberOfControlPoints(False)
            while node.GetNumberOfControlPoints() > len(marks):
                node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
            for index, mark in enumerate(marks):
                if index >= node.GetNumberOfControlPoints():
                    node.AddControlPoint(vtkVector3d(*mark.ras), mark.label)
                else:
                    node.SetNthControlPointPosition(index, *mark.ras)
                    node.SetNthControlPointLabel(index, mark.label)
                node.SetNthControlPointDescription(index, mark.description)
                node.SetNthControlPointLocked(index, True)
            node.SetFixedNumberOfControlPoints(True)

    fill_once(node, str((name, shown)), fill)


def fill_once(node: Any, content: str, fill: Callable[[], None]) -> None:
    """Fill a node unless it shows that content already."""
    if not shows(node, content):
        fill()
        note_content(node, content)


def shows(node: Any, content: str) -> bool:
    """Whether a node was filled with that content."""
    return bool(node.GetAttribute(CONTENT_ATTRIBUTE) == _digest(content))


def note_content(node: Any, content: str) -> None:
    """Note with what a node was filled."""
    node.SetAttribute(CONTENT_ATTRIBUTE, _digest(content))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:32]
