"""Pictures, drawn by Slicer's own views."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.mrml import overview as render
from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.mrml.rendering import anatomical_viewpoints, can_render
from InnerEarSegLib.mrml.segments import COLORS

needs_opengl = pytest.mark.skipif(not can_render(), reason=render.NO_OPENGL)


def pixels(path):
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1]


def count(picture, color):
    wanted = np.round(np.array(color) * 255)
    return int((np.abs(picture - wanted).max(axis=-1) < 4).sum())


@needs_opengl
def test_saved_scene_in_a_child(made, tmp_path):
    write_scene(made.ct, made.two, tmp_path)
    png = render.render_overview_in_child(tmp_path / "scene.mrb", tmp_path / "overview.png")
    picture = pixels(png)
    assert picture.shape == (2408, 1600, 3)
    left, right = picture[:1204, :1140], picture[1204:, :1140]
    for block, side, other in ((left, "left", "right"), (right, "right", "left")):
        assert count(block, COLORS[side]) > 1500  # the outlines
        assert count(block, COLORS[other]) < 20
        assert count(block, (1.0, 0.92, 0.16)) > 200  # the landmarks
        grey = block[(np.ptp(block, axis=-1) == 0)]
        assert len(np.unique(grey)) > 100  # the CT
    # The fill lets the CT through: between the outlines it is not black.
    middle = left[64 + 2 * 380 + 100 : 64 + 2 * 380 + 280, 100:280]
    assert (middle.max(axis=-1) < 20).mean() < 0.05


@needs_opengl
def test_picture_without_an_ear(made, tmp_path):
    write_scene(made.ct, made.none, tmp_path)
    png = render.render_overview_in_child(tmp_path / "scene.mrb", tmp_path / "overview.png")
    assert pixels(png).std() > 1


def test_child_that_dies_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "scene.mrb").touch()
    real = subprocess.run
    dies = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"]
    monkeypatch.setattr(subprocess, "run", lambda _, **options: real(dies, **options))
    with pytest.raises(UnusableInput, match="libegl1 and libgl1-mesa-dri"):
        render.render_overview_in_child(tmp_path / "scene.mrb", tmp_path / "a.png")


def test_no_opengl_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(render, "can_render", lambda: False)
    assert render.main([str(tmp_path / "scene.mrb"), str(tmp_path / "a.png")]) == 2
    assert "libegl1" in capsys.readouterr().err


@needs_opengl
def test_broken_bundle_is_said(tmp_path):
    (tmp_path / "scene.mrb").write_bytes(b"no zip")
    with pytest.raises(UnusableInput, match="cannot be opened"):
        render.render_overview_in_child(tmp_path / "scene.mrb", tmp_path / "a.png")


def test_viewpoints_turn_with_the_ear():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(50, 3))
    spots = dict(
        zip(("helicotrema", "oval window", "round window"), rng.normal(size=(3, 3)), strict=True)
    )
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    turned = anatomical_viewpoints(cloud @ turn.T, {n: turn @ p for n, p in spots.items()})
    pairs = zip(anatomical_viewpoints(cloud, spots), turned, strict=True)
    for (_, a, up), (_, b, up_turned) in pairs:
        np.testing.assert_allclose(turn @ a, b, atol=1e-9)
        np.testing.assert_allclose(turn @ up, up_turned, atol=1e-9)
