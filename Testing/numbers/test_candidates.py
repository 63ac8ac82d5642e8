"""Where an ear may be, on hand-made volumes."""

import numpy as np
import pytest
import torch

from InnerEarSegLib.io.region import region_of
from InnerEarSegLib.segmentation.candidates import (
    petrous_candidates,
    search_centers,
)
from InnerEarSegLib.types import Geometry

SPACING = (0.8, 0.9, 1.1)
PATCH_MM = np.full(3, 24.0)
SHAPE = (90, 110, 120)


def scene():
    """Water with a solid ball, an empty shell, a plate, and one ball with a small cavity."""
    matrix = np.array([[0, 0, 1.1, -50], [-0.8, 0, 0, 48], [0, 0.9, 0, -40], [0, 0, 0, 1.0]])
    geometry = Geometry(matrix, SHAPE)
    k, j, i = np.indices(SHAPE)
    ras = geometry.to_ras(np.stack([i, j, k], axis=-1))
    ct = np.zeros(SHAPE, dtype=np.int16)

    def ball(centre, radius, hu):
        ct[np.linalg.norm(ras - centre, axis=-1) <= radius] = hu

    ball((-25, 32, 15), 9, 2500)  # tooth-like: dense, nothing inside
    ball((-25, -20, 10), 16, 1500)
    ball((-25, -20, 10), 13, -1000)  # sinus-like: a wide cavity in thin bone
    ct[np.abs(ras[..., 2] - 50) < 2.5] = 1600  # vault-like: a plate
    ball(EAR, 10, 1700)
    ball(EAR, 3.5, 0)
    return torch.from_numpy(ct), geometry


EAR = (25.0, 5.0, 15.0)


def test_a_small_cavity_in_dense_bone_comes_first_and_without_bone_there_is_nothing():
    ct, geometry = scene()
    assert len(petrous_candidates(torch.zeros_like(ct), geometry, limit=5)) == 0
    places = petrous_candidates(*scene(), limit=5)
    assert 1 <= len(places) <= 5
    assert np.linalg.norm(places[0] - EAR) < 4.0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_storage_order_hardly_matters(order):
    ct, geometry = scene()
    axes = np.eye(4)
    axes[:3, :3] = np.eye(3)[:, [2 - order[2 - a] for a in range(3)]]
    stored = ct.permute(order)
    turned = Geometry(geometry.ijk_to_ras @ axes, tuple(stored.shape))
    first = petrous_candidates(stored, turned, limit=1)[0]
    assert np.linalg.norm(first - petrous_candidates(ct, geometry, limit=1)[0]) < 2.0


def test_a_small_scan_is_covered_and_a_large_one_is_searched_by_its_bone():
    ct, geometry = scene()
    large = search_centers(ct, geometry, PATCH_MM, None)
    assert np.linalg.norm(large[0] - EAR) < 4.0
    small = search_centers(ct, geometry, PATCH_MM, region_of(",".join(map(str, EAR)), None))
    assert len(small) == 8  # 30 mm are covered by two patches of 24 mm along each axis
    assert np.all(np.abs(small - EAR) <= 15.0)
    assert len(search_centers(ct, geometry, PATCH_MM, region_of("900,0,0", None))) == 0


def test_region_of_a_box_has_full_edges():
    region = region_of(None, "1,2,3,10,20,30")
    assert region.low.tolist() == [-4.0, -8.0, -12.0]
    assert region.high.tolist() == [6.0, 12.0, 18.0]
    assert region.holds(np.array([6.0, 2.0, 3.0])) and not region.holds(np.array([6.1, 2, 3]))
