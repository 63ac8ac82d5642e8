"""``innerearseg plan`` on a result: what it says and which files it leaves."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.types import POOR, Findings, Quality

from .subjects import MODEL, saved, truth_of


@pytest.fixture
def result(result_folder, tmp_path):
    return shutil.copytree(result_folder, tmp_path / "result")


def table(path):
    return list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))


def test_two_arrays_side_by_side(result, synthetic_ear, capsys):
    assert main(["plan", str(result), "--array", "FLEX24", "--array", "ci632"]) == 0
    said = capsys.readouterr().out
    assert "MED-EL FLEX24, 24.0 mm: to" in said and "CI632 Slim Modiolar" in said
    assert "no recommendation" in said and str(result) in said
    (ear,) = json.loads((result / "plan.json").read_text(encoding="utf-8"))["ears"]
    assert ear["side"] == synthetic_ear.side
    flex, slim = ear["arrays"]
    assert len(flex["contacts"]) == 12 and len(slim["contacts"]) == 22
    assert flex["reach_deg"] == pytest.approx(flex["contacts"][-1]["angle_deg"], abs=0.1)
    rows = table(result / "contacts.csv")
    assert {row["verdict"] for row in rows} == {"good"}
    assert len(rows) == 34 and {row["array"] for row in rows} == {
        "MED-EL FLEX24", "Cochlear CI632 Slim Modiolar"}  # fmt: skip
    duct = table(result / "duct.csv")
    assert [row["angle_deg"] for row in duct[:3]] == ["0.0", "30.0", "60.0"]
    falling = [float(row["organ_of_corti_hz"]) for row in duct if row["organ_of_corti_hz"]]
    assert falling == sorted(falling, reverse=True) and falling[0] > 20000
    assert duct[-1]["lateral_wall_extrapolated"] in ("True", "False")


def test_without_arrays_the_duct_alone_and_no_old_contacts(result, capsys):
    assert main(["plan", str(result), "--array", "FLEX20"]) == 0
    assert (result / "contacts.csv").is_file()
    assert main(["plan", str(result)]) == 0
    assert not (result / "contacts.csv").exists()
    assert "measured lateral wall to 360°" in capsys.readouterr().out


def test_without_a_duct_no_table_of_an_earlier_one_stays(result, synthetic_ear, capsys):
    assert main(["plan", str(result)]) == 0 and (result / "duct.csv").is_file()
    path = result / f"landmarks_{synthetic_ear.side}.mrk.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    (markups,) = content["markups"]
    points = markups["controlPoints"]
    markups["controlPoints"] = [point for point in points if point["label"] != "round window"]
    path.write_text(json.dumps(content), encoding="utf-8")
    capsys.readouterr()
    assert main(["plan", str(result)]) == 0
    assert "there is no round window" in capsys.readouterr().out
    assert not (result / "duct.csv").exists()


def test_a_depth_and_an_array_of_ones_own_elsewhere(result, tmp_path, capsys):
    mine = tmp_path / "mine.json"
    item = {"maker": "Own", "name": "Short", "kind": "lateral wall", "contacts": 8,
            "first_contact_mm": 2, "last_contact_mm": 15, "tip_mm": 16}  # fmt: skip
    mine.write_text(json.dumps({"arrays": [item]}))
    before = sorted(result.iterdir())
    out = tmp_path / "plan"
    command = ["plan", str(result), "--arrays", str(mine), "--array", "short", "--depth", "10"]
    assert main([*command, "--output", str(out)]) == 0
    assert "contacts stay outside the cochlea" in capsys.readouterr().out
    assert sorted(result.iterdir()) == before
    (row, *_) = table(out / "contacts.csv")
    assert row["depth_mm"] == "-4.0" and row["angle_deg"] == "" and row["r_mm"] == ""


def test_default_filter_bands_only_if_asked(result, capsys):
    command = ["plan", str(result), "--array", "FLEX24"]
    assert main(command) == 0
    assert "filter bands" not in capsys.readouterr().out
    assert "default_band_hz" not in table(result / "contacts.csv")[0]
    assert main([*command, "--bands"]) == 0
    said = capsys.readouterr().out
    assert "Default filter bands beside the spiral ganglion: -" in said  # below its frequency
    (ear,) = json.loads((result / "plan.json").read_text(encoding="utf-8"))["ears"]
    (flex,) = ear["arrays"]
    assert "70 to 8500 Hz" in flex["default_filter_bands"]["name"]
    for contact, row in zip(flex["contacts"], table(result / "contacts.csv"), strict=True):
        off = np.log2(contact["default_band_hz"] / contact["spiral_ganglion_hz"])
        assert float(row["default_band_octaves_from_spiral_ganglion"]) == pytest.approx(
            off, abs=0.01
        )


def test_an_ear_without_a_landmark_says_why_there_is_no_duct(synthetic_ear, tmp_path, capsys):
    path = tmp_path / "scene.mrb"

    def remove(scene, volume, results):
        (node,) = results.landmarks.values()
        for index in range(node.GetNumberOfControlPoints()):
            node.SetNthControlPointPositionMissing(index)

    saved(path, truth_of(synthetic_ear), synthetic_ear.ct, change=remove)
    assert main(["plan", str(path), "--array", "FLEX24", "--output", str(tmp_path / "out")]) == 0
    assert "could not be measured" in capsys.readouterr().out
    content = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    (ear,) = content["ears"]
    assert ear["duct"] is None and ear["arrays"] == []
    assert content["made_of"] == "reviewed" and {*content["made_from"]} == {"scene.mrb"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--array", "FLEX99"], "No array is called 'FLEX99'"),
        (["--arrays", "nothing.json"], "cannot be read"),
        (["--depth", "0"], "is no number of millimetres"),
        (["--depth", "10"], "--depth, --arrays and --bands go with --array"),
    ],
)
def test_refusals_change_nothing(result, more, message, capsys):
    before = sorted(result.iterdir())
    try:
        status = main(["plan", str(result), *more])
    except SystemExit as end:  # argparse ends so
        status = end.code
    captured = capsys.readouterr()
    assert status == 2 and message in captured.err and captured.err.count("\n") == 1
    assert sorted(result.iterdir()) == before


def test_a_list_of_arrays_needs_no_result(capsys):
    assert main(["plan", "--list"]) == 0
    assert "MED-EL FLEX28: lateral wall, 12 contacts, 28 mm" in capsys.readouterr().out
    assert main(["plan"]) == 2
    assert "needs the folder of a result" in capsys.readouterr().err


def test_metal_hides_the_duct(synthetic_ear, tmp_path, capsys):
    found = truth_of(synthetic_ear)
    poor = Quality(POOR, ("Metal.",))
    ears = tuple(
        replace(ear, findings=Findings(3, metal_mm3=5.0), quality=poor) for ear in found.ears
    )
    write_scene(synthetic_ear.ct, replace(found, ears=ears), tmp_path)
    assert main(["plan", str(tmp_path), "--array", "FLEX24"]) == 0
    captured = capsys.readouterr()
    assert "without metal" in captured.out
    assert f"{synthetic_ear.side.capitalize()} ear: poor" in captured.err
    assert "Do not plan on this ear. Metal." in captured.err
    content = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    (ear,) = content["ears"]
    assert ear["duct"] is None and ear["way_in"] is None and ear["arrays"] == []
    assert ear["quality"] == {"verdict": "poor", "reasons": ["Metal."]}
    assert ear["model"]["sha256"] == MODEL.sha256 and content["made_of"] == "automatic"
    assert {*content["made_from"]} == {
        "scene.mrb", "labyrinth.seg.nrrd", f"landmarks_{synthetic_ear.side}.mrk.json",
    }  # fmt: skip
