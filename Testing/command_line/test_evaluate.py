"""``innerearseg evaluate`` over a list of one's own."""

import csv
import json

import SimpleITK as sitk

from InnerEarSegLib.reading.image import image_of

from .conftest import innerearseg


def test_a_list_is_evaluated_into_tables_plots_and_pictures(
    synthetic_ear, synthetic_file, tmp_path
):
    labels = tmp_path / "labels.nrrd"
    sitk.WriteImage(
        image_of(synthetic_ear.labels.array, synthetic_ear.labels.geometry), str(labels)
    )
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
    assert "1 of 1 found, 1 of 1 sides right, 0 landmarks missed" in done.stdout
    summary = json.loads((out / "summary.json").read_text())
    assert summary["command"].startswith("innerearseg evaluate ")
    assert summary["summary"]["dice"]["mean"] > 0.9
    (row,) = csv.DictReader((out / "cases.csv").open())
    assert row["case"] == "ear" and float(row["helicotrema mm"]) < 0.6
    for name in ("cases.png", "landmarks.png", "worst.png"):
        assert (out / name).stat().st_size > 10_000, name


def test_an_unknown_case_is_refused_before_anything_runs(specimens, tmp_path):
    done = innerearseg("evaluate", specimens, "--output", tmp_path / "out", "--cases", "F06,X99")
    assert done.returncode == 2 and "There is no case 'X99'; there are F01" in done.stderr
    assert not (tmp_path / "out").exists()
