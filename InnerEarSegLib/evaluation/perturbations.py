"""Change a CT as another scanner, kernel or storage would, and measure how far results move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..io.volume import geometry_of, image_of
from ..model.bundle import Model
from ..segmentation.pipeline import segment
from ..types import Ear, Geometry, Volume, apply_affine

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


def clamped_image(ct: Volume) -> sitk.Image:
    """Return a CT as an int16 image within the range that CT files hold."""
    image = sitk.Clamp(image_of(ct.array, ct.geometry), sitk.sitkFloat32, LOWEST_HU, HIGHEST_HU)
    return sitk.Cast(image, sitk.sitkInt16)


def changed(image: sitk.Image, change: Change) -> Volume:
    """Apply a change to an image, and return the CT."""
    result = change(image)
    return Volume(sitk.GetArrayFromImage(result), geometry_of(result))


AS_SCANNED = "as scanned"
PERTURBATIONS: dict[str, Change] = {
    AS_SCANNED: lambda image: image,
    "soft kernel": soft,
    "slices 3 times as thick": thicker(3),
    "soft kernel, slices 5 times as thick": lambda image: thicker(5)(soft(image)),
    "soft kernel, slices 9 times as thick": lambda image: thicker(9)(soft(image)),
}
"""What a cross-validation measures each specimen on: slices of 0.2 mm become up to 1.8 mm.
Uncertainty is calibrated over all of them; accuracy is that of the first."""

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
    """One ear of a changed CT against the same ear of the CT itself.

    ``shifts_mm`` is the distance of each landmark that both have, by name.
    """

    change: str
    side: str
    found: bool
    shifts_mm: dict[str, float]
    volume_mm3: float | None
    verdict: str | None

    def __str__(self) -> str:
        if not self.found:
            return f"{self.change}, {self.side}: NOT FOUND"
        moved = ", ".join(f"{name} {value:.2f} mm" for name, value in self.shifts_mm.items())
        return f"{self.change}, {self.side}: {moved}; {self.volume_mm3:.0f} mm³; {self.verdict}"


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


def _versions(ct: Volume) -> Iterator[tuple[str, Volume, NDArray]]:
    """Name and CT of each version, and the matrix (4 x 4) from its RAS to RAS of the CT itself."""
    yield "as it is", ct, np.eye(4)
    turn = np.eye(4)
    turn[:3, :3] = roll()
    turned = Geometry(turn @ ct.geometry.ijk_to_ras, ct.geometry.shape)
    yield ROLLED, Volume(ct.array, turned), np.linalg.inv(turn)
    image = clamped_image(ct)
    for name, change in CHANGES.items():
        yield name, changed(image, change), np.eye(4)


def _shift(change: str, expected: Ear, found: Ear | None, to_ct: NDArray) -> Shift:
    if found is None:
        return Shift(change, expected.side, False, {}, None, None)
    shifts = {
        before.name: float(np.linalg.norm(apply_affine(to_ct, after.ras) - before.ras))
        for before, after in zip(expected.landmarks, found.landmarks, strict=True)
        if before.ras is not None and after.ras is not None
    }
    return Shift(change, expected.side, True, shifts, found.volume_mm3, found.quality.verdict)
