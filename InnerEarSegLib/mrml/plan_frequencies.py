"""Frequencies in the scene: the lateral wall as a tube in the colors of the report.

Not along the organ of Corti, which a labyrinth drawn in 3D hides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer  # noqa: F401  # before vtk, which takes longer when it comes first
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkTubeFilter

from ..cochlea.duct import LATERAL, Duct
from ..cochlea.frequencies import OrganOfCorti
from ..report.duct_figures import color_of
from ..report.figures import rgb
from .scene import configure

FREQUENCIES = "frequencies"

HERTZ, COLOR, RADIUS = "Frequency (Hz)", "Frequency color", "Radius (mm)"
"""Arrays of the model's points."""

_MEASURED_MM, _EXTRAPOLATED_MM = 0.16, 0.08
_SIDES = 10
_GREY = (128, 128, 128)
_DESCRIPTION = (
    "The lateral wall in the color of the organ of Corti's frequency at each angle by Greenwood's "
    "function: red low, blue high, grey beyond its end; thin where an average cochlea extends it."
)


def add_frequencies(scene: Any, name: str) -> Any:
    """Add a vtkMRMLModelNode without content, not shown in slices."""
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetDescription(_DESCRIPTION)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    configure(display, ScalarVisibility=True, ActiveScalarName=COLOR, Visibility2D=False)
    display.SetScalarRangeFlag(display.UseDirectMapping)
    return node


def place_frequencies(node: Any, duct: Duct | None) -> None:
    """Draw a duct's frequencies into a model; nothing without a duct."""
    tube = vtkTubeFilter()
    tube.SetInputData(_line(duct) if duct is not None else vtkPolyData())
    tube.SetNumberOfSides(_SIDES)
    tube.SetVaryRadiusToVaryRadiusByAbsoluteScalar()
    tube.CappingOn()
    tube.SetOutputPointsPrecision(tube.SINGLE_PRECISION)
    tube.Update()
    shape = tube.GetOutput()
    shape.GetPointData().SetActiveScalars(COLOR if duct is not None else None)
    node.SetAndObservePolyData(shape)


def _line(duct: Duct) -> Any:
    """The lateral wall as a polyline with HERTZ, COLOR and RADIUS at its points."""
    corti = OrganOfCorti.of(duct)
    angles = [float(angle) for angle in duct.angles]
    hertz = [corti.frequency(angle) for angle in angles]
    colors = [_GREY if value is None else rgb(color_of(value)) for value in hertz]
    radii = [
        _EXTRAPOLATED_MM if duct.extrapolated(LATERAL, angle) else _MEASURED_MM for angle in angles
    ]
    line = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(duct.curves[LATERAL].points, deep=True))
    line.SetPoints(points)
    cells = vtkCellArray()
    cells.InsertNextCell(len(angles), range(len(angles)))
    line.SetLines(cells)
    for name, values in (
        (HERTZ, np.array(hertz, float)),  # None becomes NaN
        (COLOR, np.array(colors, np.uint8)),
        (RADIUS, np.array(radii)),
    ):
        array = numpy_to_vtk(values, deep=True)
        array.SetName(name)
        line.GetPointData().AddArray(array)
    line.GetPointData().SetActiveScalars(RADIUS)  # what the tube's radius is taken from
    return line
