"""CT volumes that look like CT to a reader: air, soft tissue, bone and noise. No patient's."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from InnerEarSegLib.types import Geometry, Volume


def phantom(shape=(24, 32, 40), seed=0):
    """int16 HU [k, j, i]: a ball of soft tissue with a shell of bone in air, smooth edges."""
    grids = np.meshgrid(*(np.linspace(-1.1, 1.1, n) for n in shape), indexing="ij")
    radius = np.sqrt(sum(grid**2 for grid in grids))
    values = np.where(radius < 0.95, np.where(radius > 0.8, 1300.0, 40.0), -1000.0)
    values += np.random.default_rng(seed).normal(0, 25, shape)
    return np.clip(np.round(values), -1024, 3071).astype(np.int16)


def linear(shape, step=(11.0, 7.0, 5.0), start=-900.0):
    """HU that rise linearly along (k, j, i): every linear interpolation gives them back."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return np.round(start + sum(s * g for s, g in zip(step, grids, strict=True))).astype(np.int16)


def geometry(shape, spacing=0.4):
    """A grid at the origin along RAS."""
    return Geometry(np.diag([spacing, spacing, spacing, 1.0]), shape)


def write(path: Path, values=None, spacing=0.4, grid=None, compress=False) -> Path:
    """Write values (the phantom's) through ITK."""
    values = phantom() if values is None else values
    image = Volume(values, grid or geometry(values.shape, spacing)).to_sitk()
    sitk.WriteImage(image, str(path), compress)
    return path


def patch(path: Path, at: int, content: bytes) -> Path:
    """Overwrite bytes of a file."""
    raw = bytearray(path.read_bytes())
    raw[at : at + len(content)] = content
    path.write_bytes(bytes(raw))
    return path


def edit(path: Path, old: bytes, new: bytes) -> Path:
    """Replace a piece of a text header that must be there."""
    raw = path.read_bytes()
    assert old in raw, old
    path.write_bytes(raw.replace(old, new, 1))
    return path
