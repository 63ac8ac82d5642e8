"""Pictures of a report: CT slices and 3D views as pixels, and the marks drawn on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..cochlea.measurements import CochlearMeasurements
from ..process import temporary
from ..types import HELICOTREMA, LANDMARKS, OVAL_WINDOW, ROUND_WINDOW, Ear, Geometry, Volume

PIXELS = 440
"""Edge of a slice: 0.045 mm a pixel, finer than any CT."""

FIELD_MM, COCHLEA_FIELD_MM = 20.0, 16.0
LOW_HU, HIGH_HU = -1000.0, 3000.0
"""Air cells, the lumen of the labyrinth (about 0 HU) and the otic capsule (about 2000 HU) are told
apart; in the scene, too."""

COLORS = {"left": (64, 178, 255), "right": (255, 158, 38)}
"""RGB of the labyrinths, in the scene, too: blue and orange are told apart by colour-blind people,
and both are bright on bone."""

_OUTSIDE_HU = -5000.0
_NO_CT = (52, 60, 74)
"""Where the CT has no voxels: bluish, unlike tissue, and dark enough for white letters."""

_OUTLINE_PIXELS = 2

HEIGHT_NOTE = "the turn's lowest point may lie beside this plane"
"""Explains why the line may begin below the cochlea, in the nerve's canal."""

BAR_MM = 5.0
WHITE, MARK, AXIS, LINE_A, LINE_B = "#ffffff", "#ffe92b", "#ff5c7a", "#6dff8b", "#c99bff"
"""Of what is drawn on a CT, as in the scene (``mrml.measurements``)."""

INK, RED, GREEN, VIOLET = "#14202b", "#c2183c", "#0b7a3b", "#6b2fb3"
"""Of what is drawn on white."""

_GAP, _ARM = 0.035, 0.16
"""Where the arms of a cross begin and end, from the point; shares of the picture's edge."""

VIEWS = "views.json"
"""List of the 3D views in a handed-over folder: side, file and plane of each."""

SHORT = {HELICOTREMA: "H", OVAL_WINDOW: "OW", ROUND_WINDOW: "RW"}
LEGEND = "H helicotrema, OW oval window, RW round window, A and B diameters, black: modiolar axis"

Place = tuple[float, float]
"""(x, y) in a picture, from 0, 0 (left, top) to 1, 1 (right, bottom)."""


class Line(NamedTuple):
    """A straight line."""

    start: Place
    end: Place
    color: str


class Dot(NamedTuple):
    """A small disc."""

    at: Place
    color: str


class Word(NamedTuple):
    """A text on a baseline through ``at``, which is its start, middle or end (``anchor``)."""

    text: str
    at: Place
    color: str = WHITE
    anchor: Literal["start", "middle", "end"] = "middle"


Mark = Line | Dot | Word


class Figure(NamedTuple):
    """A square picture, a PNG file, with marks that are drawn on it as vectors in this order.

    ``halo`` is the color around lines and words, which keeps them readable.
    """

    caption: str
    png: bytes
    marks: tuple[Mark, ...]
    halo: str


@dataclass(frozen=True, eq=False)
class Plane:
    """A square piece of a plane around ``center`` (3,), RAS mm, with edges of ``field_mm``.

    ``right`` and ``up``, perpendicular unit vectors (3,) in RAS, point so in the picture.
    """

    name: str
    center: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]
    field_mm: float = FIELD_MM

    def place(self, ras: ArrayLike) -> Place:
        """Project a point (3,) in RAS mm on the picture."""
        shift = np.asarray(ras, np.float64) - self.center
        across, above = shift @ self.right / self.field_mm, shift @ self.up / self.field_mm
        return 0.5 + float(across), 0.5 - float(above)

    @property
    def letters(self) -> list[str]:
        """Directions at the left, right, top and bottom edge, such as R, or RA between two."""
        edges = []
        for vector in (-self.right, self.right, self.up, -self.up):
            first, second, _ = np.argsort(-np.abs(vector))
            names = [pair[int(x > 0)] for pair, x in zip(("LR", "PA", "IS"), vector, strict=True)]
            edges.append(names[first] + (names[second] if abs(vector[second]) > 0.5 else ""))
        return edges

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, RAS mm."""
        return {x: y.tolist() if isinstance(y, np.ndarray) else y for x, y in vars(self).items()}

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Plane:
        """Return the plane of ``to_json``."""
        center, right, up = (np.array(item[x]) for x in ("center", "right", "up"))
        return cls(item["name"], center, right, up, item["field_mm"])


def landmark_figures(ct: Volume, ear: Ear, ras: ArrayLike) -> tuple[Figure, ...]:
    """Draw three planes through a point (3,) in RAS mm, with a cross around it."""
    cross = [
        Line((0.5 + x * _GAP, 0.5 + y * _GAP), (0.5 + x * _ARM, 0.5 + y * _ARM), MARK)
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    return tuple(_slice(ct, ear, plane, cross) for plane in orthogonal_planes(ras))


def cochlear_figures(ct: Volume, ear: Ear, cochlea: CochlearMeasurements) -> tuple[Figure, ...]:
    """Draw the cochlea in its own planes, with A, B and height; empty without a frame."""
    if cochlea.frame is None:
        return ()
    window = cochlea.frame.from_ras(np.array(ear.points[ROUND_WINDOW]))
    turn, middle = cochlea.frame.to_ras([[0.0, 0.0, window[2]], [0.0, 0.0, 1.0]])
    # The basal turn seen from the apex, and the apex up, as in the panel's Cochlear view.
    right, (_, y, z) = cochlea.frame.right_in_view, cochlea.frame.axes
    flat = Plane("plane of the basal turn", turn, right, y, COCHLEA_FIELD_MM)
    upright = Plane("mid-modiolar plane", middle, right, z, COCHLEA_FIELD_MM)
    diameters = (("A", "A", "a_diameter", LINE_A), ("B", "B", "b_diameter", LINE_B))
    across = _lengths(flat, cochlea, diameters)
    along = _lengths(upright, cochlea, [("axis", "height", "cochlear_height", AXIS)])
    if along:
        upright = replace(upright, name=f"{upright.name}; {HEIGHT_NOTE}")
    return _slice(ct, ear, flat, across), _slice(ct, ear, upright, along)


def view_figures(folder: Path, ear: Ear, cochlea: CochlearMeasurements) -> tuple[Figure, ...]:
    """Mark landmarks and diameters on the 3D views of an ear; empty where there are none."""
    try:
        views = json.loads((folder / VIEWS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    figures = []
    for item in views:
        if item["side"] == ear.side:
            plane = Plane.from_json(item["plane"])
            left, _, top, bottom = plane.letters
            marks = (
                *_view_marks(ear, cochlea, plane),
                *_scale_bar(plane.field_mm, INK),
                Word(top, (0.5, 0.05), INK),
                Word(bottom, (0.5, 0.985), INK),
                Word(left, (0.02, 0.95), INK, "start"),
            )
            figures.append(Figure(plane.name, (folder / item["file"]).read_bytes(), marks, WHITE))
    return tuple(figures)


def anatomical_viewpoints(
    cloud: NDArray[np.float64], landmarks: Mapping[str, NDArray[np.float64]]
) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Two views in which the landmarks are well apart.

    The directions come from the ear, not from the patient's axes: a specimen may lie in the
    scanner in any way.

    Args:
        cloud: (n, 3) points of the labyrinth, world RAS mm.
        landmarks: positions by name, world RAS mm; missing ones left out.

    Returns:
        Captions, unit vectors from the ear to the camera, and the views' up; world RAS.
    """
    center = cloud.mean(axis=0)
    if not landmarks.keys() >= set(LANDMARKS):
        _, front, up = np.eye(3)
        return [("from the front", front, up), ("from above", up, front)]
    apex, oval, round_ = (landmarks[n] for n in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW))
    # Both windows open towards the middle ear.
    windows = (oval + round_) / 2
    along = unit(oval - round_)  # roughly from the cochlea's base towards the canals
    normal = unit(np.cross(apex - round_, oval - round_))
    if normal @ (windows - center) < 0:
        normal = -normal
    side = unit(np.cross(along, normal))
    beside = side * np.sign(side @ (apex - windows)) + 0.35 * normal
    return [
        ("facing the windows", unit(normal + 0.25 * along), along),
        ("a quarter turn further", unit(beside), along),
    ]


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector (3,) at length 1; a zero vector stays."""
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def rgb(color: str) -> tuple[int, int, int]:
    """Return a colour like "#c2183c" as red, green and blue from 0 to 255."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def orthogonal_planes(center: ArrayLike) -> list[Plane]:
    """Return axial, coronal and sagittal planes, as radiologists look: R on the left, A up."""
    r, a, s = np.eye(3)
    middle = np.asarray(center, np.float64)
    return [
        Plane("axial", middle, -r, a),
        Plane("coronal", middle, -r, s),
        Plane("sagittal", middle, -a, s),
    ]


def draw(ct: Volume, ear: Ear, plane: Plane) -> NDArray[np.uint8]:
    """Return the CT in a plane with the labyrinth's outline, (PIXELS, PIXELS, 3) RGB."""
    step, middle = plane.field_mm / PIXELS, (PIXELS - 1) / 2.0
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = plane.right * step, -plane.up * step
    matrix[:3, 2] = np.cross(plane.right, -plane.up) * step
    matrix[:3, 3] = plane.center - matrix[:3, :2] @ (middle, middle)
    grid = Geometry(matrix, (1, PIXELS, PIXELS))
    hu = resampled(ct.array, ct.geometry, grid, _OUTSIDE_HU)[0]
    grey = np.clip((hu - LOW_HU) / (HIGH_HU - LOW_HU), 0.0, 1.0) * 255.0
    pixels = np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)
    pixels[hu <= LOW_HU * 2] = _NO_CT  # no CT is that low: padding was made air when it was read
    inside = resampled(ear.labyrinth, ear.geometry, grid, 0.0)[0] >= 0.5
    core = inside
    for _ in range(_OUTLINE_PIXELS):
        padded = np.pad(core, 1)
        core = core & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    pixels[inside & ~core] = COLORS[ear.side]
    return pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an RGB picture (rows, columns, 3), top row first, as a PNG file."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(pixels), isVector=True)
    with temporary() as folder:
        path = folder / "picture.png"
        sitk.WriteImage(image, str(path), True)
        return path.read_bytes()


def _slice(ct: Volume, ear: Ear, plane: Plane, marks: Sequence[Mark]) -> Figure:
    left, right, top, bottom = plane.letters
    around = (
        Word(left, (0.03, 0.515), anchor="start"),
        Word(right, (0.97, 0.515), anchor="end"),
        Word(top, (0.5, 0.06)),
        Word(bottom, (0.5, 0.98)),
    )
    marks = (*marks, *_scale_bar(plane.field_mm, WHITE), *around)
    return Figure(plane.name, png(draw(ct, ear, plane)), marks, "#000000")


def _scale_bar(field_mm: float, color: str) -> list[Mark]:
    """A bar of BAR_MM at the lower right of a picture, and its label."""
    left, right, y = 0.955 - BAR_MM / field_mm, 0.955, 0.945
    ends = [Line((x, y - 0.013), (x, y + 0.013), color) for x in (left, right)]
    label = Word(f"{BAR_MM:g} mm", (right, y - 0.025), color, "end")
    return [Line((left, y), (right, y), color), *ends, label]


def _lengths(
    plane: Plane, cochlea: CochlearMeasurements, shown: Sequence[tuple[str, str, str, str]]
) -> list[Mark]:
    """Lines and lengths of measurements: (line's name, label, key of the value, color) each."""
    lines, words = [], []
    for name, label, key, color in shown:
        value = cochlea[key].value
        if name in cochlea.lines and value is not None:
            start, end = map(plane.place, cochlea.lines[name])
            lines.append(Line(start, end, color))
            # Beside the far end, where no other line is.
            x, y = _beyond(start, end, 0.035)
            anchor: Any = "end" if x > 0.75 else "start" if x < 0.25 else "middle"
            place = (min(max(x, 0.04), 0.96), y + (0.026 if y > 0.5 else -0.026))
            words.append(Word(f"{label} {value:.1f} mm", place, color, anchor))
    return [*lines, *words]


def _view_marks(ear: Ear, cochlea: CochlearMeasurements, plane: Plane) -> list[Mark]:
    marks: list[Mark] = []
    words: list[Mark] = []
    for name, color in (("A", GREEN), ("B", VIOLET), ("axis", INK)):
        if name in cochlea.lines:
            start, end = map(plane.place, cochlea.lines[name])
            marks.append(Line(start, end, color))
            if name != "axis":
                words.append(Word(name, _beyond(start, end, 0.03), color))
    places = {x.name: plane.place(x.ras) for x in ear.landmarks if x.ras is not None}
    x, y = np.mean([*places.values()], axis=0) if places else (0.0, 0.0)
    marks += [Dot(place, RED) for place in places.values()]
    words += [Word(SHORT[n], _beyond((x, y), at, 0.045), RED) for n, at in places.items()]
    return [*marks, *words]


def _beyond(start: Place, end: Place, by: float) -> Place:
    """Where the name of a line stands: a little further than its end."""
    x, y = end[0] - start[0], end[1] - start[1]
    length = max(float(np.hypot(x, y)), 1e-9)
    return end[0] + by * x / length, end[1] + by * y / length + 0.014


def resampled(array: NDArray, geometry: Geometry, grid: Geometry, outside: float) -> NDArray:
    """Return values on another grid, linear between voxels, and ``outside`` beyond them."""
    return Volume(np.asarray(array, np.float32), geometry).on(grid, outside=outside).array
