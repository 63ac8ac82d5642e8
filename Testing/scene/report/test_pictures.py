"""What a report shows, and what it does where there is nothing to show."""

import json

import numpy as np
import pytest

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.mrml.landmarks import set_position
from InnerEarSegLib.report.figures import (
    BAR_MM,
    LOW_HU,
    PIXELS,
    anatomical_viewpoints,
    draw,
    orthogonal_planes,
)
from InnerEarSegLib.report.views import draw_views
from InnerEarSegLib.types import LANDMARKS, Ear, Geometry, Volume

from .subjects import looked_at, saved, truth_of, words_of_pdf


def test_pictures_show_right_on_the_left_and_front_above():
    step, shape = 0.4, (61, 61, 61)
    matrix = np.diag([step, step, step, 1.0])
    matrix[:3, 3] = (-12.0, -12.0, -12.0)
    geometry = Geometry(matrix, shape)
    r, a, s = geometry.to_ras(np.indices(shape)[::-1].transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    hu = 500 + 100 * r + 30 * a - 20 * s  # linear: exact wherever it is sampled
    distance = np.sqrt(r**2 + a**2 + s**2)
    ear = Ear("right", (distance < 4.0).astype(np.uint8), geometry, (), 0.0)
    for plane, right, up in zip(
        orthogonal_planes((0.0, 0.0, 0.0)),
        ((-1, 0, 0), (-1, 0, 0), (0, -1, 0)),
        ((0, 1, 0), (0, 0, 1), (0, 0, 1)),
        strict=True,
    ):
        pixels = draw(Volume(hu, geometry), ear, plane).astype(int)
        for row, column in ((30, 400), (220, 20), (410, 215)):
            x, y = (column + 0.5) / PIXELS * 20 - 10, 10 - (row + 0.5) / PIXELS * 20
            place = x * np.array(right) + y * np.array(up)
            expected = 500 + place @ (100, 30, -20)
            assert pixels[row, column] == pytest.approx((expected - LOW_HU) / 4000 * 255, abs=1)
        edge = np.argwhere(pixels[..., 0] != pixels[..., 1])
        # A ball of 4 mm radius in a picture of 20 mm.
        assert np.ptp(edge, axis=0) == pytest.approx(np.full(2, 8 / 20 * PIXELS), abs=10)
    letters = [plane.letters for plane in orthogonal_planes((0, 0, 0))]
    assert letters == [["R", "L", "A", "P"], ["R", "L", "S", "I"], ["A", "P", "S", "I"]]


def test_two_ears_and_a_missing_landmark_in_the_same_order_in_page_and_pdf(made, tmp_path, capsys):
    write_scene(made.ct, made.two, tmp_path)
    assert main(["report", str(tmp_path), "--pdf"]) == 0
    text = " ".join(looked_at(tmp_path / "report.html").words)
    assert "No position, so no pictures." in text and "left − right" in text.lower()
    assert "not found" in text
    pdf = words_of_pdf(tmp_path / "report.pdf")
    ears = ("Left ear: landmarks", "Cochlea in its own planes", "Right ear: landmarks")
    ends = ("Definitions and sources", "How it was made", "Signature")
    parts = ("Quality: ", "Published range", *ears, *ends)
    for words in (text, pdf):
        places = [words.index(part) for part in parts]
        assert places == sorted(places)


def test_a_landmark_that_was_taken_away_is_not_called_not_found(synthetic_ear, tmp_path, capsys):
    def remove(scene, volume, results):
        set_position(results.landmarks[synthetic_ear.side], "helicotrema", None)

    path = tmp_path / "removed.mrb"
    saved(path, truth_of(synthetic_ear), synthetic_ear.ct, change=remove)
    assert main(["report", str(path), "--output", str(tmp_path / "out" / "page.html")]) == 0
    text = " ".join(looked_at(tmp_path / "out" / "page.html").words)
    assert "Changed by the user: helicotrema removed by hand." in text
    assert "not found" not in text
    numbers = json.loads((tmp_path / "out" / "page.measurements.json").read_text(encoding="utf-8"))
    assert numbers["made_of"] == "reviewed"


def test_without_opengl_the_rest_is_there(result_folder, in_3d, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.executable", "/bin/false")
    page = tmp_path / "report.html"
    assert main(["report", str(result_folder), "--output", str(page)]) == 0
    parser = looked_at(page)
    assert "3D views are missing" in " ".join(parser.words) and parser.pictures == 15
    assert "libegl1" in " ".join(parser.words)


def test_viewpoints_turn_with_the_ear():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(50, 3))
    spots = dict(zip(LANDMARKS, rng.normal(size=(3, 3)), strict=True))
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    turned = anatomical_viewpoints(cloud @ turn.T, {n: turn @ p for n, p in spots.items()})
    pairs = zip(anatomical_viewpoints(cloud, spots), turned, strict=True)
    for (_, a, up), (_, b, up_turned) in pairs:
        np.testing.assert_allclose(turn @ a, b, atol=1e-9)
        np.testing.assert_allclose(turn @ up, up_turned, atol=1e-9)


def test_a_segment_of_one_voxel_has_views_with_a_scale_bar():
    array = np.zeros((5, 5, 5), np.uint8)
    array[2, 2, 2] = 1
    ear = Ear("left", array, Geometry(np.diag([0.2, 0.2, 0.2, 1.0]), array.shape), (), 0.008)
    assert [plane.field_mm >= 2 * BAR_MM for plane, _ in draw_views(ear)] == [True, True]
