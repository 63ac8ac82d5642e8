"""``innerearseg mesh``: closed surfaces in mm, read back by VTK."""

import json

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.report.surface import open_edges, surface_of, volume_of, write_surface
from InnerEarSegLib.types import Geometry

READERS = {"stl": vtk.vtkSTLReader, "obj": vtk.vtkOBJReader}


def read(path):
    reader = READERS[path.suffix[1:]]()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_ball_by_hand(flip):
    """A ball of 5 mm in a turned grid of 0.25 mm, also a left-handed one."""
    matrix = np.diag([0.25, 0.25 * flip, 0.25, 1.0])
    matrix[:3, 3] = [-6.0, -6.0 * flip, 10.0]
    grid = Geometry(matrix, (49, 49, 49))
    places = grid.to_ras(np.indices(grid.shape)[::-1].transpose(1, 2, 3, 0))
    ball = (np.linalg.norm(places - [0.0, 0.0, 16.0], axis=-1) <= 5.0).astype(np.uint8)
    surface = surface_of(ball, grid)
    assert open_edges(surface) == 0
    assert volume_of(surface) == pytest.approx(4.0 / 3.0 * np.pi * 125.0, rel=0.01)
    assert volume_of(surface) == pytest.approx(ball.sum() * 0.25**3, rel=0.001)
    points = vtk_to_numpy(surface.GetPoints().GetData())
    assert points.mean(axis=0) == pytest.approx([0.0, 0.0, 16.0], abs=0.01)


def test_an_opened_surface_is_noticed():
    ball = np.zeros((9, 9, 9), np.uint8)
    ball[2:7, 2:7, 2:7] = 1
    surface = surface_of(ball, Geometry(np.eye(4), ball.shape))
    assert open_edges(surface) == 0
    surface.BuildLinks()
    surface.DeleteCell(0)
    surface.RemoveDeletedCells()
    assert open_edges(surface) == 3


@pytest.mark.parametrize("ending", ["stl", "obj"])
def test_labyrinth_and_parts_are_watertight(result_folder, synthetic_ear, tmp_path, ending, capsys):
    out = tmp_path / "mesh"
    command = ["mesh", str(result_folder), "--format", ending, "--output", str(out)]
    assert main([*command, "--parts"]) == 0
    side, labels = synthetic_ear.side, synthetic_ear.labels
    names = ["labyrinth", "cochlea", "vestibule"]
    names += [f"{which}_canal" for which in ("anterior", "posterior", "lateral")]
    said = capsys.readouterr().out
    for name in names:
        surface = read(out / f"{name}_{side}.{ending}")
        assert open_edges(surface) == 0 and volume_of(surface) > 5.0, name
        assert f"{name}_{side}.{ending}" in said
    whole = read(out / f"labyrinth_{side}.{ending}")
    expected = labels.array.sum() * labels.geometry.voxel_volume
    assert volume_of(whole) == pytest.approx(expected, rel=0.01)
    center = labels.geometry.to_ras(np.argwhere(labels.array)[:, ::-1]).mean(axis=0)
    middle = vtk_to_numpy(whole.GetPoints().GetData()).mean(axis=0)
    assert np.linalg.norm(middle - center) < 2.0  # RAS mm of the CT
    (ear,) = json.loads((out / "parts.json").read_text())["ears"]
    for name, volume in ear["volumes_mm3"].items():  # thin canals, too
        surface = read(out / f"{name.replace(' ', '_')}_{side}.{ending}")
        assert volume_of(surface) == pytest.approx(volume, rel=0.003), name
    assert ear["side"] == side and len(ear["canals"]) == 3 and len(ear["angles_deg"]) == 3


def test_parts_of_an_earlier_run_do_not_stay(result_folder, tmp_path):
    """Unless they are in the other format."""
    command = ["mesh", str(result_folder), "--output", str(tmp_path / "mesh")]
    assert main([*command, "--parts"]) == 0
    assert main([*command, "--format", "obj"]) == 0
    names = {path.name for path in (tmp_path / "mesh").glob("[a-z]*")}
    assert len(names) == 8 and "parts.json" in names  # 6 STL, 1 OBJ
    next((tmp_path / "mesh").glob("*.obj")).unlink()
    assert main(command) == 0
    names = [path.name for path in (tmp_path / "mesh").glob("*.*") if path.name[0] != "."]
    assert len(names) == 1 and names[0].startswith("labyrinth_")


def test_a_surface_that_cannot_be_written_prints_nothing_of_vtk(tmp_path, capfd):
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    with pytest.raises(OSError, match=r"^a\.stl was not written$"):
        write_surface(sphere.GetOutput(), tmp_path / "none" / "a.stl")
    assert capfd.readouterr() == ("", "")
