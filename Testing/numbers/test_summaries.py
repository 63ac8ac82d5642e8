"""Summaries of an evaluation and their tables, against hand-computed examples."""

import json

import pytest

from InnerEarSegLib.evaluation.evaluate import (
    lines_of,
    sentences,
    summarise,
    write_tables,
)
from InnerEarSegLib.types import LANDMARKS

ROWS = [
    {"case": "a", "scan": "as scanned", "found": True, "dice": 0.9,
     "assd_mm": 0.1, "volume_error": 0.02, "side_right": True,
     "helicotrema mm": 0.2, "helicotrema radius mm": 0.5,
     "oval window mm": 0.4, "oval window radius mm": 0.3},
    {"case": "b", "scan": "as scanned", "found": True, "dice": 0.8,
     "assd_mm": 0.3, "volume_error": -0.1, "side_right": False,
     "helicotrema mm": 0.6, "helicotrema radius mm": 0.5,
     "oval window mm": None, "oval window radius mm": None, "oval window missed": True},
    {"case": "c", "scan": "as scanned", "found": False, "dice": 0.0},
    {"case": "d", "scan": "as scanned", "found": True, "dice": 0.7,
     "assd_mm": 0.2, "volume_error": 0.0, "side_right": None},
]  # fmt: skip


def test_mean_median_worst_and_count():
    summary = summarise(ROWS)
    assert summary["cases"] == 4 and summary["found"] == 3
    assert summary["side_right"] == 1 and summary["side_known"] == 2
    assert summary["landmarks_missed"] == 1
    dice = summary["dice"]  # what was not found counts as 0
    assert dice["mean"] == pytest.approx(0.6) and dice["median"] == pytest.approx(0.75)
    assert dice["worst"] == 0.0 and dice["cases"] == 4
    assert summary["assd_mm"]["worst"] == 0.3 and summary["assd_mm"]["cases"] == 3
    assert summary["volume_error"]["worst"] == -0.1  # the largest in size, with its sign
    assert "hd_mm" not in summary
    assert summarise(ROWS[:2])["dice"]["interval"] is None  # of two cases

    figure = summary["all landmarks mm"]  # averaged within cases first
    assert figure["mean"] == pytest.approx((0.3 + 0.6) / 2) and figure["worst"] == 0.6
    assert figure["cases"] == 2 and figure["landmarks"] == 3
    # Landmarks within their radius.
    assert summary["coverage_90"] == {"share": pytest.approx(1 / 3), "inside": 1, "of": 3}


def test_tables_say_what_measured(tmp_path):
    write_tables(ROWS, tmp_path / "new", "innerearseg evaluate X")
    content = json.loads((tmp_path / "new" / "summary.json").read_text())
    assert content["command"] == "innerearseg evaluate X" and len(content["cases"]) == 4
    assert (
        (tmp_path / "new" / "cases.csv").read_text().splitlines()[0].startswith("case,scan,found")
    )
    assert "1 of 3 landmarks within theirs" in sentences(content["summary"])[-1]


def canals(scan, closed, verdict, dice, error):
    """A row of an ear whose radii are all 0.4 mm."""
    errors = {f"{name} mm": error for name in LANDMARKS}
    radii = {f"{name} radius mm": 0.4 for name in LANDMARKS}
    about = {"case": "a", "scan": scan, "found": True, "side_right": True, "assd_mm": 0.05}
    return about | errors | radii | {"closed_canals": closed, "verdict": verdict, "dice": dice}


def test_canals_and_verdicts_are_counted():
    rows = [canals("s", closed, verdict, 0.9, 0.2) for closed, verdict in
            ((3, "good"), (3, "check"), (2, "good"), (None, "check"))]  # fmt: skip
    summary = summarise([*rows, {"found": False, "dice": 0.0}])
    # Of the ears that were found; not known to be closed is not closed.
    assert summary["whole"] == {"ears": 2, "of": 4}
    assert (summary["good"], summary["good_with_open_canal"]) == (2, 1)
    said = "2 of 4 ears with three closed canals; 1 of 2 called good have an open one"
    assert said in sentences(summary)
    assert "whole" not in summarise(ROWS[:1])  # of a model that does not tell


def test_scans_have_a_row_each_and_the_specimens_themselves_the_summary(tmp_path):
    rows = [
        canals("as scanned", 3, "good", 0.98, 0.2),
        canals("soft kernel", 3, "check", 0.92, 0.3),
        canals("soft kernel", 2, "good", 0.90, 0.5),
    ]
    lines = lines_of(rows)
    assert "dice: mean 0.9800, median 0.9800, worst 0.9800, 1 case" in lines
    assert lines[-2:] == [
        "| as scanned | 1 of 1 | 1 of 1 | 0.9800 (0.9800) | 0.050 (0.050) | 0.200 (0.200) | 1 of 1 "
        "| 1 | 0 | 3 of 3 |",
        "| soft kernel | 2 of 2 | 2 of 2 | 0.9100 (0.9000) | 0.050 (0.050) | 0.400 (0.500) "
        "| 1 of 2 | 1 | 1 | 3 of 6 |",
    ]
    assert lines_of(rows[:1]) == sentences(summarise(rows[:1]))
    write_tables(rows, tmp_path, "innerearseg evaluate X --scans")
    content = json.loads((tmp_path / "summary.json").read_text())
    assert content["summary"]["dice"]["mean"] == 0.98
    soft = content["summary_by_scan"]["soft kernel"]
    assert soft["dice"]["mean"] == pytest.approx(0.91) and soft["whole"] == {"ears": 1, "of": 2}
    assert len((tmp_path / "cases.csv").read_text().splitlines()) == 4
