"""The CT as a scalar volume node."""

from __future__ import annotations

from typing import Any

import vtk

from ..geometry import Volume
from .matrices import image_data, vtk_matrix

BONE_WINDOW = 4000.0
"""Width in HU. With the level below it spans -1000 to 3000 HU, so that air cells, the lumen of the
labyrinth (about 0 HU) and the otic capsule (about 2000 HU) are all told apart."""

BONE_LEVEL = 1000.0


def add_volume(scene: Any, volume: Volume) -> Any:
    """Adds the CT with a bone window; returns the vtkMRMLScalarVolumeNode.

    Voxels [k, j, i] are copied; ``volume.geometry`` gives the position in RAS mm.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", volume.name)
    node.SetIJKToRASMatrix(vtk_matrix(volume.geometry.ijk_to_ras))
    node.SetAndObserveImageData(image_data(volume.array, vtk.vtkImageData()))
    node.CreateDefaultDisplayNodes()
    show_bone_window(node)
    return node


def show_bone_window(volume_node: Any) -> None:
    """Sets a volume node's grey scale to the bone window."""
    display = volume_node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.AutoWindowLevelOff()
    display.SetWindowLevel(BONE_WINDOW, BONE_LEVEL)
