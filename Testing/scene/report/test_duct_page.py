"""The page of a report on the duct: what is drawn where, and that both files have it."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.cochlea.arrays import ChosenArray, choose, read_arrays
from InnerEarSegLib.cochlea.insertion import insert
from InnerEarSegLib.cochlea.measurements import measure
from InnerEarSegLib.report.content import Figures, Table
from InnerEarSegLib.report.duct_figures import color_of, spiral, unrolled
from InnerEarSegLib.report.duct_page import duct_pages
from InnerEarSegLib.report.figures import Dot, Word

from .subjects import looked_at, truth_of, words_of_pdf


@pytest.fixture(scope="module")
def cochlea(synthetic_ear):
    (ear,) = truth_of(synthetic_ear).ears
    return measure(ear)


def pixels_of(figure, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(figure.png)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_colors_go_from_low_red_to_high_blue():
    assert color_of(50.0) == "#7a103a" and color_of(20000.0) == "#2654be"
    assert color_of(1000.0, fade=1.0) == "#ffffff"


def test_contacts_stand_at_their_angles(cochlea, tmp_path):
    (array,) = choose(["FLEX24"], read_arrays())
    insertion = insert(cochlea.duct, array)
    figure = unrolled(cochlea.duct, [insertion])
    words = {mark.text: mark.at for mark in figure.marks if isinstance(mark, Word)}
    zero, half = words["0°"][0], words["180°"][0]
    dots = [mark for mark in figure.marks if isinstance(mark, Dot)][-array.contacts :]
    for dot, contact in zip(dots, insertion.contacts, strict=True):
        assert (dot.at[0] - zero) / (half - zero) * 180.0 == pytest.approx(contact.angle_deg)
    # The curve is drawn: at 0 degrees in the color of 20.7 kHz, higher up than at 540 degrees.
    pixels = pixels_of(figure, tmp_path)
    colored = np.ptp(pixels.astype(int), axis=2) > 60
    rows = [np.flatnonzero(colored[:, round(x * len(pixels))]).min()
            for x in (zero + 0.01, zero + 3.0 * (half - zero))]  # fmt: skip
    assert rows[0] < 0.15 * len(pixels) < rows[1]


def test_the_spiral_begins_at_the_round_window_and_shows_contacts(cochlea, tmp_path):
    (array,) = choose(["FLEX20"], read_arrays())
    figure = spiral(cochlea.duct, cochlea.frame, insert(cochlea.duct, array))
    *contacts, window = [mark for mark in figure.marks if isinstance(mark, Dot)]
    assert len(contacts) == array.contacts
    size = len(pixels_of(figure, tmp_path))
    x, y = (round(value * size) for value in window.at)
    assert (pixels_of(figure, tmp_path)[y - 4 : y + 5, x - 4 : x + 5] < 200).any()


def test_a_page_only_for_an_ear_with_a_duct(cochlea):
    assert duct_pages({cochlea.side: replace(cochlea, duct=None)}) == {}
    chosen = [ChosenArray(array) for array in choose(["FLEX24"], read_arrays())]
    (blocks,) = duct_pages({cochlea.side: cochlea}, chosen).values()
    arrays, angles, formulas = [block for block in blocks if isinstance(block, Table)]
    assert arrays.rows[0][0] == "MED-EL FLEX24, 24 mm"
    assert angles.rows[3][0] == "360°" and angles.rows[3][3] == "785 Hz"
    first, *_, koch = formulas.rows
    by_hand = cochlea["lateral_wall_first_turn"].value - cochlea.duct.length("lateral wall", 360.0)
    assert first[0] == "Lateral wall, first turn" and first[3] == f"{by_hand:+.1f} mm"
    by_hand = 3.86 * cochlea["a_diameter"].value + 4.99 - cochlea["duct_lateral_wall"].value
    assert "Koch" in koch[0] and koch[3] == f"{by_hand:+.1f} mm"
    assert len([block for block in blocks if isinstance(block, Figures)]) == 1


def test_page_and_pdf_have_it(result_folder, tmp_path):
    page = tmp_path / "report.html"
    command = ["report", str(result_folder), "--output", str(page), "--pdf", "--array", "FLEX24"]
    assert main(command) == 0
    words = " ".join(looked_at(page).words)
    assert "ear: the duct" in words and "MED-EL FLEX24, 24 mm" in words
    assert "makers' sheets decide" in words and "≈" in words
    in_pdf = words_of_pdf(tmp_path / "report.pdf")
    assert "ear: the duct" in in_pdf and "FLEX24" in in_pdf and "? 3" not in in_pdf


def test_more_arrays_than_have_room_are_refused(result_folder, tmp_path, capsys):
    names = ["FLEX20", "FLEX24", "FLEX28", "FLEXSOFT", "SlimJ"]
    page = tmp_path / "report.html"
    command = ["report", str(result_folder), "--output", str(page)]
    assert main([*command, *(x for name in names for x in ("--array", name))]) == 2
    assert "at most 4 arrays" in capsys.readouterr().err and not page.exists()
