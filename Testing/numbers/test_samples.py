"""Training samples show what they claim to show."""

import dataclasses

import numpy as np
import pytest
import torch

from InnerEarSegLib.segmentation.pose import fit_pose
from InnerEarSegLib.training.augmentation import (
    anisotropic_blur,
    another_kernel,
    blur,
    coarsen,
    correlated_noise,
    random_view,
    refill,
)
from InnerEarSegLib.training.cases import TrainingCase, pack, unpack
from InnerEarSegLib.training.config import AugmentationConfig, Config, LossConfig, NetworkTraining
from InnerEarSegLib.training.mean_ear import mean_ear
from InnerEarSegLib.training.run import canonical_template
from InnerEarSegLib.training.samples import Samples, cut
from InnerEarSegLib.types import Geometry

from ..conftest import specimen_of

NAMES = ("helicotrema", "oval window", "round window", "basal turn centre", "vestibule centre")


@pytest.fixture(scope="module")
def case(synthetic_ear) -> TrainingCase:
    return specimen_of(synthetic_ear, "S")


def config(**augmentation) -> Config:
    setup = NetworkTraining(0.4, (40, 48, 64), augmentation=AugmentationConfig(**augmentation))
    return Config("test", setup, setup, setup)


@pytest.mark.parametrize("any_rotation", [True, False])
def test_landmarks_move_with_the_deformed_image(case, any_rotation):
    """Where the window says a landmark is, the view really looks at that landmark."""
    settings = config(any_rotation=any_rotation, elastic_mm=0.6, scale=0.1)
    pose = fit_pose(canonical_template([case], NAMES), case.landmarks)
    rng = np.random.default_rng(0)
    for _ in range(5):
        view = random_view(pose, settings.locate, rng)
        ras = np.array([case.landmarks[name] for name in NAMES])
        ijk = view.patch_ijk(ras)
        grid = view.source_ijk(case.geometry).numpy()
        for point, target in zip(ijk, case.geometry.to_ijk(ras), strict=True):
            low = np.floor(point).astype(int)
            if (low < 0).any() or (low + 1 >= np.array(grid.shape[2::-1])).any():
                continue
            corner = grid[low[2] : low[2] + 2, low[1] : low[1] + 2, low[0] : low[0] + 2]
            f = point - low
            weights = np.einsum("k,j,i->kji", *([1 - f[a], f[a]] for a in (2, 1, 0)))
            seen = np.einsum("kji,kjia->a", weights, corner)
            assert np.abs((seen - target) * case.geometry.spacing).max() < 0.05  # mm


def test_three_landmarks_and_the_side_fix_the_pose(case):
    template = canonical_template([case], NAMES)
    three = dataclasses.replace(case, landmarks={n: case.landmarks[n] for n in NAMES[:3]})
    assert np.allclose(three.pose(template).matrix, case.pose(template).matrix, atol=1e-6)
    assert three.pose(template).side == case.side
    known = Samples([three], template, config(), config().locate)[0].known
    assert known.tolist() == [True, True, True, False, False]


def test_of_a_head_only_what_is_around_the_ear_is_sampled():
    """Voxels of 2 mm along i and 1 mm along j and k; landmarks from index 50 to 60, 70 to 70."""
    geometry = Geometry(np.diag([2.0, 1.0, 1.0, 1.0]), (200, 150, 100))
    ct = (np.arange(200 * 150 * 100) % 997).astype(np.int16).reshape(200, 150, 100)
    points = {"a": np.array([100.0, 70.0, 5.0]), "b": np.array([120.0, 70.0, 190.0])}
    head = TrainingCase("head", ct, None, geometry, points, "left")
    ear = head.around_ear(30.0)  # 15 voxels along i, 30 along j, and beyond both ends along k
    assert ear.ct.shape == (200, 61, 41)
    assert np.array_equal(ear.ct, ct[:, 40:101, 35:76])
    assert ear.geometry.to_ras([0, 0, 0]).tolist() == [70.0, 40.0, 0.0]


def test_other_axes_in_the_file_are_the_same_sample(case):
    """Stored with k, i and j along the axes i, j and k, and i reversed."""
    turn = np.zeros((4, 4))
    turn[2, 0] = turn[1, 2] = turn[3, 3] = 1.0
    turn[0, 1], turn[0, 3] = -1.0, case.ct.shape[2] - 1
    ct, labels = (of.transpose(1, 2, 0)[:, ::-1].copy() for of in (case.ct, case.labels))
    other = dataclasses.replace(
        case, ct=ct, labels=labels, geometry=Geometry(case.geometry.ijk_to_ras @ turn, ct.shape)
    )
    settings = config(gain=0.1, noise=0.5, elastic_mm=0.3)
    one, two = (Samples([c], canonical_template([c], NAMES), settings, settings.refine)[3]
                for c in (case, other))  # fmt: skip
    assert all(
        torch.allclose(a.float(), b.float(), atol=1e-3) for a, b in zip(one, two, strict=True)
    )


def test_same_seed_same_sample(case):
    settings, template = config(), canonical_template([case], NAMES)
    first, second = (Samples([case], template, settings, settings.refine)[3] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first.ct, Samples([case], template, settings, settings.refine)[4].ct)


def test_a_simulated_scan_has_a_seed_and_leaves_the_ear_where_it_is(case):
    still = {"rotation_degrees": 0.0, "shift_mm": 0.0, "scale": 0.0, "elastic_mm": 0.0}
    settings = config(rescan=1.0, fluid=1.0, gain=0.0, offset_hu=0.0, outside=0.0, **still)
    template = canonical_template([case], NAMES)
    first, second = (Samples([case], template, settings, settings.refine) for _ in range(2))
    plain = config(**still)
    target = Samples([case], template, plain, plain.refine)[0].labyrinth
    for n in range(4):
        drawn = first[n]
        assert all(torch.equal(a, b) for a, b in zip(drawn, second[n], strict=True))
        assert torch.equal(drawn.labyrinth, target)
        hu = (drawn.ct + 1.0) * 2000.0 - 1000.0
        assert -300.0 < float(hu[target > 0.99].median()) < 600.0  # fluid, and some bone
        assert float(hu[target < 0.01].median()) > float(hu[target > 0.99].median()) + 200.0


def test_cores_and_septa_lie_where_the_ear_lies(case):
    settings = config(rotation_degrees=20.0, shift_mm=1.0)
    setup = dataclasses.replace(settings.refine, loss=LossConfig(core=1.0, septum=1.0))
    samples = Samples([case], canonical_template([case], NAMES), settings, setup)
    drawn = samples[0]
    assert float(drawn.core.sum()) > 50 and float(drawn.septum.sum()) > 0
    assert float(drawn.labyrinth[drawn.core > 0.2].min()) > 0.5
    assert float(drawn.labyrinth[drawn.septum > 0.8].mean()) < 0.5
    without = Samples([case], canonical_template([case], NAMES), settings, settings.refine)[0]
    assert torch.equal(without.labyrinth, drawn.labyrinth)
    assert not without.core.any() and not without.septum.any()


def test_a_network_can_do_without_the_synthetic_ears(case):
    made = dataclasses.replace(case, name="made", synthetic=True)
    settings = dataclasses.replace(config(), synthetic_fraction=1.0)
    template = canonical_template([case], NAMES)
    for wanted in (True, False):
        setup = dataclasses.replace(settings.refine, synthetic_ears=wanted)
        samples = Samples([case, made], template, settings, setup)
        assert [each.name for each in samples.synthetic] == ["made"] * wanted


def test_the_mean_ear_has_the_ear_s_volume_in_voxels_of_twice_the_spacing(case):
    template = canonical_template([case], NAMES)
    setup = dataclasses.replace(config().refine, window=(8, 8, 8), inference_window=(40, 48, 64))
    mean = mean_ear([case], template, setup)
    assert mean.shape == (20, 24, 32)
    assert float(mean.min()) == 0.0 and float(mean.max()) == pytest.approx(1.0)
    volume = float(case.labels.sum()) * case.geometry.voxel_volume
    assert float(mean.sum()) * 0.8**3 == pytest.approx(volume, rel=0.03)
    unlabelled = dataclasses.replace(case, labels=None)
    assert torch.equal(mean_ear([case, unlabelled], template, setup), mean)
    empty = dataclasses.replace(case, labels=np.zeros_like(case.labels))
    assert torch.allclose(mean_ear([case, empty], template, setup), mean / 2)


def test_canonical_window_shows_the_whole_labyrinth(case):
    quiet = config(rotation_degrees=0.0, shift_mm=0.0, scale=0.0, elastic_mm=0.0)
    template = canonical_template([case], NAMES)
    sample = Samples([case], template, quiet, quiet.refine)[0]
    volume = float(sample.labyrinth.sum()) * 0.4**3
    assert volume == pytest.approx(float(case.labels.sum()) * case.geometry.voxel_volume, rel=0.03)
    assert sample.present.all() and sample.labelled


def test_cut_takes_away_landmarks_on_the_far_side():
    ct, points = torch.ones(4, 4, 8), np.array([[1.0, 2, 2], [6.0, 2, 2]])
    for seed in range(20):
        targets = torch.ones(2, 4, 4, 8)
        emptied, left, kept = cut(ct, targets, points, -1.0, np.random.default_rng(seed))
        assert set(emptied.unique().tolist()) == {-1.0, 1.0}
        assert all(torch.equal(each == 1.0, emptied == 1.0) for each in left)
        assert ct.min() == targets.min() == 1.0
        for (i, j, k), there in zip(points.astype(int), kept, strict=True):
            assert (emptied[k, j, i] == 1.0) == there


def test_refill_changes_the_lumen_alone():
    ct, lumen = torch.full((4, 4, 4), 1500.0), torch.zeros(4, 4, 4)
    lumen[1:3, 1:3, 1:3] = 1.0
    ct[lumen > 0] = 20.0
    refilled = refill(ct, lumen, np.random.default_rng(0))
    assert torch.equal(refilled[lumen == 0], ct[lumen == 0])
    assert float(refilled[lumen > 0].std()) < 1e-3 and float(refilled[1, 1, 1]) != 20.0


def test_blur_keeps_the_mean_and_has_its_width():
    point = torch.zeros(21, 21, 21)
    point[10, 10, 10] = 1.0
    seen = blur(point, 2.0)
    assert float(seen.sum()) == pytest.approx(1.0, abs=1e-5)
    x = torch.arange(21) - 10.0
    assert float((seen.sum(dim=(0, 1)) * x**2).sum()) ** 0.5 == pytest.approx(2.0, rel=0.05)


def test_coarsen_keeps_constant_and_noise_is_unit():
    flat = torch.full((8, 8, 8), 7.0)
    assert torch.equal(coarsen(flat, 0.2, np.full(3, 0.8)), flat)
    assert float(correlated_noise((9, 9, 9), np.random.default_rng(0)).std()) == pytest.approx(1.0)


def test_pack_round_trip(case, tmp_path):
    bare = TrainingCase("bare", case.ct, None, case.geometry, case.landmarks, "left", True)
    pack([case, bare], tmp_path / "cases.npz")
    again, again_bare = unpack(tmp_path / "cases.npz")
    assert np.array_equal(again.ct, case.ct) and np.array_equal(again.labels, case.labels)
    assert np.array_equal(again.geometry.ijk_to_ras, case.geometry.ijk_to_ras)
    assert again_bare.labels is None and again_bare.synthetic and not again.synthetic


def test_blur_has_the_covariance_it_was_asked_for():
    point = torch.zeros(31, 31, 31)
    point[15, 15, 15] = 1.0
    wanted = np.array([[4.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.5]])
    spread = anisotropic_blur(point, wanted).double()
    offset = torch.arange(31).double() - 15
    grid = torch.stack(torch.meshgrid(offset, offset, offset, indexing="ij"))
    measured = torch.einsum("akji,bkji,kji->ab", grid, grid, spread)
    assert abs(float(spread.sum()) - 1.0) < 1e-3
    assert np.allclose(measured.numpy(), wanted, atol=0.02)


def test_blur_leaves_a_constant_alone_up_to_the_border():
    flat = torch.full((12, 16, 20), -1000.0)
    assert torch.allclose(anisotropic_blur(flat, 9.0 * np.eye(3)), flat, atol=0.01)


def test_kernels_are_soft_or_sharp():
    edge = torch.zeros(20, 20, 20)
    edge[:, :, 10:] = 1000.0
    how = AugmentationConfig(kernel=1.0)
    seen = [another_kernel(edge, 0.4, how, np.random.default_rng(s))[5:15, 5:15] for s in range(30)]
    assert max(float(each.amax() - each.amin()) for each in seen) > 1010.0  # a bone kernel's
    steps = [float(each[5, 5].diff().max()) for each in seen]
    assert min(steps) < 400.0  # a soft kernel takes several voxels from bone to air
