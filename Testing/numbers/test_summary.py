"""The summary of an evaluation against hand-computed examples."""

import json

import pytest

from InnerEarSegLib.evaluation.evaluate import sentences, summarise, write_tables

ROWS = [
    {"case": "a", "found": True, "dice": 0.9, "assd_mm": 0.1, "volume_error": 0.02,
     "side_right": True, "helicotrema mm": 0.2, "helicotrema radius mm": 0.5,
     "oval window mm": 0.4, "oval window radius mm": 0.3},
    {"case": "b", "found": True, "dice": 0.8, "assd_mm": 0.3, "volume_error": -0.1,
     "side_right": False, "helicotrema mm": 0.6, "helicotrema radius mm": 0.5,
     "oval window mm": None, "oval window radius mm": None, "oval window missed": True},
    {"case": "c", "found": False, "dice": 0.0},
    {"case": "d", "found": True, "dice": 0.7, "assd_mm": 0.2, "volume_error": 0.0,
     "side_right": None},
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

    figure = summary["all landmarks mm"]  # averaged within cases first
    assert figure["mean"] == pytest.approx((0.3 + 0.6) / 2) and figure["worst"] == 0.6
    assert figure["cases"] == 2 and figure["landmarks"] == 3
    # Landmarks within their radius.
    assert summary["coverage_90"] == {"share": pytest.approx(1 / 3), "inside": 1, "of": 3}


def test_bootstrap_interval_holds_the_mean_and_needs_three_cases():
    summary = summarise([{"found": True, "dice": x / 100} for x in range(80, 100)])
    low, high = summary["dice"]["interval"]
    # Standard error of the mean of 20 values from 0.80 to 0.99: 0.0577 / sqrt(20) = 0.0129.
    assert low == pytest.approx(0.895 - 1.96 * 0.0129, abs=0.004)
    assert high == pytest.approx(0.895 + 1.96 * 0.0129, abs=0.004)
    assert summarise(ROWS[:2])["dice"]["interval"] is None


def test_tables_say_what_measured(tmp_path):
    write_tables(ROWS, tmp_path / "new", "innerearseg evaluate X")
    content = json.loads((tmp_path / "new" / "summary.json").read_text())
    assert content["command"] == "innerearseg evaluate X" and len(content["cases"]) == 4
    assert (tmp_path / "new" / "cases.csv").read_text().splitlines()[0].startswith("case,found")
    assert "1 of 3 landmarks within theirs" in sentences(content["summary"])[-1]
