"""Held-out specimens are measured in mm, in poses that are the same for all variations."""

import dataclasses

import numpy as np
import pytest
import torch

from InnerEarSegLib.ablation.plan import MeasureConfig, Study
from InnerEarSegLib.ablation.runs import measure_case, patch_size, random_poses, surface_distance
from InnerEarSegLib.model.config import NetworkConfig
from InnerEarSegLib.segmentation.pose import Pose, fit_pose
from InnerEarSegLib.training.config import LossConfig
from InnerEarSegLib.training.run import canonical_template
from InnerEarSegLib.types import LANDMARKS

REGION = (16.0, 20.0, 24.0)
HOW = MeasureConfig(poses=2, rotation_degrees=5.0, shift_mm=1.0, spacing_mm=0.4, seed=3)


class DrawsWhatIsDense(torch.nn.Module):
    """Labyrinth where the CT is above the middle of its range; each landmark in the middle."""

    def forward(self, ct):
        heatmaps = torch.zeros(1, 5, *ct.shape[2:])
        k, j, i = (size // 2 for size in ct.shape[2:])
        heatmaps[..., k - 1 : k + 1, j - 1 : j + 1, i - 1 : i + 1] = 20.0
        return 10.0 * ct, heatmaps


@pytest.fixture(scope="module")
def plain(specimen):
    """A specimen whose CT shows its labels and nothing else."""
    ct = np.where(specimen.labels > 0, 3000, -1000).astype(np.int16)
    return dataclasses.replace(specimen, ct=ct)


def figures(case, tasks="joint", spacing=0.4, template=None, **how):
    study = Study(spacing, (40, 48, 64), loss=LossConfig(heatmap_sigma_mm=0.5, tasks=tasks))
    config = study.config("x")
    template = template or canonical_template([case], config.landmarks)
    settings = dataclasses.replace(HOW, **how)
    return measure_case(DrawsWhatIsDense(), template, config, REGION, settings, case), template


@pytest.mark.parametrize("spacing", [0.3, 0.4])
def test_a_right_drawing_is_right_at_any_spacing(plain, spacing):
    found, _ = figures(plain, spacing=spacing)
    assert found["dice"] > 0.95 and found["assd_mm"] < 0.1


def test_landmarks_in_the_middle_are_as_far_off_as_the_middle_is(plain):
    found, template = figures(plain, poses=1)
    pose = random_poses(fit_pose(template, plain.landmarks), plain.name, HOW)[0]
    expected = {x: np.linalg.norm(pose.center - plain.landmarks[x]) for x in LANDMARKS}
    assert found["landmarks"] == pytest.approx(expected, abs=0.05)
    assert found["landmark_mm"] == pytest.approx(np.mean(list(found["landmarks"].values())))


def test_a_task_that_was_not_learned_is_not_measured(plain):
    found, _ = figures(plain, tasks="segmentation")
    assert found["landmark_mm"] is None and found["landmarks"] == {} and found["dice"] > 0.9
    found, template = figures(plain, tasks="landmarks")
    assert found["dice"] is None and found["assd_mm"] is None and found["landmark_mm"] > 0
    found, _ = figures(dataclasses.replace(plain, labels=None), template=template)
    assert found["dice"] is None and found["landmark_mm"] > 0


def test_poses_are_fixed_by_the_specimen_and_jittered_as_told():
    base = Pose(np.diag([-1.0, 1.0, 1.0, 1.0]))
    first, again, other = (random_poses(base, name, HOW) for name in ("F01", "F01", "F02"))
    assert all(np.array_equal(a.matrix, b.matrix) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].matrix, other[0].matrix)
    assert not np.array_equal(first[0].matrix, first[1].matrix)
    many = random_poses(base, "F01", dataclasses.replace(HOW, poses=2000))
    shifts = np.array([pose.center for pose in many])
    assert shifts.std(axis=0) == pytest.approx([1.0] * 3, rel=0.1)
    cosines = [(np.trace(p.matrix[:3, :3] @ base.matrix[:3, :3]) - 1) / 2 for p in many]
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    assert np.sqrt((angles**2).mean()) == pytest.approx(5.0, rel=0.1)
    assert {pose.side for pose in many} == {"left"}


def test_the_patch_is_the_smallest_that_fits_network_and_region():
    levels4 = Study(0.5, (32, 48, 48))
    assert patch_size(levels4, (16.0, 24.0, 24.0)) == (32, 48, 48)
    assert patch_size(levels4, (16.1, 24.0, 24.0)) == (40, 48, 48)
    coarser = dataclasses.replace(levels4, spacing_mm=0.6, network=NetworkConfig((8, 16)))
    assert patch_size(coarser, (16.0, 24.0, 24.0)) == (28, 40, 40)


def test_an_empty_mask_counts_as_its_middle():
    # A row of two voxels on either side of the middle (5.5, 5.5, 5.5) of 12.
    row = np.zeros((12, 12, 12), bool)
    row[5, 5, 5:7] = True
    assert surface_distance(row & ~row, row, 1.0) == pytest.approx(np.sqrt(0.75))
    assert surface_distance(row, row, 1.0) == 0.0
    # Of two rows 3 voxels of 0.5 mm apart, every voxel is 1.5 mm from the other.
    assert surface_distance(row, np.roll(row, 3, axis=0), 0.5) == pytest.approx(1.5)
