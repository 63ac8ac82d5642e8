"""Helpers for MRML scenes, and a scene without the Slicer application."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy


class Observers:
    """VTK observers that can be removed together."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def add(self, subject: Any, event: Any, handler: Callable[..., None]) -> None:
        """Call ``handler(caller, event)`` on each event."""
        self._tags.append((subject, subject.AddObserver(event, handler)))

    def clear(self) -> None:
        """Stop observing."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()


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
    was = (selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID())

    def restore() -> None:
        selection.SetActivePlaceNodeClassName(was[0])
        selection.SetActivePlaceNodeID(was[1])

    return restore


def vtk_matrix(matrix: NDArray[np.float64]) -> Any:
    """vtkMatrix4x4 of a 4 x 4 array."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel())
    return result


def numpy_matrix(matrix: Any) -> NDArray[np.float64]:
    """4 x 4 array of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, col) for col in range(4)] for row in range(4)])


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


def image_array(image: Any) -> NDArray:
    """Copy of a vtkImageData's voxels, [k, j, i]."""
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape(image.GetDimensions()[::-1]).copy()


def to_world(node: Any, ras: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 3) in a node's own RAS mm, mapped to world RAS mm by its parent transforms."""
    points = np.asarray(ras, dtype=np.float64)
    parent = node.GetParentTransformNode()
    if parent is None:
        return points.copy()
    # Not a matrix: the parent may be a grid transform, as for irregular DICOM series.
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parent, None, general)
    mapped = [general.TransformPoint(*point) for point in points.reshape(-1, 3)]
    return np.array(mapped).reshape(points.shape)


SCENE_VERSION = "Slicer 5.10.0 0"
"""What a saved scene says wrote it: the oldest Slicer that this project supports. slicer-core's
own answer, "slicer-core 4.0.0", makes Slicer warn of a foreign application when it opens the file,
and a newer version than the user's would make it warn of that."""


@dataclass(eq=False)
class HeadlessSession:
    """A scene and what keeps it alive.

    Attributes:
        scene: the vtkMRMLScene, holding the nodes of the four-up layout (Red, Green and Yellow
            slice views, one 3D view and its camera).
        application_logic: the vtkSlicerApplicationLogic that displayable managers ask for.
        logics: module logics; they observe the scene for as long as they live.
        view_logics: those of the layout and of the slice views.
    """

    scene: Any
    application_logic: Any
    logics: list[Any] = field(default_factory=list)
    view_logics: list[Any] = field(default_factory=list)


@contextmanager
def headless_scene() -> Iterator[HeadlessSession]:
    """A fresh scene with the logics that volumes, segments and markups need.

    May be entered many times in a process, also nested; each time gives an independent scene.
    """
    _messages_to_stderr()
    folder = Path(tempfile.mkdtemp(prefix="ies-")).resolve()
    session = _boot(folder)
    try:
        yield session
    finally:
        # The scene goes with its last reference. Clearing it while slice logics still observe it
        # ends in a segfault; and view logics hold it until they are told to let go.
        for logic in reversed(session.view_logics):
            logic.SetMRMLScene(None)
        session.application_logic.SetMRMLScene(None)
        shutil.rmtree(folder, ignore_errors=True)


def _messages_to_stderr() -> None:
    # VTK's default on Windows is a pop-up window, which would block a batch job.
    window = vtk.vtkOutputWindow.GetInstance()
    window.SetDisplayModeToAlwaysStdErr()


def _boot(folder: Path) -> HeadlessSession:
    scene = slicer.vtkMRMLScene()
    scene.SetVersion(SCENE_VERSION)
    # Storage nodes resolve relative file names against this folder, never the working directory.
    scene.SetRootDirectory(str(folder))
    application = slicer.vtkSlicerApplicationLogic()
    application.SetTemporaryPath(str(folder))
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    application.SetMRMLScene(scene)
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
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
        logic = logic_class()
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(name, logic)
        session.logics.append(logic)
    _add_data_io(session, folder)
    _add_views(session)
    return session


def _add_data_io(session: HeadlessSession, folder: Path) -> None:
    """What reading a bundle asks for: it is unpacked into the cache folder of this manager."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLApplicationLogic(session.application_logic)
    cache = folder / "cache"
    cache.mkdir()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
    manager = slicer.vtkDataIOManagerLogic()
    manager.SetMRMLApplicationLogic(session.application_logic)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    session.application_logic.SetMRMLSceneDataIO(session.scene, remote, manager)
    session.logics += [remote, manager]


def _add_views(session: HeadlessSession) -> None:
    """The nodes that the application's layout, slice widgets and cameras would make."""
    layout = slicer.vtkMRMLLayoutLogic()
    layout.SetMRMLScene(session.scene)
    layout_node = layout.GetLayoutNode()
    layout_node.SetViewArrangement(layout_node.SlicerLayoutFourUpView)
    session.view_logics.append(layout)
    for name in ("Red", "Green", "Yellow"):
        slices = slicer.vtkMRMLSliceLogic()
        slices.SetMRMLApplicationLogic(session.application_logic)
        slices.SetMRMLScene(session.scene)
        # AddSliceNode would reset the orientation and color that the layout gave the node.
        slices.SetSliceNode(session.scene.GetSingletonNode(name, "vtkMRMLSliceNode"))
        session.application_logic.GetSliceLogics().AddItem(slices)
        session.view_logics.append(slices)
    camera = slicer.vtkMRMLCameraNode()
    camera.SetName("Camera")
    camera.SetLayoutName("1")
    session.scene.AddNode(camera)
