"""A labyrinth in 3D for a report, by VTK alone: neither Slicer's views nor a scene.

python -m InnerEarSegLib.mrml.ear_rendering FOLDER

reads what ``report.subject.write_subject`` wrote and adds ``views.json`` and its pictures. It runs
in a process of its own, as a broken OpenGL ends the process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..report.figures import COLORS, VIEWS, Plane, png
from ..report.subject import read_subject
from ..types import Ear
from .rendering import anatomical_viewpoints, can_render, open_window, picture_of, run_module

PIXELS = 720
_MARGIN = 1.2
_SMOOTH = 25
_PASS_BAND = 0.08


def draw_in_child(folder: Path, timeout: float = 120.0) -> str:
    """Draw the ears of a handed-over subject in a child process.

    Returns:
        Empty, or one sentence that says why there are no pictures.
    """
    child = run_module("InnerEarSegLib.mrml.ear_rendering", folder, timeout=timeout)
    if child is None:
        return "3D views are missing: drawing them did not end in time."
    if child.returncode == 0 and (folder / VIEWS).is_file():
        return ""
    return "3D views are missing: no OpenGL library works here."


def draw_views(ear: Ear) -> list[tuple[Plane, NDArray[np.uint8]]]:
    """Two views of an ear's labyrinth on white, seen in parallel."""
    inside = np.argwhere(ear.labyrinth)[:, ::-1]
    if not len(inside):
        return []
    cloud = ear.geometry.to_ras(inside[:: max(1, len(inside) // 20000)])
    points = {x.name: np.array(x.ras) for x in ear.landmarks if x.ras is not None}
    surface = _surface(ear)
    drawn = []
    for caption, direction, up in anatomical_viewpoints(cloud, points):
        plane = _plane(caption, cloud, direction, up)
        drawn.append((plane, _render(surface, plane, COLORS[ear.side])))
    return drawn


def _plane(caption: str, cloud: NDArray, direction: NDArray, up: NDArray) -> Plane:
    """The picture's plane: through the middle of the cloud, wide enough for all of it."""
    backward = direction / np.linalg.norm(direction)
    right = np.cross(up, backward)
    right /= np.linalg.norm(right)
    above = np.cross(backward, right)
    seen = cloud @ np.stack([right, above, backward]).T
    low, high = seen.min(axis=0), seen.max(axis=0)
    middle = (low + high) / 2 @ np.stack([right, above, backward])
    field = _MARGIN * float(max(high[:2] - low[:2]))
    return Plane(caption, middle, right, above, field)


def _surface(ear: Ear) -> Any:
    """The labyrinth's smoothed surface, RAS mm."""
    mask = np.pad((ear.labyrinth != 0).astype(np.uint8), 1)
    image = vtk.vtkImageData()
    image.SetDimensions(*mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ear.geometry.part([-1, -1, -1], mask.shape).ijk_to_ras.ravel())
    contour = vtk.vtkDiscreteFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 1)
    contour.ComputeNormalsOff()
    place = vtk.vtkTransform()
    place.SetMatrix(matrix)
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetTransform(place)
    moved.SetInputConnection(contour.GetOutputPort())
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(moved.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTH)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    smooth.BoundarySmoothingOff()
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.ConsistencyOn()
    normals.AutoOrientNormalsOn()  # a mirrored grid turns the surface inside out
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def _render(surface: Any, plane: Plane, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    window, renderer = open_window((PIXELS, PIXELS))
    renderer.SetBackground(1.0, 1.0, 1.0)
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(surface)
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    style = actor.GetProperty()
    style.SetColor(*(0.55 + 0.45 * channel / 255.0 for channel in color))  # pale: marks lie on it
    style.SetSpecular(0.25)
    style.SetSpecularPower(30)
    style.SetAmbient(0.12)
    renderer.AddActor(actor)
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(plane.field_mm / 2)
    camera.SetFocalPoint(*plane.center)
    camera.SetPosition(*(plane.center + 100.0 * np.cross(plane.right, plane.up)))
    camera.SetViewUp(*plane.up)
    renderer.ResetCameraClippingRange()
    return picture_of(window)


def main(arguments: list[str]) -> int:
    """Entry point; exit status 2 where nothing can be drawn."""
    if len(arguments) != 1 or not can_render():
        return 2
    folder = Path(arguments[0])
    views = []
    for ear in read_subject(folder).segmentation.ears:
        for index, (plane, pixels) in enumerate(draw_views(ear)):
            name = f"view_{ear.side}_{index}.png"
            (folder / name).write_bytes(png(pixels))
            views.append({"side": ear.side, "file": name, "plane": plane.to_json()})
    (folder / VIEWS).write_text(json.dumps(views), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
