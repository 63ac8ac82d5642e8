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
from ..segmentation.pose import fit_pose
from .augmentation import random_outside, random_view, vary
from .cases import TrainingCase
from .config import Config, NetworkTraining


class Sample(NamedTuple):
    """One training patch; a batch adds a first axis to each.

    Attributes:
        ct: float32 [1, k, j, i], normalised.
        labyrinth: float32 [1, k, j, i], partial volume from 0 to 1.
        labelled: bool, whether labyrinth is known.
        landmarks: float32 [landmark, 3], (i, j, k) in the patch.
        present: bool [landmark], whether the landmark is in the patch and in the scan.
        known: bool [landmark], whether the specimen has this landmark at all.
    """

    ct: Tensor
    labyrinth: Tensor
    labelled: Tensor
    landmarks: Tensor
    present: Tensor
    known: Tensor


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
        self.real = [case for case in cases if not case.synthetic]
        self.synthetic = [case for case in cases if case.synthetic]
        self.poses = {case.name: fit_pose(template, case.landmarks) for case in cases}

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.config.seed, index))
        use_synthetic = rng.random() < self.config.synthetic_fraction
        cases = self.synthetic if self.synthetic and use_synthetic else self.real
        return self.draw(cases[rng.integers(len(cases))], rng)

    def draw(self, case: TrainingCase, rng: np.random.Generator) -> Sample:
        """Draw a random view of this case."""
        how, air = self.setup.augmentation, self.config.intensity.low
        view = random_view(self.poses[case.name], self.setup, rng)
        ijk = view.source_ijk(case.geometry)
        ct = sample(torch.from_numpy(case.ct).float(), ijk, random_outside(how, rng, air))
        labyrinth = None
        if case.labels is not None:
            labyrinth = sample(torch.from_numpy(case.labels).float(), ijk, 0.0)
        known = [name in case.landmarks for name in self.config.landmarks]
        ras = np.array([case.landmarks.get(n, np.zeros(3)) for n in self.config.landmarks])
        points = view.patch_ijk(ras)
        inside = np.all((points >= 0) & (points <= np.array(self.setup.window[::-1]) - 1), axis=1)
        present = inside & case.geometry.contains(ras) & np.array(known)
        ct = vary(ct, labyrinth, self.setup.spacing_mm, how, rng)
        if rng.random() < how.crop:
            ct, labyrinth, kept = cut(ct, labyrinth, points, air, rng)
            present &= kept
        return Sample(
            ct=self.config.intensity(ct)[None],
            labyrinth=(torch.zeros_like(ct) if labyrinth is None else labyrinth)[None],
            labelled=torch.tensor(labyrinth is not None),
            landmarks=torch.from_numpy(points).float(),
            present=torch.from_numpy(present),
            known=torch.tensor(known),
        )


def cut(
    ct: Tensor,
    labyrinth: Tensor | None,
    points: NDArray[np.float64],
    air: float,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor | None, NDArray[np.bool_]]:
    """Empty CT and labyrinth [k, j, i] beyond a random plane across one axis.

    Return both, and which points (n, 3), as patch (i, j, k), are still inside.
    """
    axis = int(rng.integers(3))
    size = ct.shape[axis]
    depth = int(rng.integers(1, max(2, size // 2)))
    low = bool(rng.random() < 0.5)
    emptied = [slice(None)] * 3
    emptied[axis] = slice(0, depth) if low else slice(size - depth, size)
    ct = ct.clone()
    ct[tuple(emptied)] = air
    if labyrinth is not None:
        labyrinth = labyrinth.clone()
        labyrinth[tuple(emptied)] = 0.0
    position = points[:, 2 - axis]
    return ct, labyrinth, (position >= depth) if low else (position < size - depth)
