"""A picture of one case: the CT with what was found and what the reference says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from ..reading.dataset import Case
from ..results import Ear
from .grids import on_grid
from .summary import Row, errors_of

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

FOUND, REFERENCE = "#ff9f1c", "#2ec4b6"
WINDOW_HU = (-700.0, 2300.0)
AXES = ("i", "j", "k")


class Extremes:
    """Keeps the best, the median and the worst case of a running evaluation for their pictures.

    The worst is the one with the largest error of a landmark, or, where references have no
    landmarks, with the smallest Dice. Cases that the model was trained on count only where there
    are no others.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[float, Case, Ear, Row]] = []

    def look(self, case: Case, ear: Ear, row: Row) -> None:
        """Take a case into account."""
        errors = errors_of(row)
        badness = max(errors.values()) if errors else -(row.get("dice") or 0.0)
        self._seen.append((badness, case, ear, row))
        self._seen.sort(key=lambda item: item[0])

    def draw(self, folder: Path) -> list[Path]:
        """Write best.png, median.png and worst.png, as far as there are so many cases."""
        folder.mkdir(parents=True, exist_ok=True)
        others = [item for item in self._seen if not item[3].get("trained_on")]
        ranked = others or self._seen
        count = len(ranked)
        which = {"worst": count - 1, "median": count // 2, "best": 0}
        chosen: dict[int, str] = {}
        for name, index in which.items():
            if count:
                chosen.setdefault(index, name)
        paths = []
        for index, name in chosen.items():
            _, case, ear, row = ranked[index]
            paths.append(draw_case(case, ear, row, folder / f"{name}.png"))
        return paths


def draw_case(case: Case, ear: Ear, row: Row, path: Path) -> Path:
    """One row of slices through each landmark and the middle of the ear, along each axis.

    Args:
        case: the CT and its reference.
        ear: what was found.
        row: its figures, for the title.
        path: the PNG.
    """
    found = on_grid(ear, case.label_geometry)
    places = [
        (x.name, case.label_geometry.to_ijk(x.ras)) for x in ear.landmarks if x.ras is not None
    ]
    middle = np.argwhere(found).mean(axis=0)[::-1] if found.any() else np.zeros(3)
    places.insert(0, ("middle of the labyrinth", middle))
    figure, panels = plt.subplots(
        len(places), 3, figsize=(10.5, 3.6 * len(places)), squeeze=False, facecolor="black"
    )
    for line, (name, ijk) in zip(panels, places, strict=True):
        for axis, panel in enumerate(line):
            _draw_slice(panel, case, ear, found, ijk, axis)
        error = errors_of(row).get(name)
        title = name + (f": {error:.2f} mm off" if error is not None else "")
        line[0].set_title(title, color="white", loc="left", fontsize=10)
    dice = "" if row.get("dice") is None else f", Dice {row['dice']:.3f}"
    figure.suptitle(
        f"{case.name}{dice}: found (orange) and reference (turquoise)", color="white", y=0.995
    )
    figure.tight_layout()
    figure.savefig(path, dpi=80, facecolor="black")
    plt.close(figure)
    return path


def _draw_slice(
    panel: Axes, case: Case, ear: Ear, found: NDArray[np.uint8], ijk: NDArray, axis: int
) -> None:
    """One slice across an axis (0: i, 1: j, 2: k) through a point (i, j, k) of the labels' grid."""
    geometry = case.label_geometry
    same = np.allclose(geometry.ijk_to_ras, case.ct.geometry.ijk_to_ras)
    number = int(np.clip(round(ijk[axis]), 0, geometry.shape[2 - axis] - 1))
    right, up = (a for a in range(3) if a != axis)
    aspect = float(geometry.spacing[up] / geometry.spacing[right])
    panel.set_axis_off()
    panel.text(0.02, 0.02, f"{AXES[axis]} = {number}", color="white", fontsize=7,
               transform=panel.transAxes)  # fmt: skip
    ct = case.ct.array
    if same and number < ct.shape[2 - axis]:
        image = np.take(ct, number, axis=2 - axis)
        panel.imshow(image, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], origin="lower",
                     aspect=aspect)  # fmt: skip
    else:
        panel.set_aspect(aspect)
    for mask, color in ((case.labels, REFERENCE), (found, FOUND)):
        outline = None if mask is None else np.take(mask, number, axis=2 - axis)
        if outline is not None and outline.any():
            panel.contour(outline, [0.5], colors=[color], linewidths=0.9)
    truth = [geometry.to_ijk(point) for name, point in case.landmarks.items()]
    there = [geometry.to_ijk(x.ras) for x in ear.landmarks if x.ras is not None]
    for points, color, marker in ((truth, REFERENCE, "+"), (there, FOUND, "x")):
        _mark([p for p in points if abs(p[axis] - number) < 1.5], panel, right, up, color, marker)
    half = 7.0 / geometry.spacing
    panel.set_xlim(ijk[right] - half[right], ijk[right] + half[right])
    panel.set_ylim(ijk[up] - half[up], ijk[up] + half[up])


def _mark(
    points: Sequence[NDArray], panel: Axes, right: int, up: int, color: str, marker: str
) -> None:
    for point in points:
        panel.plot(point[right], point[up], marker, color=color, markersize=9)
