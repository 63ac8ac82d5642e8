"""Change a CT as another scanner, kernel or storage would, and measure how far results move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..model.bundle import Model
from ..segmentation.pipeline import segment
from ..types import SIDES, Ear, Geometry, Volume, apply_affine, dice
from .metrics import on_common_grid, on_grid

SOFT_SIGMA_MM = 0.5
"""Standard deviation of the blur between a bone and a soft-tissue kernel, about."""

ROLL_DEGREES = 20.0
LOWEST_HU, HIGHEST_HU = -1024, 3071

Change = Callable[[sitk.Image], sitk.Image]


def soft(image: sitk.Image) -> sitk.Image:
    """Blur as a soft kernel does."""
    smooth = sitk.DiscreteGaussian(image, [SOFT_SIGMA_MM**2] * 3, 32, 0.01, True)
    return sitk.Cast(smooth, sitk.sitkInt16)


def thicker(factor: int) -> Change:
    """Return a change that averages slices along the axis of the largest voxel edge."""

    def change(image: sitk.Image) -> sitk.Image:
        factors = [1, 1, 1]
        factors[int(np.argmax(image.GetSpacing()))] = factor
        return sitk.Cast(sitk.BinShrink(image, factors), sitk.sitkInt16)

    return change


def roll() -> NDArray[np.float64]:
    """Return a rotation (3 x 3) about three axes, the largest angle ROLL_DEGREES."""
    turn = sitk.Euler3DTransform()
    angle = float(np.deg2rad(ROLL_DEGREES))
    turn.SetRotation(angle, -angle / 2.0, angle / 2.0)
    return np.array(turn.GetMatrix()).reshape(3, 3)


def regridded(image: sitk.Image) -> sitk.Image:
    """Resample the same patient to a turned grid."""
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint(((size - 1) / 2.0).tolist()))
    turned = roll() @ np.array(image.GetDirection()).reshape(3, 3)
    origin = middle - turned @ (spacing * (size - 1) / 2.0)
    return sitk.Resample(
        image, image.GetSize(), sitk.Transform(), sitk.sitkLinear, origin.tolist(),
        image.GetSpacing(), turned.ravel().tolist(), LOWEST_HU,
    )  # fmt: skip


def reordered(image: sitk.Image) -> sitk.Image:
    """Store the same voxels with axes permuted and flipped."""
    return sitk.Flip(sitk.PermuteAxes(image, [2, 0, 1]), [True, False, True])


def changed(ct: Volume, change: Change) -> Volume:
    """Apply a change to a CT, clamped to the range that CT files hold."""
    clamped = sitk.Clamp(ct.to_sitk(), sitk.sitkFloat32, LOWEST_HU, HIGHEST_HU)
    image = sitk.Cast(clamped, sitk.sitkInt16)
    result = change(image)
    # The mean of slices that overlap covers as much more as their middles lie apart.
    wider = max(result.GetSpacing()) - max(image.GetSpacing())
    slice_mm = None if ct.slice_mm is None else ct.slice_mm + wider
    array = sitk.GetArrayFromImage(result)
    return replace(ct, array=array, geometry=Geometry.of_image(result), slice_mm=slice_mm)


ROLLED = f"patient rolled and tilted by {ROLL_DEGREES:.0f}°"
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
    """One ear of a changed or other CT against the same ear of the CT itself.

    ``shifts_mm`` is the distance of each landmark that both have, by name; ``volume_mm3`` is
    missing where metal hides it; ``closed_canals`` of ``types.Findings``; ``dice`` of the two
    labyrinths, where they were compared.
    """

    change: str
    side: str
    found: bool
    shifts_mm: dict[str, float] = field(default_factory=dict)
    volume_mm3: float | None = None
    verdict: str | None = None
    closed_canals: int | None = None
    dice: float | None = None

    def __str__(self) -> str:
        if not self.found:
            return f"{self.change}, {self.side}: NOT FOUND"
        moved = ", ".join(f"{name} {value:.2f} mm" for name, value in self.shifts_mm.items())
        parts = [moved] if moved else []
        parts += [] if self.dice is None else [f"Dice {self.dice:.3f}"]
        parts += [] if self.volume_mm3 is None else [f"{self.volume_mm3:.0f} mm³"]
        parts += [] if self.closed_canals is None else [f"{self.closed_canals} canals closed"]
        return f"{self.change}, {self.side}: {'; '.join([*parts, str(self.verdict)])}"


def stability(ct: Volume, bundle: Model, say: Callable[[str], None] = print) -> list[Shift]:
    """Segment a CT as it is, then changed in each way: a row each ear of the unchanged CT."""
    rows: list[Shift] = []
    expected: list[Ear] | None = None
    for name, seen, to_ct in _versions(ct):
        ears = segment(seen, bundle).ears
        expected = list(ears) if expected is None else expected
        for ear in expected:
            again = next((other for other in ears if other.side == ear.side), None)
            rows.append(_shift(name, ear, again, to_ct))
            say(str(rows[-1]))
        if not expected:
            break
    return rows


def compare(
    first: Volume, second: Volume, bundle: Model, say: Callable[[str], None] = print
) -> list[Shift]:
    """Segment two CTs of one frame of reference, such as two kernels of one scan.

    Return rows of both CTs for each side of which either has an ear; those of the second hold how
    far its landmarks and labyrinth are from the first's.
    """
    found = [{ear.side: ear for ear in segment(ct, bundle).ears} for ct in (first, second)]
    rows = []
    for side in SIDES:
        one, other = (ears.get(side) for ears in found)
        if one is None and other is None:
            continue
        names = f"first ({first.name})", f"second ({second.name})"
        pair = [
            Shift(name, side, False) if ear is None else _seen(name, ear, {})
            for name, ear in zip(names, (one, other), strict=True)
        ]
        if one is not None and other is not None:
            pair[1] = replace(_shift(names[1], one, other, np.eye(4)), dice=_dice(one, other))
        rows += pair
    for row in rows:
        say(str(row))
    return rows


def _dice(one: Ear, other: Ear) -> float:
    """Of two labyrinths, on the grid of the first."""
    if not on_grid(other, one.geometry).any():
        return 0.0
    found, truth, _ = on_common_grid(other, one.labyrinth, one.geometry)
    return dice(found, truth)


def _versions(ct: Volume) -> Iterator[tuple[str, Volume, NDArray]]:
    """Name and CT of each version, and the matrix (4 x 4) from its RAS to RAS of the CT itself."""
    yield "as it is", ct, np.eye(4)
    turn = np.eye(4)
    turn[:3, :3] = roll()
    turned = Geometry(turn @ ct.geometry.ijk_to_ras, ct.geometry.shape)
    yield ROLLED, replace(ct, geometry=turned), np.linalg.inv(turn)
    for name, change in CHANGES.items():
        yield name, changed(ct, change), np.eye(4)


def _shift(change: str, expected: Ear, found: Ear | None, to_ct: NDArray) -> Shift:
    if found is None:
        return Shift(change, expected.side, False)
    shifts = {
        before.name: float(np.linalg.norm(apply_affine(to_ct, after.ras) - before.ras))
        for before, after in zip(expected.landmarks, found.landmarks, strict=True)
        if before.ras is not None and after.ras is not None
    }
    return _seen(change, found, shifts)


def _seen(change: str, ear: Ear, shifts_mm: dict[str, float]) -> Shift:
    closed = None if ear.findings is None else ear.findings.closed_canals
    verdict, volume = ear.quality.verdict, None if ear.metal else ear.volume_mm3
    return Shift(change, ear.side, True, shifts_mm, volume, verdict, closed)
