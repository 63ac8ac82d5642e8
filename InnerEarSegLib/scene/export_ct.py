"""A CT of the scene as a file for the worker, without touching the scene.

Slicer's own way to save a node gives it a storage node and marks it as saved; this writes the
voxels and nothing else. The file is in the CT's local RAS: its parent transform is left out, as
results are put under the same transform.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..errors import UnusableInput
from ..geometry import RAS_FROM_LPS, Geometry
from .matrices import numpy_matrix

PIECE_BYTES = 4_000_000
"""Written at a time: some 10 ms on a slow disk."""

_NRRD_TYPES = {
    "int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32",
    "uint32": "uint32", "int64": "int64", "uint64": "uint64", "float32": "float",
    "float64": "double",
}  # fmt: skip


def voxels(volume_node: Any) -> NDArray:
    """A view, not a copy, of a volume node's voxels [k, j, i].

    Raises:
        UnusableInput: the volume is empty or has several values per voxel.
    """
    image = volume_node.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or image.GetNumberOfPoints() == 0:
        raise UnusableInput(f"The volume {volume_node.GetName()} has no voxels.")
    if scalars.GetNumberOfComponents() != 1:
        raise UnusableInput(f"The volume {volume_node.GetName()} is a colour image, not a CT.")
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def geometry_of(volume_node: Any) -> Geometry:
    """Grid of a volume node in its local RAS mm."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    i, j, k = volume_node.GetImageData().GetDimensions()
    return Geometry(numpy_matrix(matrix), (k, j, i))


def export_ct(volume_node: Any, path: Path) -> None:
    """Writes the CT as an uncompressed NRRD file.

    Args:
        volume_node: the CT.
        path: ends in .nrrd.

    Raises:
        UnusableInput: nothing could be written, in one sentence.
    """
    for _ in export_steps(volume_node, path):
        pass


def export_steps(volume_node: Any, path: Path) -> Generator[float, None, None]:
    """As ``export_ct``, a few milliseconds at a time; yields the part that is done, 0 to 1.

    The voxels are kept alive meanwhile, also when the node is removed. A generator that is closed
    before its end leaves a part of the file.
    """
    array = voxels(volume_node)
    header = _header(array, geometry_of(volume_node))
    values = array.reshape(-1)  # a view: VTK's arrays have no gaps
    step = max(1, PIECE_BYTES // array.dtype.itemsize)
    little = array.dtype.newbyteorder("<")
    try:
        with path.open("wb") as stream:
            stream.write(header)
            for first in range(0, values.size, step):
                values[first : first + step].astype(little, copy=False).tofile(stream)
                yield min(1.0, (first + step) / values.size)
    except OSError as error:
        raise UnusableInput(
            f"The CT cannot be written to {path.parent}: {error.strerror or error}."
        ) from None


def _header(array: NDArray, geometry: Geometry) -> bytes:
    kind = _NRRD_TYPES.get(array.dtype.newbyteorder("=").name)
    if kind is None:
        raise UnusableInput(f"Voxels of type {array.dtype} are not supported.")
    lps = RAS_FROM_LPS @ geometry.ijk_to_ras
    vectors = ["(" + ",".join(repr(float(v)) for v in lps[:3, axis]) + ")" for axis in range(4)]
    lines = [
        "NRRD0004",
        f"type: {kind}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in array.shape[::-1]),
        "space directions: " + " ".join(vectors[:3]),
        "kinds: domain domain domain",
        *(["endian: little"] if array.dtype.itemsize > 1 else []),
        "encoding: raw",
        f"space origin: {vectors[3]}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")
