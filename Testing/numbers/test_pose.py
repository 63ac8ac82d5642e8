"""The canonical pose, its patches of a CT, and the way back to a mask along the CT."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from InnerEarSegLib.model.inference import sample_patch
from InnerEarSegLib.segmentation.mask import (
    crop_to_content,
    labyrinth_mask,
    mask_grid,
)
from InnerEarSegLib.segmentation.pose import Pose, fit_pose, handedness, procrustes_mean
from InnerEarSegLib.training.augmentation import random_rotation, small_rotation
from InnerEarSegLib.types import Geometry, apply_affine

TEMPLATE = {
    "a": np.array([3.0, 0.0, 0.0]),
    "b": np.array([-1.0, 2.0, 0.0]),
    "c": np.array([-1.0, -2.0, 0.5]),
    "d": np.array([0.0, 0.5, 2.5]),
}


def placed(matrix):
    return {name: apply_affine(matrix, point) for name, point in TEMPLATE.items()}


@settings(deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_any_pose_of_either_side_is_found_exactly(seed, left):
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(rng) @ np.diag([-1.0 if left else 1.0, 1.0, 1.0])
    matrix[:3, 3] = rng.normal(0, 50, 3)
    pose = fit_pose(TEMPLATE, placed(matrix))
    assert pose.side == ("left" if left else "right")
    assert np.allclose(pose.matrix, matrix, atol=1e-7)
    assert pose.residual < 1e-7


def test_the_mean_of_a_square_and_a_wider_one_lies_between_them():
    """Edges of 2 and 4 mm, turned, moved and mirrored: the mean has edges of 3 mm."""
    square = np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0.0]])
    wider = np.array([[7, 8, 3], [7, 4, 3], [3, 4, 3], [3, 8, 3.0]])
    for shapes in ((square, wider), (square, wider * (-1.0, 1.0, 1.0))):
        mean, laid = procrustes_mean(shapes)
        assert np.allclose(mean, 1.5 * square)
        assert np.allclose(laid[0], square) and np.allclose(laid[1], 2.0 * square)


def test_residual_by_hand():
    points = placed(np.eye(4))
    # Pulling two points apart along their line by 0.2 mm each leaves the pose and misfits both.
    points["a"] = points["a"] + [0.2, 0, 0]
    pose = fit_pose(TEMPLATE, points)
    assert 0.05 < pose.residual < 0.1  # at most sqrt(0.2² / 4) = 0.1, less by what fitting absorbs
    assert pose.side == "right"
    del points["d"]  # too few to tell the side
    with pytest.raises(ValueError, match="four landmarks"):
        fit_pose(TEMPLATE, points)


def test_patch_is_centred_on_the_ear_and_mirrored_with_it():
    matrix = np.diag([-1.0, 1.0, 1.0, 1.0])
    matrix[:3, 3] = [10, 20, 30]
    patch = Pose(matrix).patch(0.5, (3, 5, 7))
    assert patch.center.tolist() == [10, 20, 30]
    assert patch.to_ras([0, 2, 1]).tolist() == [10 + 1.5, 20, 30]
    assert np.linalg.det(patch.ijk_to_ras[:3, :3]) == pytest.approx(-(0.5**3))


def test_handedness_by_hand():
    # A = (1,0,0), OW = (0,1,0), centroid = (0,0,1), RW at the origin: e1 . (e2 x e3) = 1.
    e = np.eye(3)
    assert handedness(e[0], e[1], np.zeros(3), e[2]) == 1.0
    assert handedness(-e[0], e[1], np.zeros(3), e[2]) == -1.0


def test_side_of_every_specimen_follows_from_its_landmarks(specimens):
    from InnerEarSegLib.io.dataset import case_names, specimen
    from InnerEarSegLib.training.cases import training_case
    from InnerEarSegLib.training.run import canonical_template

    cases = [training_case(specimen(specimens, name).read()) for name in case_names(specimens)]
    template = canonical_template(cases, sorted(cases[0].landmarks))
    for case in cases:
        assert fit_pose(template, case.landmarks).side == case.side, case.name
    labelled = [case for case in cases if case.labels is not None]
    for case in labelled:
        centroid = case.geometry.to_ras(np.argwhere(case.labels)[:, ::-1]).mean(axis=0)
        points = [case.landmarks[n] for n in ("helicotrema", "oval window", "round window")]
        assert (handedness(*points, centroid) > 0) == (case.side == "left"), case.name


def test_random_rotations_are_rotations_over_all_directions():
    rng = np.random.default_rng(1)
    turned = np.array([random_rotation(rng) for _ in range(4000)])
    assert np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(turned), 1.0)
    # Uniform directions have mean 0 and second moment 1/3 along each axis.
    assert np.abs(turned[:, :, 0].mean(axis=0)).max() < 0.04
    assert np.abs((turned[:, :, 0] ** 2).mean(axis=0) - 1 / 3).max() < 0.02


def test_small_rotation_has_the_angle_it_should():
    rng = np.random.default_rng(2)
    traces = [np.trace(small_rotation(rng, 10.0)) for _ in range(3000)]
    angles = np.degrees(np.arccos(np.clip((np.array(traces) - 1) / 2, -1, 1)))
    assert np.sqrt((angles**2).mean()) == pytest.approx(10.0, rel=0.05)


def ramp() -> tuple[torch.Tensor, Geometry]:
    """A CT whose HU are R + 10 A + 100 S: linear, so that interpolation is exact."""
    matrix = np.array([[0, 0, 0.5, -3], [-0.4, 0, 0, 4], [0, 0.3, 0, -2], [0, 0, 0, 1.0]])
    geometry = Geometry(matrix, (14, 15, 16))
    k, j, i = np.indices(geometry.shape)
    ras = geometry.to_ras(np.stack([i, j, k], axis=-1))
    return torch.from_numpy(ras @ [1.0, 10.0, 100.0]).float(), geometry


def test_permuted_axes_and_a_turned_patch_are_exact_on_a_linear_ct():
    ct, geometry = ramp()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, geometry.center
    patch = Pose(matrix).patch(0.2, (5, 6, 7))
    found = sample_patch(ct, geometry, patch, -1000.0).numpy()
    k, j, i = np.indices(patch.shape)
    expected = patch.to_ras(np.stack([i, j, k], axis=-1)) @ [1.0, 10.0, 100.0]
    assert np.abs(found - expected).max() < 1e-3
    matrix[:3, 3] = 1000.0  # outside is what is asked for
    assert (sample_patch(ct, geometry, Pose(matrix).patch(0.2, (4, 4, 4)), -7.0) == -7.0).all()


def ct_grid(spacing) -> Geometry:
    matrix = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    matrix[:3, 3] = [15, 15, -15]
    size = np.ceil(30 / np.array(spacing)).astype(int)
    return Geometry(matrix, tuple(int(n) for n in size[::-1]))


def test_coarse_voxels_are_divided_and_fine_ones_kept():
    patch = Pose(np.eye(4)).patch(0.2, (40, 40, 40))
    grid = mask_grid(ct_grid((0.16, 0.2, 0.6)), patch)
    assert grid.spacing == pytest.approx([0.16, 0.2, 0.12])
    # Of five parts of a slice, the third is centred where the slice is.
    whole = ct_grid((0.16, 0.2, 0.6)).to_ijk(grid.to_ras([0, 0, 2]))
    assert whole == pytest.approx(np.round(whole), abs=1e-6)
    assert ct_grid((0.16, 0.2, 0.6)).contains(grid.corners, margin=-1e-6).all()


def test_sphere_keeps_its_volume_and_place_through_any_turn():
    center, radius = np.array([1.0, -2.0, 0.5]), 3.0
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(np.random.default_rng(5)) @ np.diag([-1.0, 1, 1])
    matrix[:3, 3] = center + [0.3, 0.2, -0.4]
    patch = Pose(matrix).patch(0.2, (48, 48, 48))
    k, j, i = np.indices(patch.shape)
    distance = np.linalg.norm(patch.to_ras(np.stack([i, j, k], -1)) - center, axis=-1)
    grid = mask_grid(ct_grid((0.3, 0.3, 0.5)), patch)
    mask = labyrinth_mask(torch.from_numpy(3.0 * (radius - distance)).float(), patch, grid)
    volume = mask.sum() * grid.voxel_volume
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)
    cut, cut_grid = crop_to_content(mask, grid)
    ras = cut_grid.to_ras(np.argwhere(cut)[:, ::-1])
    assert np.abs(ras.mean(axis=0) - center).max() < 0.02
    assert cut.sum() == mask.sum() and cut.size < mask.size
