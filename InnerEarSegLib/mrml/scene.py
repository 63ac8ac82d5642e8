"""Helpers for MRML scenes, and a scene without the Slicer application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import ArrayLike, NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkCollection, vtkOutputWindow
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkCommonTransforms import vtkGeneralTransform

from ..errors import UnusableInput
from ..process import temporary


def nodes_of(scene: Any, class_name: str) -> list[Any]:
    """Return all nodes of a class."""
    count = scene.GetNumberOfNodesByClass(class_name)
    return [scene.GetNthNodeByClass(index, class_name) for index in range(count)]


def keep_place_node(scene: Any) -> Callable[[], None]:
    """Return a function that makes Slicer place points in the same node as now.

    A new markups node makes itself the one that points are placed in.
    """
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is None:
        return lambda: None
    node_class = selection.GetActivePlaceNodeClassName()
    node_id = selection.GetActivePlaceNodeID()
    return lambda: configure(
        selection, ActivePlaceNodeClassName=node_class, ActivePlaceNodeID=node_id
    )


def configure(target: Any, **values: Any) -> Any:
    """Call ``SetName(value)`` for each ``Name=value``, a tuple as several arguments."""
    for name, value in values.items():
        arguments = value if isinstance(value, tuple) else (value,)
        getattr(target, f"Set{name}")(*arguments)
    return target


def vtk_matrix(matrix: ArrayLike) -> Any:
    """vtkMatrix4x4 of a 4 x 4 array."""
    result: Any = vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel())
    return result


def numpy_matrix(matrix: Any) -> NDArray[np.float64]:
    """4 x 4 array of a vtkMatrix4x4."""
    return np.reshape(matrix.GetData(), (4, 4))


def matrix_from(getter: Callable[..., Any], *arguments: Any) -> NDArray[np.float64]:
    """4 x 4 array of the vtkMatrix4x4 that a method of MRML fills, its last argument."""
    matrix = vtkMatrix4x4()
    getter(*arguments, matrix)
    return numpy_matrix(matrix)


def image_data(array: NDArray, image: Any) -> Any:
    """``image`` (a new vtkImageData or a subclass) filled with a copy of ``array`` [k, j, i]."""
    values = np.ascontiguousarray(array)
    if values.dtype == bool:
        values = values.view(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    elif not values.dtype.isnative:  # as NIfTI and NRRD readers return it
        values = values.astype(values.dtype.newbyteorder("="))
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    return image


def transform_between(source: Any, target: Any) -> Any:
    """vtkGeneralTransform from one transform node's space to another's; None is the world.

    Not a matrix: either may be a grid transform, as for irregular DICOM series.
    """
    general = vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, general)
    return general


def to_world(node: Any, ras: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 3) in a node's own RAS mm, mapped to world RAS mm by its parent transforms."""
    points = np.asarray(ras, dtype=np.float64)
    parent = node.GetParentTransformNode()
    if parent is None:
        return points.copy()
    general = transform_between(parent, None)
    mapped = [general.TransformPoint(*point) for point in points.reshape(-1, 3)]
    return np.array(mapped).reshape(points.shape)


def grid_text(ijk_to_ras: NDArray[np.float64], dimensions: Iterable[int]) -> str:
    """Return the first three rows of a grid's matrix and its voxels along i, j, k as text."""
    return " ".join([*(f"{value:.10g}" for value in ijk_to_ras[:3].ravel()), *map(str, dimensions)])


def parse_grid(text: str) -> tuple[NDArray[np.float64], list[str]]:
    """Return the 4 x 4 matrix and the dimensions that ``grid_text`` holds."""
    values = text.split()
    matrix = np.eye(4)
    matrix[:3] = np.array(values[:12], float).reshape(3, 4)
    return matrix, values[12:]


_SAME_MM = 1e-3


def same_grid(one: str, other: str) -> bool:
    """Whether two ``grid_text`` are of one grid, up to what saving a scene rounds off."""
    if one == other:
        return True
    (before, size), (after, size_after) = parse_grid(one), parse_grid(other)
    corners = np.array([*np.ndindex(2, 2, 2)]) * np.array(size, float)
    homogeneous = np.column_stack([corners, np.ones(8)])
    return size == size_after and np.abs(homogeneous @ (before - after).T).max() < _SAME_MM


SCENE_VERSION = "Slicer 5.10.0 0"
"""What a saved scene says wrote it: the oldest Slicer that this project supports. slicer-core's
own answer, "slicer-core 4.0.0", makes Slicer warn of a foreign application when it opens the file,
and a newer version than the user's would make it warn of that."""


@dataclass(eq=False)
class HeadlessSession:
    """A scene with the nodes of the four-up layout and its camera, and what keeps it alive."""

    scene: Any
    application_logic: Any  # displayable managers ask for it
    logics: list[Any] = field(default_factory=list)  # they observe the scene while they live
    view_logics: list[Any] = field(default_factory=list)  # of the layout and the slice views


def check_logics() -> None:
    """Refuse to go on where no scene can be made.

    Raises:
        UnusableInput: this Python is PythonSlicer, whose ``slicer`` lacks the modules' logics.
    """
    if not hasattr(slicer, "vtkSlicerSegmentationsModuleLogic"):
        raise UnusableInput(
            "PythonSlicer cannot make scenes: use the panel in 3D Slicer, or a Python of its own "
            "with InnerEarSeg; segment --plain does without."
        )


@contextmanager
def headless_scene() -> Iterator[HeadlessSession]:
    """A fresh scene with the logics that volumes, segments and markups need.

    May be entered many times in a process, also nested; each time gives an independent scene.

    Raises:
        UnusableInput: see ``check_logics``.
    """
    check_logics()
    # VTK's default on Windows is a pop-up window, which would block a batch job.
    vtkOutputWindow.GetInstance().SetDisplayModeToAlwaysStdErr()
    with temporary() as folder:
        session = _boot(folder.resolve())
        try:
            yield session
        finally:
            # The scene goes with its last reference. Clearing it while slice logics still observe
            # it ends in a segfault; and view logics hold it until they are told to let go.
            for logic in (*reversed(session.view_logics), session.application_logic):
                logic.SetMRMLScene(None)


def _boot(folder: Path) -> HeadlessSession:
    scene = slicer.vtkMRMLScene()
    scene.SetVersion(SCENE_VERSION)
    # Storage nodes resolve relative file names against this folder, never the working directory.
    scene.SetRootDirectory(str(folder))
    application = slicer.vtkSlicerApplicationLogic()
    application.SetTemporaryPath(str(folder))
    scene.AddNode(configure(slicer.vtkMRMLCrosshairNode(), CrosshairName="default"))
    application.SetMRMLScene(scene)
    application.SetSliceLogics(vtkCollection())
    application.SetViewLogics(vtkCollection())
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)

    session = HeadlessSession(scene, application)
    colors = application.GetColorLogic()
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    # Without the segmentations logic a scene cannot hold segments (they are silently dropped).
    for name, logic_class in (
        ("Volumes", slicer.vtkSlicerVolumesLogic),
        ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic),
        ("SubjectHierarchy", slicer.vtkSlicerSubjectHierarchyModuleLogic),
        ("Markups", slicer.vtkSlicerMarkupsLogic),
        ("Transforms", slicer.vtkSlicerTransformLogic),
    ):
        logic = configure(logic_class(), MRMLScene=scene, MRMLApplicationLogic=application)
        application.SetModuleLogic(name, logic)
        session.logics.append(logic)
    # A bundle that is read is unpacked into the cache folder of this manager.
    remote = configure(slicer.vtkMRMLRemoteIOLogic(), MRMLApplicationLogic=application)
    (folder / "cache").mkdir()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(folder / "cache"))
    manager = configure(slicer.vtkDataIOManagerLogic(), MRMLApplicationLogic=application)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    application.SetMRMLSceneDataIO(scene, remote, manager)
    session.logics += [remote, manager]
    # The nodes that the application's layout, slice widgets and cameras would make.
    layout = configure(slicer.vtkMRMLLayoutLogic(), MRMLScene=scene)
    layout_node = layout.GetLayoutNode()
    layout_node.SetViewArrangement(layout_node.SlicerLayoutFourUpView)
    session.view_logics.append(layout)
    for name in ("Red", "Green", "Yellow"):
        # AddSliceNode would reset the orientation and color that the layout gave the node.
        node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        slices = slicer.vtkMRMLSliceLogic()
        configure(slices, MRMLApplicationLogic=application, MRMLScene=scene, SliceNode=node)
        application.GetSliceLogics().AddItem(slices)
        session.view_logics.append(slices)
    scene.AddNode(configure(slicer.vtkMRMLCameraNode(), Name="Camera", LayoutName="1"))
    return session
