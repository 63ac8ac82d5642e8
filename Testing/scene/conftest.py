"""Made-up ears: ellipsoids with a canal, so that no model and no patient is needed."""

from types import SimpleNamespace

import numpy as np
import pytest

from InnerEarSegLib.types import (
    LANDMARKS,
    Ear,
    Geometry,
    Landmark,
    ModelIdentity,
    Segmentation,
    Volume,
)

pytest.importorskip("slicer", reason="slicer-core is not installed")


def rotation(axis, degrees):
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def grid(directions, spacing, center, shape):
    """A grid around ``center`` (RAS mm); shape is (k, j, i), spacing (i, j, k)."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions @ np.diag(spacing)
    matrix[:3, 3] = center - matrix[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return Geometry(matrix, tuple(shape))


def make_ear(side, geometry, missing=()):
    index = np.indices(geometry.shape)[::-1].transpose(1, 2, 3, 0)
    offset = geometry.to_ras(index) - geometry.center
    inside = ((offset / (4.5, 3.5, 2.5)) ** 2).sum(axis=-1) < 1
    # Lopsided, so that a flipped axis is noticed.
    inside |= ((offset - (3.0, 2.5, 1.5)) ** 2).sum(axis=-1) < 2.0**2
    steps = {LANDMARKS[0]: (3, 2, 0.5), LANDMARKS[1]: (-2, 1, 1), LANDMARKS[2]: (-2, -1.5, 0)}
    landmarks = tuple(
        Landmark(name, None, 0.1)
        if name in missing
        else Landmark(name, tuple(float(v) for v in geometry.center + steps[name]), 0.8)
        for name in LANDMARKS
    )
    volume = float(inside.sum() * geometry.voxel_volume)
    return Ear(side, inside.astype(np.uint8), geometry, landmarks, volume)


def points(array, geometry):
    """RAS mm of all voxels that are set."""
    return geometry.to_ras(np.argwhere(array)[:, ::-1])


@pytest.fixture(scope="session")
def made():
    """Builders and ready-made results."""
    oblique = grid(rotation((1, 0.3, 0.2), 25), (0.3, 0.35, 0.4), (12.0, 3, -2), (40, 44, 50))
    other = grid(rotation((0, 1, 0.2), -20), (0.32, 0.35, 0.4), (-14.0, 2, 1), (40, 44, 50))
    step = np.eye(4)
    step[:3, 3] = (-80, 5, 3)  # whole voxels: the same lattice
    same = Geometry(oblique.ijk_to_ras @ step, (42, 44, 48))
    left, right = make_ear("left", oblique), make_ear("right", other, ("oval window",))
    ct_grid = grid(rotation((0, 0, 1), 7), (0.7, 0.7, 0.9), (0, 0, 0), (40, 50, 70))
    index = np.indices(ct_grid.shape)[::-1].transpose(1, 2, 3, 0)
    ras = ct_grid.to_ras(index)
    voxels = (1000 + 900 * np.sin(ras).sum(axis=-1) / 3).astype(np.int16)

    def result(*ears):
        return Segmentation(tuple(ears), ModelIdentity("test", "1.0", "0" * 64), "cpu")

    return SimpleNamespace(
        ct=Volume(voxels, ct_grid, "CT"),
        left=left,
        right=right,
        right_on_same_lattice=make_ear("right", same),
        one=result(left),
        two=result(left, right),
        none=result(),
        result=result,
        points=points,
        ear=make_ear,
        grid=grid,
    )


@pytest.fixture
def scene():
    from InnerEarSegLib.mrml.scene import headless_scene

    with headless_scene() as session:
        yield session.scene


@pytest.fixture
def volume(made, scene):
    """A CT in the scene."""
    from InnerEarSegLib.mrml.volumes import add_volume

    return add_volume(scene, made.ct)
