"""The canonical ear, learned from the training specimens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..finding.pose import fit_pose
from ..geometry import apply_affine
from .cases import TrainingCase


def canonical_template(
    cases: Sequence[TrainingCase], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Mean landmarks of the training ears in the canonical frame (generalised Procrustes).

    The frame has its axes along the labyrinth's principal axes, longest first, and its origin at
    the middle of the labyrinth's extent, so that a window around it can be small.

    Args:
        cases: real ones, at least one with labels; left ears count as mirrored right ones.
        names: the landmarks of the template.

    Returns:
        Canonical mm by landmark name.

    Raises:
        UnusableInput: if no case has labels and all landmarks.
    """
    complete = [case for case in cases if all(name in case.landmarks for name in names)]
    labelled = [case for case in complete if case.labels is not None]
    if not labelled:
        raise UnusableInput("No specimen to train on has labels and all landmarks.")
    mirror = {"right": np.ones(3), "left": np.array([-1.0, 1.0, 1.0])}
    shapes = [np.array([c.landmarks[n] for n in names]) * mirror[c.side] for c in complete]
    mean = shapes[0] - shapes[0].mean(axis=0)
    for _ in range(20):
        aligned = []
        for shape in shapes:
            pose = fit_pose(
                dict(zip(names, shape, strict=True)), dict(zip(names, mean, strict=True))
            )
            aligned.append(apply_affine(pose.matrix, shape))
        mean = np.mean(aligned, axis=0)
        mean -= mean.mean(axis=0)
    template = dict(zip(names, mean, strict=True))
    clouds = [_labyrinth_points(case, template) for case in labelled]
    axes = np.linalg.eigh(np.cov(np.concatenate(clouds).T))[1][:, ::-1]
    # Eigenvectors have no sign of their own: fix it, and keep the frame right-handed.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(3)] < 0, -1.0, 1.0)
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    low = np.min([(cloud @ axes).min(axis=0) for cloud in clouds], axis=0)
    high = np.max([(cloud @ axes).max(axis=0) for cloud in clouds], axis=0)
    return {name: point @ axes - (low + high) / 2.0 for name, point in template.items()}


def _labyrinth_points(case: TrainingCase, template: dict[str, NDArray]) -> NDArray[np.float64]:
    """Labyrinth voxels of a case in the template's frame: (n, 3) mm."""
    assert case.labels is not None
    ras = case.geometry.to_ras(np.argwhere(case.labels)[::7, ::-1])
    to_canonical = np.linalg.inv(fit_pose(template, case.landmarks).matrix)
    return apply_affine(to_canonical, ras)
