"""Draw training samples: what the network sees and what it should say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..model.inference import sample
from ..synthetic.rescan import random_axes, random_protocol, refilled, rescan
from ..types import Geometry
from .augmentation import another_scale, random_outside, random_view, vary
from .cases import TrainingCase
from .config import Config, NetworkTraining
from .tubes import TubeMaps, tube_maps

FLUID_HU = (-30.0, 150.0)
"""Perilymph, and what partial volume and beam hardening add to it."""


class Sample(NamedTuple):
    """One training patch; a batch adds a first axis to each.

    Attributes:
        ct: float32 [1, k, j, i], normalised.
        labyrinth: float32 [1, k, j, i], partial volume from 0 to 1.
        labelled: bool, whether labyrinth is known.
        landmarks: float32 [landmark, 3], (i, j, k) in the patch.
        present: bool [landmark], whether the landmark is in the patch and in the scan.
        known: bool [landmark], whether the specimen has this landmark at all.
        core: float32 [1, k, j, i], weights of the middle of tubes; 0 unless the loss asks for them.
        septum: float32 [1, k, j, i], of the bone between the cochlea's turns, likewise.
    """

    ct: Tensor
    labyrinth: Tensor
    labelled: Tensor
    landmarks: Tensor
    present: Tensor
    known: Tensor
    core: Tensor
    septum: Tensor


class Samples(Dataset):
    """Endless random views; sample ``n`` is the same in every run with the same seed."""

    def __init__(
        self,
        cases: Sequence[TrainingCase],
        template: Mapping[str, ArrayLike],
        config: Config,
        setup: NetworkTraining,
    ) -> None:
        self.config, self.setup = config, setup
        self.real = [case.around_ear() for case in cases if not case.synthetic]
        self.synthetic = [case for case in cases if case.synthetic and setup.synthetic_ears]
        drawn = [*self.real, *self.synthetic]
        self.poses = {case.name: case.pose(template) for case in drawn}
        self.maps: dict[str, TubeMaps | None] = {}
        if setup.loss.core > 0 or setup.loss.septum > 0:
            self.maps = {case.name: tube_maps(case) for case in drawn}

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.config.seed, index))
        use_synthetic = rng.random() < self.config.synthetic_fraction
        cases = self.synthetic if self.synthetic and use_synthetic else self.real
        return self.draw(cases[rng.integers(len(cases))], rng)

    def draw(self, case: TrainingCase, rng: np.random.Generator) -> Sample:
        """Draw a random view of this case."""
        setup, air = self.setup, self.config.intensity.low
        how = setup.augmentation
        view = random_view(self.poses[case.name], setup, rng)
        ijk = view.source_ijk(case.geometry)
        outside = random_outside(how, rng, air)
        targets = torch.zeros(3, *setup.window)  # labyrinth, core, septum
        if case.labels is not None:
            for target, values in zip(
                targets, (case.labels, *(self.maps.get(case.name) or ())), strict=False
            ):
                target[:] = sample(torch.from_numpy(values).float(), ijk, 0.0)
        known = [name in case.landmarks for name in self.config.landmarks]
        ras = np.array([case.landmarks.get(n, np.zeros(3)) for n in self.config.landmarks])
        points = view.patch_ijk(ras)
        inside = np.all((points >= 0) & (points <= np.array(setup.window[::-1]) - 1), axis=1)
        present = inside & case.geometry.contains(ras) & np.array(known)
        if rng.random() < how.rescan:
            scan, geometry = self._rescanned(case, outside, rng)
            ct = another_scale(sample(scan, view.source_ijk(geometry), outside), how, rng)
        else:
            ct = sample(torch.from_numpy(case.ct).float(), ijk, outside)
            labyrinth = None if case.labels is None else targets[0]
            ct = vary(ct, labyrinth, setup.spacing_mm, how, rng)
        if rng.random() < how.crop:
            ct, targets, kept = cut(ct, targets, points, air, rng)
            present &= kept
        return Sample(
            ct=self.config.intensity(ct)[None],
            labyrinth=targets[:1],
            labelled=torch.tensor(case.labels is not None),
            landmarks=torch.from_numpy(points).float(),
            present=torch.from_numpy(present),
            known=torch.tensor(known),
            core=targets[1:2],
            septum=targets[2:],
        )

    def _rescanned(
        self, case: TrainingCase, outside: float, rng: np.random.Generator
    ) -> tuple[Tensor, Geometry]:
        """A simulated scan of the whole specimen by another scanner, and its grid."""
        ct = torch.from_numpy(case.ct).float()
        if rng.random() < self.setup.augmentation.fluid:
            labels = None if case.labels is None else torch.from_numpy(case.labels).float()
            ct = refilled(ct, labels, *FLUID_HU, rng)
        axes = random_axes(self.poses[case.name].matrix, rng)
        return rescan(ct, case.geometry, axes, random_protocol(rng), rng, outside)


def cut(
    ct: Tensor,
    targets: Tensor,
    points: NDArray[np.float64],
    air: float,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """Empty a CT [k, j, i] and targets [n, k, j, i] beyond a random plane across one axis.

    Return both, and which points (n, 3), as patch (i, j, k), are still inside.
    """
    axis = int(rng.integers(3))
    size = ct.shape[axis]
    depth = int(rng.integers(1, max(2, size // 2)))
    low = bool(rng.random() < 0.5)
    kept = torch.arange(size) >= depth if low else torch.arange(size) < size - depth
    kept = kept.reshape([-1 if n == axis else 1 for n in range(3)])
    position = points[:, 2 - axis]
    return (
        torch.where(kept, ct, air),
        torch.where(kept, targets, 0.0),
        (position >= depth) if low else (position < size - depth),
    )
