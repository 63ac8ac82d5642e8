"""How far results move when the same CT comes in another way; needs no reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.bundle import Model
from ..segmentation.pipeline import segment
from ..types import Ear, Geometry, Volume, apply_affine
from .perturbations import (
    ROLL_DEGREES,
    SOFT_SIGMA_MM,
    Change,
    changed,
    clamped_image,
    regridded,
    reordered,
    roll,
    soft,
    thicker,
)

CHANGES: dict[str, Change] = {
    "stored with permuted, flipped axes": reordered,
    f"on a grid turned by {ROLL_DEGREES:.0f}°": regridded,
    f"soft kernel (σ {SOFT_SIGMA_MM} mm)": soft,
    "slices twice as thick": thicker(2),
    "slices three times as thick": thicker(3),
    "soft kernel, slices twice as thick": lambda image: thicker(2)(soft(image)),
    "soft kernel, slices three times as thick": lambda image: thicker(3)(soft(image)),
}


@dataclass(frozen=True)
class Shift:
    """One ear of a changed CT against the same ear of the CT itself.

    Attributes:
        change: what was changed.
        side: of the ear.
        found: whether the changed CT shows this ear.
        shifts_mm: distance of each landmark that both have, by name.
        volume_mm3: of the labyrinth; None if it was not found.
        verdict: on the ear; None if it was not found.
    """

    change: str
    side: str
    found: bool
    shifts_mm: dict[str, float]
    volume_mm3: float | None
    verdict: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


def stability(ct: Volume, bundle: Model, say: Callable[[str], None] = print) -> list[Shift]:
    """Segment a CT as it is, and changed in each way.

    Args:
        ct: of any field of view.
        bundle: the model.
        say: receives a line an ear.

    Returns:
        One row a change and ear of the unchanged CT, itself first.
    """
    expected = {ear.side: ear for ear in segment(ct, bundle).ears}
    rows = [_shift("as it is", ear, ear) for ear in expected.values()]
    for row in rows:
        say(sentence(row))
    image = clamped_image(ct)
    turn = np.eye(4)
    turn[:3, :3] = roll()
    rolled = Volume(ct.array, Geometry(turn @ ct.geometry.ijk_to_ras, ct.geometry.shape))
    found = {ear.side: ear for ear in segment(rolled, bundle).ears}
    for side, ear in expected.items():
        name = f"patient rolled and tilted by {ROLL_DEGREES:.0f}°"
        rows.append(_shift(name, ear, found.get(side), np.asarray(np.linalg.inv(turn), np.float64)))
        say(sentence(rows[-1]))
    for name, change in CHANGES.items():
        found = {ear.side: ear for ear in segment(changed(image, change), bundle).ears}
        for side, ear in expected.items():
            rows.append(_shift(name, ear, found.get(side)))
            say(sentence(rows[-1]))
    return rows


def _shift(
    change: str, expected: Ear, found: Ear | None, back: NDArray[np.float64] | None = None
) -> Shift:
    """One row; ``back`` (4 x 4) maps RAS of the changed CT to RAS of the CT itself."""
    if found is None:
        return Shift(change, expected.side, False, {}, None, None)
    back = np.eye(4) if back is None else back
    pairs = zip(expected.landmarks, found.landmarks, strict=True)
    shifts = {
        before.name: float(np.linalg.norm(apply_affine(back, after.ras) - before.ras))
        for before, after in pairs
        if before.ras is not None and after.ras is not None
    }
    return Shift(change, expected.side, True, shifts, found.volume_mm3, found.quality.verdict)


def sentence(row: Shift) -> str:
    """One row in a line."""
    if not row.found:
        return f"{row.change}, {row.side}: NOT FOUND"
    moved = ", ".join(f"{name} {value:.2f} mm" for name, value in row.shifts_mm.items())
    return f"{row.change}, {row.side}: {moved}; {row.volume_mm3:.0f} mm³; {row.verdict}"
