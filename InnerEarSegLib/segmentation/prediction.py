"""Predict ears in patches of a CT: pose, side, landmarks and labyrinth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..model.bundle import Model, PatchNetwork
from ..model.inference import run_patches, sample_patch
from ..progress import Progress
from ..types import Geometry, dice
from .canal_courses import frame_of
from .ct_at_ear import edge_width_mm, profiles_across
from .heatmap import Peak, decode_heatmaps
from .mask import OUTSIDE_LOGIT
from .pose import Pose, fit_poses

POSE_PRESENCE = 0.3
MIN_LANDMARKS = 4
"""Landmarks that a pose is fitted to; fewer do not tell the side."""

MAX_RESIDUAL_MM = 0.7
"""Largest misfit of an ear's landmarks. Reference landmarks of the dataset have 0.2 to 0.55, those
predicted in real ears 0.1 to 0.35."""

SURE_SIDE_MM = 0.25
"""Misfit of an ear's landmarks up to which it need not be predicted as one of the other side. In
12 specimens and two heads, the right side had 0.08 to 0.24 (once 0.4), the other at least 0.36."""

PASSES = 2
"""The second pass starts from the pose of the first, and so hardly depends on the search's."""

FINE_CT_MM = 0.45
"""Largest mean voxel edge at which a CT shows more than the ``orient`` network uses."""

MAX_SHIFT_MM = 1.5
"""If the networks put a landmark further apart than this, the finer one is not used: it was trained
on sharp CT, and a soft kernel misleads it before it misleads the coarser one."""

SPECIMEN_MM, SHARP_EDGE_MM, BLURRED_EDGE_MM = 0.45, 0.6, 0.75
"""Edge widths of the CT (see ``edge_width_mm``): that of specimens' own scans; up to which the
finer network draws alone; and from which the coarser one has its full share."""

COARSE_SHARE = 1.0 / 3.0
"""In cross-validation (14 specimens), Dice + 0.003 with a soft and + 0.002 with a bone kernel; a
half is no better."""

SPECIMEN_LOGIT = 0.2
"""Added to logits where the CT is as sharp as specimens' own scans, whose labyrinths the finer
network, trained on blurred CT as well, draws 2 % too small (docs/accuracy.md)."""

BONE_HU = 600.0


@dataclass(frozen=True, eq=False)
class EarPrediction:
    """What a network predicts for the ear in one patch.

    Attributes:
        patch: the network's grid in RAS; mirrored (determinant < 0) for a left ear.
        network: the network.
        ct: float32 [k, j, i] in HU, on the patch.
        labyrinth: logits, float32 [k, j, i], on the patch.
        peaks: one for each of the model's landmarks.
        poses: fitted to the peaks, one of each side, the better one first.
        presence: of the least certain landmark that the poses were fitted to.
        frame: 4 x 4 from the frame of ``canal_courses.REFERENCE`` to the model's canonical mm.
        agreement: Dice with the coarser network's labyrinth; None where one network drew.
    """

    patch: Geometry
    network: PatchNetwork
    ct: Tensor
    labyrinth: Tensor
    peaks: list[Peak]
    poses: list[Pose]
    presence: float
    frame: NDArray[np.float64]
    agreement: float | None = None

    @property
    def pose(self) -> Pose:
        """The better pose."""
        return self.poses[0]

    @property
    def ras_to_reference(self) -> NDArray[np.float64]:
        """4 x 4 from RAS to the frame of ``canal_courses.REFERENCE``, mm."""
        return np.asarray(np.linalg.inv(self.pose.matrix @ self.frame), np.float64)

    @property
    def score(self) -> float:
        """From 0 to 1: how certain the landmarks are and how well they fit an ear."""
        return self.presence * float(np.exp(-self.pose.residual / 2.0))


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model on one CT: [k, j, i] in HU, of any number type, on the grid ``geometry``."""

    ct: Tensor
    geometry: Geometry
    model: Model
    progress: Progress

    @cached_property
    def frame(self) -> NDArray[np.float64]:
        """That of all predictions; see ``EarPrediction``."""
        return frame_of(self.model.template)

    def predict(
        self, patches: Sequence[Geometry], network: PatchNetwork, min_bone_voxels: int = 0
    ) -> list[EarPrediction]:
        """Predict the ear in each patch of the network's shape.

        Returns:
            The predictions with enough landmarks to fit a pose, in the order of the patches.
            Patches with less than ``min_bone_voxels`` are skipped.

        Raises:
            Cancelled: if asked to stop.
        """
        found = []
        for patch in patches:
            self.progress.advance()
            ct = sample_patch(self.ct, self.geometry, patch, self.model.intensity.low)
            if int((ct > BONE_HU).sum()) < min_bone_voxels:
                continue
            # One at a time: a batch takes longer on the CPU, and more memory.
            logits, heatmaps = run_patches(network, ct[None], self.model.intensity, self.progress)
            peaks = decode_heatmaps(heatmaps[0], network.spacing_mm, network.heatmap_sigma_mm)
            present = {
                name: peak
                for name, peak in zip(self.model.landmarks, peaks, strict=True)
                if peak.presence >= POSE_PRESENCE
            }
            if len(present) < MIN_LANDMARKS:
                continue
            points = {name: patch.to_ras(peak.ijk) for name, peak in present.items()}
            poses = fit_poses(self.model.template, points)
            presence = min(peak.presence for peak in present.values())
            found.append(
                EarPrediction(patch, network, ct, logits[0], peaks, poses, presence, self.frame)
            )
        return found

    def ear(self, pose: Pose, network: PatchNetwork) -> EarPrediction | None:
        """Predict an ear in its canonical pose.

        None if the landmarks are absent, do not fit an ear, or fit one of the other side.
        """
        for found in self.predict([pose.patch(network.spacing_mm, network.shape)], network):
            if found.pose.residual <= MAX_RESIDUAL_MM and found.pose.side == pose.side:
                return found
        return None

    def orient(self, poses: list[Pose]) -> EarPrediction | None:
        """Predict an ear from possible poses of one or both sides, then again from the best.

        The landmarks fit an ear only in a pose of the right side. A pose after one that fits well
        is not tried. None if there is no ear.
        """
        network = self.model.orient
        found: list[EarPrediction] = []
        for pose in poses:
            if (ear := self.ear(pose, network)) is not None:
                found.append(ear)
                if ear.pose.residual <= SURE_SIDE_MM:
                    break
        best = min(found, key=lambda ear: ear.pose.residual, default=None)
        for _ in range(1, PASSES):
            best = None if best is None else self.ear(best.pose, network)
        return best

    def refine(self, oriented: EarPrediction) -> EarPrediction | None:
        """Predict an ear from ``orient`` at high resolution.

        Its landmarks are halfway between those of the two networks, as their errors differ. None
        if it contradicts the coarser network.
        """
        refined = self.ear(oriented.pose, self.model.refine)
        if refined is None:
            return None
        peaks = []
        for fine, coarse in zip(refined.peaks, oriented.peaks, strict=True):
            coarse_ijk = refined.patch.to_ijk(oriented.patch.to_ras(coarse.ijk))
            if min(fine.presence, coarse.presence) < 0.5:
                peaks.append(replace(fine, presence=min(fine.presence, coarse.presence)))
            elif np.linalg.norm(coarse_ijk - fine.ijk) * refined.network.spacing_mm > MAX_SHIFT_MM:
                return None
            else:
                peaks.append(
                    Peak(
                        (fine.ijk + coarse_ijk) / 2.0,
                        min(fine.presence, coarse.presence),
                        min(fine.concentration, coarse.concentration),
                        # The finer network, trained longer on the same few specimens, is
                        # overconfident.
                        coarse.spread_mm,
                        coarse.expected_spread_mm,
                    )
                )
        logits, spacing = refined.labyrinth, refined.network.spacing_mm
        drawn = sample_patch(oriented.labyrinth, oriented.patch, refined.patch, OUTSIDE_LOGIT)
        width = None
        if self.model.draws_any:
            width = edge_width_mm(profiles_across(refined.ct, logits, spacing))
        return replace(
            refined,
            labyrinth=blend(logits, drawn, width),
            peaks=peaks,
            agreement=dice((logits > 0).numpy(), (drawn > 0).numpy()),
        )


def blend(fine: Tensor, coarse: Tensor, width_mm: float | None) -> Tensor:
    """Return the finer network's logits as the sharpness of the CT asks.

    What a blurred edge means both networks judge, with errors of their own: the coarser one gets a
    share. On sharp CT its voxels are too large to add anything, and the finer network's drawing is
    widened a little. ``width_mm`` is from ``edge_width_mm``; both logits are on one grid.
    """
    if width_mm is None:
        return fine
    share = COARSE_SHARE * float(np.interp(width_mm, [SHARP_EDGE_MM, BLURRED_EDGE_MM], [0.0, 1.0]))
    added = SPECIMEN_LOGIT * float(np.interp(width_mm, [SPECIMEN_MM, SHARP_EDGE_MM], [1.0, 0.0]))
    return (1.0 - share) * fine + share * coarse + added


def is_fine(geometry: Geometry) -> bool:
    """Return whether a CT has the resolution that the ``refine`` network needs."""
    return float(np.cbrt(geometry.voxel_volume)) <= FINE_CT_MM
