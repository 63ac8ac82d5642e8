"""``innerearseg evaluate`` over a list of one's own."""

import csv
import json
import re
from dataclasses import replace

import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import build_parser, main
from InnerEarSegLib.evaluation.measurement_errors import (
    MeasurementErrors,
    coverage,
    kernels_apart,
)
from InnerEarSegLib.io.result_folder import ResultFolder, names_in
from InnerEarSegLib.types import LANDMARKS, Geometry, Volume

from .conftest import innerearseg


def evaluate(*arguments):
    """In this process, which has torch already."""
    return main(["evaluate", *map(str, arguments), "--device", "cpu"])


def test_a_list_becomes_tables_plots_and_pictures(synthetic_ear, synthetic_file, tmp_path):
    truth = synthetic_ear.labels
    sitk.WriteImage(truth.to_sitk(), str(tmp_path / "labels.nrrd"))
    points = [
        {"label": name, "position": [float(value) for value in point]}
        for name, point in synthetic_ear.landmarks.items()
    ]
    content = {"markups": [{"coordinateSystem": "RAS", "controlPoints": points}]}
    (tmp_path / "points.mrk.json").write_text(json.dumps(content))
    (tmp_path / "list.csv").write_text(
        "case,image,labels,landmarks,side\n"
        f"ear,{synthetic_file},labels.nrrd,points.mrk.json,{synthetic_ear.side}\n"
    )
    out = tmp_path / "out"
    done = innerearseg("evaluate", tmp_path / "list.csv", "--output", out, "--device", "cpu")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "1 of 1 found, 1 of 1 sides correct, 0 landmarks missed" in done.stdout
    summary = json.loads((out / "summary.json").read_text())
    assert summary["command"].startswith("innerearseg evaluate ")
    assert summary["summary"]["dice"]["mean"] > 0.9
    (row,) = csv.DictReader((out / "cases.csv").open())
    assert row["case"] == "ear" and float(row["helicotrema mm"]) < 0.6
    for name in ("cases.png", "landmarks.png", "worst.png"):
        assert (out / name).stat().st_size > 10_000, name


def test_each_case_is_measured_in_each_scan(synthetic_ear, synthetic_file, quick_model, tmp_path,
                                            capsys):  # fmt: skip
    """By a model that finds nothing; a case without landmarks cannot be simulated."""
    points = {
        key: synthetic_ear.landmarks[name]
        for name, key in zip(LANDMARKS, ("A", "OW", "RW"), strict=True)
    }
    points["A"] = [float(x) + 200.0 * (axis == 2) for axis, x in enumerate(points["A"])]
    (tmp_path / "points.json").write_text(json.dumps({"LANDMARKS": points}))
    (tmp_path / "list.csv").write_text(
        "case,image,landmarks,side\n"
        f"ear,{synthetic_file},points.json,{synthetic_ear.side}\n"
        f"bare,{synthetic_file},,{synthetic_ear.side}\n"
    )
    out = tmp_path / "out"
    words = ["--scans", "--no-pictures", "--model", quick_model, "--output", out]
    assert evaluate(tmp_path / "list.csv", *words) == 4
    said = capsys.readouterr().out
    assert "  The helicotrema lies 1" in said and " mm outside the CT: the points may be" in said
    assert "ear, soft kernel: its inner ear was not found" in said
    assert "bare: not measured: Its reference lacks the landmarks" in said
    assert "| bone kernel | 0 of 1 | 0 of 1 |" in said
    rows = list(csv.DictReader((out / "cases.csv").open()))
    assert [(row["case"], row["scan"], row["found"]) for row in rows] == [
        ("ear", scan, "False") for scan in ("as scanned", "cone beam", "bone kernel", "soft kernel")
    ]
    summary = json.loads((out / "summary.json").read_text())
    assert "--scans" in summary["command"] and list(summary["not_measured"]) == ["bare"]
    assert (
        summary["summary"]["cases"] == 1 and summary["summary_by_scan"]["cone beam"]["found"] == 0
    )


def test_two_cts_are_compared(synthetic_file, quick_model, tmp_path, capsys):
    words = ["compare", str(synthetic_file), str(synthetic_file), "--device", "cpu"]
    assert main([*words, "--model", str(quick_model)]) == 3
    assert "No inner ear was found in either CT." in capsys.readouterr().out
    assert main(words) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("first (ear), ") and " mm³" in first
    assert "helicotrema 0.00 mm, oval window 0.00 mm, round window 0.00 mm; Dice 1.000" in second
    assert main(["compare", str(synthetic_file), str(tmp_path / "none.nii"), *words[3:]]) == 2


def test_bad_cases_do_not_cost_the_others(synthetic_ear, synthetic_file, tmp_path, capsys):
    """One cannot be read, one has labels elsewhere and the name of one that was trained on."""
    moved = synthetic_ear.labels.geometry.ijk_to_ras.copy()
    moved[:3, 3] += 200.0
    labels = Volume(
        synthetic_ear.labels.array, Geometry(moved, synthetic_ear.labels.array.shape)
    ).to_sitk()
    sitk.WriteImage(labels, str(tmp_path / "elsewhere.nrrd"))
    (tmp_path / "broken.nii").write_bytes(b"no image")
    (tmp_path / "list.csv").write_text(
        "case,image,labels,side\n"
        f"F01,{synthetic_file},elsewhere.nrrd,{synthetic_ear.side}\n"
        "broken,broken.nii,,\n"
        "gone,nothing.nii,,\n"
    )
    out = tmp_path / "out"
    with ResultFolder(out).adding() as new:
        for name in ("cases.csv", "summary.json", "worst.png"):
            (new / name).write_text("of an earlier run")
    (out / "best.png").write_text("the user's own")
    assert evaluate(tmp_path / "list.csv", "--output", out, "--no-pictures") == 4
    said = capsys.readouterr().out
    assert "F01: Dice 0: what was found lies outside the reference's labels" in said
    assert "broken: not measured: " in said and "Not measured: broken: " in said
    assert "  The model was trained on another CT that is called F01." in said
    summary = json.loads((out / "summary.json").read_text())
    assert summary["summary"]["cases"] == 1 and list(summary["not_measured"]) == ["broken", "gone"]
    assert "Row 4: image " in summary["not_measured"]["gone"]
    assert summary["not_measured"]["gone"].endswith("nothing.nii does not exist.")
    assert summary["summary"]["dice"]["mean"] == 0.0 and "summary_trained_on" not in summary
    (row,) = csv.DictReader((out / "cases.csv").open())
    assert row["found"] == "True" and row["assd_mm"] == ""
    assert names_in(out) == ["best.png", "cases.csv", "summary.json"]


@pytest.mark.parametrize("output", ["a file", "/proc/nope"])
def test_an_output_that_cannot_be_written_is_refused_first(tmp_path, output, capsys):
    (tmp_path / "a file").write_text("x")
    assert evaluate(tmp_path / "no list.csv", "--output", tmp_path / output) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_without_a_case_that_can_be_measured_nothing_is_written(synthetic_file, tmp_path, capsys):
    (tmp_path / "broken.nii").write_bytes(b"no image")
    (tmp_path / "list.csv").write_text(f"case,image\nbroken,broken.nii\nbare,{synthetic_file}\n")
    assert evaluate(tmp_path / "list.csv", "--output", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "No case could be measured; broken: " in said.err
    assert "bare: not measured: It has no labels, no landmarks and no side." in said.out
    assert not (tmp_path / "out").exists()


def test_an_unknown_case_is_refused_before_anything_runs(specimens, tmp_path, capsys):
    for words in (["evaluate", "--output", tmp_path / "out"], ["plan-accuracy", "--displace", 0.2]):
        words = [words[0], specimens, *words[1:], "--cases", "F06,X99"]
        assert main(list(map(str, words))) == 2
        assert "There is no case 'X99'; there are F01" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


REFUSED = {
    "is no number of millimetres": [("--displace", each) for each in ("-1", "nan", "5.1", "far")],
    "is no whole number from 1 on": [("--displace", "0.2", "--draws", n) for n in ("0", "2.5")],
}


@pytest.mark.parametrize(("said", "more"), [(s, m) for s, all_ in REFUSED.items() for m in all_])
def test_plan_accuracy_refuses_numbers_without_a_meaning(specimens, more, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["plan-accuracy", str(specimens), *more])
    assert ended.value.code == 2 and f"{more[-1]!r} {said}" in capsys.readouterr().err


def test_a_mean_is_of_the_draws_that_have_a_figure():
    draws = ((2.0, 1.0, {"a_diameter": -0.5}), (2.0, 1.0, {"a_diameter": 0.1}), (5.0, 4.0, {}))
    errors = [MeasurementErrors("P", *draw, {}, 0.1) for draw in draws]
    mean = MeasurementErrors.mean("P", errors)
    assert mean.axis_deg == pytest.approx(3.0) and mean.differences == {
        "a_diameter": pytest.approx(0.3)
    }
    assert str(mean) == "P: axis 3.0°, origin 2.00 mm, a diameter +0.30 mm"


def test_coverage_and_what_would_hold_90_percent_by_hand():
    shares = [0.1 * n for n in range(1, 11)] + [1.25]
    errors = [MeasurementErrors("P", 0.0, 0.0, {}, {"a_diameter": x}, 0.1) for x in shares]
    # Rank ceil(0.9 * 12) = 11 of 11.
    assert coverage(errors) == [
        "a diameter: 10 of 11 within their 90 % interval, ± x 1.25 holds 90 %"
    ]
    assert coverage(errors[:2]) == ["a diameter: 2 of 2 within their 90 % interval"]
    bone, soft = ([replace(errors[0], differences={"a_diameter": x})] for x in (0.3, -0.1))
    assert kernels_apart(bone, soft) == [
        "bone against soft kernel, a diameter: mean 0.40, worst 0.40, n 1"
    ]


def test_a_folder_without_a_cross_validation_is_refused(specimens, tmp_path, capsys):
    arguments = ["plan-accuracy", str(specimens), "--crossval", str(tmp_path)]
    assert main(arguments) == 2
    assert "holds no folds of `innerearseg crossval`" in capsys.readouterr().err
    (tmp_path / "fold-1").mkdir()
    assert main(arguments) == 2
    assert "fold-1 was not measured; run `innerearseg crossval`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--displace 0.5 --crossval RUNS", "--displace and --crossval exclude each other"),
        ("--displace 0.5 --model m.pt", "--displace and --model exclude each other"),
        ("--crossval RUNS --model m.pt", "--crossval and --model exclude each other"),
        ("--displace 0.5 --scan soft", "leave --scan out"),
        ("--draws 3", "--draws goes with --displace"),
    ],
)
def test_plan_accuracy_ignores_no_option(options, message, capsys):
    assert main(["plan-accuracy", "no data", *options.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def partly_broken(specimens, tmp_path):
    """Links to four specimens; F13 has a broken description, F01 too, F03 no CT."""
    for name in ("F01", "F03", "F06", "F13", "T03"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "CT").symlink_to(specimens / name / "CT")
        text = (specimens / name / f"{name}_DESC.json").read_text(encoding="utf-8")
        if name in ("F01", "F13"):
            text = text[: len(text) // 2]
        (tmp_path / name / f"{name}_DESC.json").write_text(text, encoding="utf-8")
    (tmp_path / "F03" / "CT").unlink()
    return tmp_path


def test_a_broken_specimen_does_not_cost_plan_accuracy_the_others(partly_broken, capsys):
    arguments = ["plan-accuracy", str(partly_broken), "--displace", "0.2", "--draws", "2"]
    assert main([*arguments, "--cases", "F06,T03,F13"]) == 4
    said = capsys.readouterr().out
    assert "F13: left out of the average ear: F13_DESC.json in " in said
    assert "F01: left out of" in said and "F03: left out of" in said
    assert "F06: axis " in said and "T03: axis " in said and "axis, degrees: mean " in said
    assert "n 4\n" in said and "Not measured: F13: F13_DESC.json in " in said
    assert main([*arguments, "--cases", "F06"]) == 0
    assert "Not measured" not in capsys.readouterr().out
    assert main([*arguments, "--cases", "F13,F03"]) == 2
    assert "No case could be measured; F13: F13_DESC.json in" in capsys.readouterr().err


def test_a_broken_specimen_does_not_cost_the_journey_the_others(partly_broken, quick_model, capsys):
    arguments = ["--cases", "F13,F06,F03", "--device", "cpu", "--model", str(quick_model)]
    assert main(["plan-accuracy", str(partly_broken), *arguments]) == 2
    captured = capsys.readouterr()
    assert "F13: not measured: " in captured.out and "F03: not measured: " in captured.out
    assert "F06: no inner ear found" in captured.out
    assert "No case could be measured; F13: " in captured.err


@pytest.mark.parametrize("command", ["evaluate DATA --output X", "plan-accuracy DATA"])
def test_all_cases_are_measured_unless_some_are_named(command):
    assert build_parser().parse_args(command.split()).cases is None


@pytest.mark.parametrize("command", ["evaluate DATA --output X", "plan-accuracy DATA"])
def test_a_list_without_a_name_is_refused(command, capsys):
    parser = build_parser()
    # Spaces, a trailing comma and doubles do no harm.
    assert parser.parse_args([*command.split(), "--cases", "F06, T03,F06,"]).cases == ["F06", "T03"]
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([*command.split(), "--cases", " , "])
    assert ended.value.code == 2 and "argument --cases" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "option", "value", "least"), [
    ("train c.json --data x", "--workers", "-3", 0),
    ("crossval c.json --data x", "--workers", "many", 0),
    ("ablate p.json --data x", "--workers", "-1", 0),
    ("crossval c.json --data x", "--folds", "1", 2),
    ("ablate p.json --data x", "--folds", "0", 2),
    ("synthesize", "--seed", "-1", 0),
    ("pack --data x", "--seed", "-2000000", 0),
])  # fmt: skip
def test_numbers_that_are_too_small_are_refused(tmp_path, command, option, value, least, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--output", str(tmp_path / "out"), option, value])
    assert ended.value.code == 2 and not list(tmp_path.iterdir())
    assert f"{option}: {value!r} is no whole number from {least} on" in capsys.readouterr().err


def test_plan_accuracy_counts_what_can_be_compared(specimens, capsys):
    """F12 has no labels: it says nothing of diameters, and alone there is nothing to say."""
    arguments = ["plan-accuracy", str(specimens), "--displace", "0.2", "--draws", "3", "--cases"]
    assert main([*arguments, "F12"]) == 2
    assert "None of these cases has labels" in capsys.readouterr().err
    assert main([*arguments, "F12,F06"]) == 0
    lines = capsys.readouterr().out
    for name in ("a diameter", "b diameter", "cochlear height"):
        assert re.search(rf"{name}: [0-3] of 3 within their 90 % interval", lines)
