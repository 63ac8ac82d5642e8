"""One picture of a whole result, for a person to judge it at a glance.

Per ear: a row of three slices through each landmark, and two 3D views.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..errors import InnerEarSegError, UnusableInput
from .landmarks import ATTRIBUTE, SIDE_ATTRIBUTE, landmark_of, side_of
from .rendering import (
    add_text,
    anatomical_viewpoints,
    can_render,
    open_window,
    picture_of,
    png_file,
    run_module,
    text_panel,
    unit,
)
from .scene import HeadlessSession, headless_scene, nodes_of, numpy_matrix
from .segments import SEGMENT_IDS, SEGMENT_NAMES, volume_attribute
from .views import labyrinth_cloud, landmark_places

_TILE = 380
_COLUMN = 460
_HEADER = 64
_FIELD_MM = 20.0
_PLANES = (("Red", "axial"), ("Green", "coronal"), ("Yellow", "sagittal"))
_WHITE = (1.0, 1.0, 1.0)
_GREY = (0.75, 0.77, 0.80)
_RED = (1.0, 0.45, 0.40)


def draw_overview(session: HeadlessSession) -> NDArray[np.uint8]:
    """Draw the result in the session's scene, (height, width, 3) RGB."""
    scene = session.scene
    segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    lists = [node for node in nodes_of(scene, "vtkMRMLMarkupsFiducialNode") if side_of(node)]
    if segmentation is None or not lists:
        width = 3 * _TILE + _COLUMN
        text = ("No ear was found.", (0.5, 0.5), 34, _WHITE, "centered middle")
        return text_panel((width, width // 4), text)
    slices = [SliceView(session, name, (_TILE, _TILE)) for name, _ in _PLANES]
    notes = [_Notes(view, plane) for view, (_, plane) in zip(slices, _PLANES, strict=True)]
    space = ThreeDView(session, (_COLUMN, 3 * _TILE // 2))
    space.node.SetBackgroundColor(0.10, 0.11, 0.13)
    space.node.SetBackgroundColor2(0.22, 0.25, 0.30)
    caption = add_text(space.renderer, "", (0.03, 0.98), 17)

    panels = []
    for node in lists:
        _show_only(segmentation, lists, node)
        panels.append(_header(segmentation, node))
        indices = range(node.GetNumberOfControlPoints())
        rows = np.vstack([_landmark_row(slices, notes, node, index) for index in indices])
        _show_points(node, indices)
        column = _column(space, caption, segmentation, node)
        height = max(len(rows), len(column))
        panels.append(np.hstack([_padded(rows, height), _padded(column, height)]))
    return np.vstack(panels)


_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
_THREED_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


class OffscreenView:
    """A render window with a renderer, and Slicer's displayable managers of one view node.

    Attributes:
        node: the vtkMRMLSliceNode or vtkMRMLViewNode.
        renderer: the vtkRenderer, for annotations of one's own.
    """

    def __init__(
        self,
        node: Any,
        factory: Any,
        managers: tuple[str, ...],
        size: tuple[int, int],
        background: Any = None,
    ) -> None:
        self.node = node
        self.window, self.renderer = open_window(size)
        if background is not None:
            # Before the managers' actors: 2D actors are drawn in the order of their addition, and
            # a see-through fill that is drawn before the image shows black.
            self.renderer.AddViewProp(background)
        interactor = vtk.vtkRenderWindowInteractor()  # markups' widgets need one
        interactor.SetRenderWindow(self.window)
        # The default style would turn the camera with the mouse; displayable managers bring theirs.
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        interactor.Initialize()
        self._interactor = interactor
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderer)
        self._group.Initialize(factory, self.renderer)
        self._group.SetMRMLDisplayableNode(node)

    def picture(self) -> NDArray[np.uint8]:
        """The view as it is now, (height, width, 3) RGB, top row first."""
        return picture_of(self.window)


class SliceView(OffscreenView):
    """One of the scene's slice views ("Red", "Green", "Yellow")."""

    def __init__(self, session: HeadlessSession, name: str, size: tuple[int, int]) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(session.application_logic)
        self.logic = session.application_logic.GetSliceLogicByLayoutName(name)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(self.logic.GetImageDataConnection())
        image = vtk.vtkActor2D()
        image.SetMapper(mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        super().__init__(self.logic.GetSliceNode(), factory, _SLICE_MANAGERS, size, image)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.logic.ResizeSliceNode(*size)


class ThreeDView(OffscreenView):
    """The scene's first 3D view."""

    def __init__(self, session: HeadlessSession, size: tuple[int, int]) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(session.application_logic)
        node = session.scene.GetFirstNodeByClass("vtkMRMLViewNode")
        super().__init__(node, factory, _THREED_MANAGERS, size)


_MARGIN = 1.18  # room for the labels


def _aim(view: Any, cloud: NDArray[np.float64], direction: NDArray, up: NDArray) -> None:
    """Points a ``ThreeDView``'s camera at a cloud of points, filling the view."""
    backward = unit(direction)
    right = unit(np.cross(up, backward))
    axes = np.stack([right, np.cross(backward, right), backward])
    seen = cloud @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    center = (low + high) / 2 @ axes
    half = (high - low) / 2
    camera = view.renderer.GetActiveCamera()
    width, height = view.window.GetSize()
    tangent = np.tan(np.radians(camera.GetViewAngle() / 2))
    # The nearest part must fit too, as it looks largest.
    distance = _MARGIN * max(half[0] / tangent * height / width, half[1] / tangent) + half[2]
    camera.SetFocalPoint(*center)
    camera.SetPosition(*(center + distance * backward))
    camera.SetViewUp(*axes[1])
    view.renderer.ResetCameraClippingRange()


class _Notes:
    """Text in a slice view: what is cut, and the directions at its edges."""

    def __init__(self, view: SliceView, plane: str) -> None:
        self.title = add_text(view.renderer, "", (0.03, 0.975), 17)
        add_text(view.renderer, plane, (0.03, 0.02), 16, _GREY, "left bottom")
        places = {
            (-1, 0): (0.02, 0.5, "left middle"),
            (1, 0): (0.98, 0.5, "right middle"),
            (0, -1): (0.5, 0.07, "centered bottom"),
            (0, 1): (0.5, 0.975, "centered top"),
        }
        axes = numpy_matrix(view.node.GetSliceToRAS())[:3, :2]
        for (x, y), (left, bottom, align) in places.items():
            letter = _direction(axes @ (x, y))
            add_text(view.renderer, letter, (left, bottom), 16, _GREY, align)


def _direction(vector: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(vector)))
    return ("LR", "PA", "IS")[axis][int(vector[axis] > 0)]


def _show_only(segmentation: Any, lists: list[Any], node: Any) -> None:
    # The other ear would stand behind this one in the 3D views.
    side = node.GetAttribute(SIDE_ATTRIBUTE)
    for segment in segmentation.GetSegmentation().GetSegmentIDs():
        visible = segment == SEGMENT_IDS[side]
        segmentation.GetDisplayNode().SetSegmentVisibility(segment, visible)
    for other in lists:
        other.GetDisplayNode().SetVisibility(other is node)


def _show_points(node: Any, shown: Collection[int]) -> None:
    for index in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointVisibility(index, index in shown)


def _header(segmentation: Any, node: Any) -> NDArray[np.uint8]:
    side = node.GetAttribute(SIDE_ATTRIBUTE)
    color = segmentation.GetSegmentation().GetSegment(SEGMENT_IDS[side]).GetColor()
    volume = segmentation.GetAttribute(volume_attribute(side))
    model = segmentation.GetAttribute(ATTRIBUTE + "Model") or ""
    found = f"{float(volume):.0f} mm\u00b3" if volume else ""
    said = f"InnerEarSeg, model {model}. Automatic result, to be checked."
    return text_panel(
        (3 * _TILE + _COLUMN, _HEADER),
        (SEGMENT_NAMES[side], (0.01, 0.5), 30, color, "left middle"),
        (found, (0.17, 0.47), 22, _WHITE, "left middle"),
        (said, (0.99, 0.5), 17, _GREY, "right middle"),
    )


def _landmark_row(slices: list[SliceView], notes: list[_Notes], node: Any, index: int) -> NDArray:
    name = node.GetNthControlPointLabel(index)
    if node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
        text = (f"{name}: not found", (0.5, 0.5), 24, _RED, "centered middle")
        return text_panel((3 * _TILE, _TILE), text)
    # The windows are 3 mm apart: in each other's slices their labels would overlap.
    _show_points(node, [index])
    world = node.GetNthControlPointPositionWorld(index)
    landmark = landmark_of(node, name)
    tiles = []
    for view, note in zip(slices, notes, strict=True):
        depth = view.node.GetFieldOfView()[2]
        view.node.SetFieldOfView(_FIELD_MM, _FIELD_MM, depth)
        view.node.JumpSliceByCentering(*world)
        view.logic.UpdatePipeline()
        if note is notes[0]:
            certainty = f"confidence {landmark.confidence:.2f}"
            if landmark.radius_mm is not None:
                certainty = f"± {landmark.radius_mm:.1f} mm"
            note.title.SetInput(f"{name}\n{certainty}")
        tiles.append(_framed(view.picture()))
    return np.hstack(tiles)


def _column(space: ThreeDView, caption: Any, segmentation: Any, node: Any) -> NDArray:
    side = node.GetAttribute(SIDE_ATTRIBUTE)
    world = labyrinth_cloud(segmentation, side, 5000)
    pictures = []
    for title, direction, up in anatomical_viewpoints(world, landmark_places(node)):
        caption.SetInput(title)
        _aim(space, world, direction, up)
        pictures.append(_framed(space.picture()))
    return np.vstack(pictures)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture[:2] = picture[-2:] = 40
    picture[:, :2] = picture[:, -2:] = 40
    return picture


def _padded(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    return np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0)))


NO_OPENGL = (
    "Pictures need an OpenGL library, and none works here: "
    "on Debian or Ubuntu install libegl1 and libgl1-mesa-dri."
)


def render_scene_file(mrb: Path, png: Path) -> Path:
    """Draw the result in a saved ``scene.mrb`` into a PNG, in this process."""
    if not can_render():
        raise UnusableInput(NO_OPENGL)
    mrb = Path(mrb).resolve()
    if not mrb.is_file():
        raise UnusableInput(f"There is no file {mrb}.")
    with headless_scene() as session:
        if not session.scene.ReadFromMRB(str(mrb), False):
            raise UnusableInput(f"{mrb} cannot be opened as a Slicer scene.")
        pixels = draw_overview(session)
    png = Path(png).resolve()
    try:
        png.write_bytes(png_file(pixels))
    except OSError as error:
        reason = error.strerror or error
        raise UnusableInput(f"Cannot write {png.name} in {png.parent}: {reason}.") from error
    return png


def render_overview_in_child(mrb: Path, png: Path, timeout: float = 300.0) -> Path:
    """As ``render_scene_file``, in a child process: a broken OpenGL cannot end the caller.

    Raises:
        UnusableInput: with one sentence, when there is no picture for whatever reason.
    """
    png = Path(png).resolve()
    png.unlink(missing_ok=True)  # an old picture must not be taken for the new one
    child = run_module("InnerEarSegLib.mrml.overview", Path(mrb).resolve(), png, timeout=timeout)
    if child is None:
        raise UnusableInput(f"Drawing {png.name} took more than {timeout:.0f} seconds.")
    if child.returncode == 0 and png.is_file() and png.stat().st_size > 0:
        return png
    last = (child.stderr.strip().splitlines() or [""])[-1]
    if child.returncode == 2:
        raise UnusableInput(last)
    if child.returncode == 1:  # an exception: a fault of this program
        raise UnusableInput(f"Drawing {png.name} failed: {last}.")
    raise UnusableInput(f"{NO_OPENGL} (The drawing process ended with {child.returncode}.)")


def main(arguments: list[str]) -> int:
    """Entry point; exit status 2 with one sentence on stderr for what the user can act on."""
    if len(arguments) != 2:
        print("usage: python -m InnerEarSegLib.mrml.overview SCENE.mrb PNG", file=sys.stderr)
        return 2
    try:
        render_scene_file(Path(arguments[0]), Path(arguments[1]))
    except InnerEarSegError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
