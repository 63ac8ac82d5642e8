"""``innerearseg check``, and other commands on a manifest."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.result_folder import names_in
from InnerEarSegLib.types import Ear, Landmark, Segmentation, Volume


@pytest.fixture
def manifest(tmp_path, synthetic_ear, synthetic_file):
    """Two whole cases of one CT, a broken file, and one without anything to compare with."""
    truth = synthetic_ear.labels
    sitk.WriteImage(
        Volume(truth.array * 7, truth.geometry).to_sitk(), str(tmp_path / "labels.nii.gz")
    )
    rows = [",".join((name, *map(str, at))) for name, at in synthetic_ear.landmarks.items()]
    (tmp_path / "points.csv").write_text("\n".join(["label,r,a,s", *rows, "stapes,0,0,0"]))
    (tmp_path / "broken.nii").write_bytes(b"no image")
    side = synthetic_ear.side
    path = tmp_path / "cases.csv"
    path.write_text(
        "case,image,labels,label_values,landmarks,side,group,licence\n"
        f"P<1>,{synthetic_file},labels.nii.gz,7,points.csv,{side},A,CC0\n"
        f"P2,{synthetic_file},,,points.csv,{side},B,\n"
        "P3,broken.nii,,,,,,\n"
        f"P4,{synthetic_file},labels.nii.gz,1,,,,\n"
        f"P5,{synthetic_file},,,,,,\n"
    )
    return path


def test_check_reads_and_draws_every_case(manifest, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["check", str(manifest), "--output", str(out)]) == 4
    lines = capsys.readouterr().out.splitlines()
    whole = next(line for line in lines if line.startswith("P<1>: "))
    assert "labyrinth of " in whole and whole.endswith("For train, evaluate, scans, plan-accuracy.")
    assert any("Left out, as they are no landmarks: stapes." in line for line in lines)
    assert any(line.startswith("P2: ") and "plan-accuracy (no labels)" in line for line in lines)
    assert "P<1> and P2 are the same CT and side." in lines
    assert "2 for `pack`, `train`, `crossval` and `ablate`: 1 with labels, 1 with landmarks " in (
        "\n".join(lines)
    )
    said = [line for line in lines if line.startswith("Cannot be used: ")]
    assert [line.split(": ")[1] for line in said] == ["P3", "P4", "P5"]
    assert "they hold the values 7." in said[1] and "no labels, no landmarks and no side" in said[2]
    assert names_in(out) == ["check.html"]
    page = (out / "check.html").read_text(encoding="utf-8")
    assert (
        page.count("data:image/jpeg;base64,") == 2 and "P&lt;1&gt;" in page and "P<1>" not in page
    )
    assert "they hold the values 7." in page


def test_check_needs_no_folder_and_is_content_with_good_cases(manifest, tmp_path, capsys):
    before = names_in(tmp_path)
    assert main(["check", str(manifest), "--cases", "P<1>"]) == 0
    assert "Cases: 1\n" in capsys.readouterr().out and names_in(tmp_path) == before
    assert main(["check", str(manifest), "--cases", "P9"]) == 2
    assert "There is no case 'P9'; there are P<1>, P2" in capsys.readouterr().err


def test_check_knows_what_the_bundled_model_was_trained_on(specimens, capsys):
    assert main(["check", str(specimens), "--cases", "F06"]) == 0
    assert "  The bundled model was trained on this CT" in capsys.readouterr().out


def test_stability_takes_all_cts_of_a_manifest(
    manifest, quick_model, tmp_path, capsys, monkeypatch
):
    found = True

    def segment(ct, bundle):
        if not found:
            return Segmentation((), None, "cpu")
        middle = Landmark("helicotrema", tuple(ct.geometry.center), 0.9)
        mask = np.ones((8, 8, 8), np.uint8)
        ear = Ear("left", mask, ct.geometry.part((4, 4, 4), mask.shape), (middle,), 64.0)
        return Segmentation((ear,), None, "cpu")

    monkeypatch.setattr("InnerEarSegLib.evaluation.perturbations.segment", segment)
    words = ["stability", str(manifest), "--output", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--model", str(quick_model), "--cases"]
    assert main([*words, "P<1>,P3"]) == 4
    said = capsys.readouterr().out
    assert "P<1>: stored with permuted, flipped axes, left: helicotrema 0.00 mm" in said
    assert "Not measured: P3: " in said
    content = json.loads((tmp_path / "out" / "stability.json").read_text())
    assert {row["case"] for row in content["rows"]} == {"P<1>"} and len(content["rows"]) == 9
    assert main([*words, "P3"]) == 2
    assert "No case could be measured; P3: " in capsys.readouterr().err
    found = False
    assert main([*words, "P<1>"]) == 2
    assert "P<1>: not measured: No inner ear was found." in capsys.readouterr().out
