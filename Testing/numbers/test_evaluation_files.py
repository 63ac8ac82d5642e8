"""The files of an evaluation: whole, and none of an earlier one beside them."""

import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation.files import check_folder, published


def write(folder, *names):
    for name in names:
        (folder / name).write_text("new")


def test_new_tables_take_the_pictures_of_earlier_ones_away(tmp_path):
    out = tmp_path / "out"
    for names in (["cases.csv", "summary.json"], ["best.png", "worst.png"]):
        with published(out) as new:
            write(new, *names)
    assert len(list(out.iterdir())) == 4
    (out / "mine.png").write_text("mine")
    with published(out) as new:
        write(new, "cases.csv", "summary.json")
    assert {path.name for path in out.iterdir()} == {"cases.csv", "summary.json", "mine.png"}


def test_pictures_that_nobody_here_made_stay(tmp_path):
    (tmp_path / "worst.png").write_text("mine")
    with published(tmp_path) as new:
        write(new, "cases.csv", "summary.json")
    assert (tmp_path / "worst.png").read_text() == "mine"


def test_what_is_raised_on_the_way_leaves_everything_as_it_was(tmp_path):
    (tmp_path / "cases.csv").write_text("old")
    with pytest.raises(ZeroDivisionError), published(tmp_path) as new:
        write(new, "cases.csv")
        raise ZeroDivisionError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("cases.csv", "old")]


def test_a_folder_in_the_way_is_refused_before_any_work(tmp_path):
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(UnusableInput, match="json in it is a folder"):
        check_folder(tmp_path)
