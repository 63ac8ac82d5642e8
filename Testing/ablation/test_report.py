"""A report says what follows from its figures, and no more; statistics by hand."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from InnerEarSegLib.ablation.compare import (
    bootstrap_interval,
    csv_text,
    holm,
    repeated,
    rows_of,
    sign_flip_p,
    smallest_p,
)
from InnerEarSegLib.ablation.plan import as_json, load_plan
from InnerEarSegLib.ablation.report import conclusions, write_report
from InnerEarSegLib.ablation.runs import open_study, read_study
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.training.cases import TrainingCase

from .conftest import PLAN

NAMES = [f"S{n:02}" for n in range(12)]
SPREAD = [0.01 * n for n in range(12)]
VARIATIONS = [
    *PLAN["variations"],
    {"name": "landmarks-alone", "group": "tasks", "why": "w",
     "change": {"loss.tasks": "landmarks"}},
    {"name": "dropout", "group": "architecture", "why": "w", "change": {"network.dropout": 0.5}},
    {"name": "another-seed", "group": "training", "why": "w", "change": {"seed": 1}},
]  # fmt: skip
BASAL = (0.80, 0.40, 1.00)


def opened(folder, count=12, **changes):
    """A study of some specimens in two folds, without results."""
    path = folder / "plan.json"
    path.write_text(json.dumps(PLAN | changes))
    cases = [TrainingCase(name, None, None, None, {}, "left") for name in NAMES[:count]]
    return open_study(load_plan(path), cases, 2, folder / "runs")


@pytest.fixture
def study(tmp_path):
    return opened(tmp_path, landmarks_alone="landmarks-alone", variations=VARIATIONS)


def finish(study, variation: str, dice, assd, landmarks, *, folds=(0, 1), **changes) -> None:
    """Results as of a run; each figure is a mean, to which specimens add their own part."""
    for fold in folds:
        figures = {"dice": dice, "assd_mm": assd, "landmark_mm": landmarks}
        cases = [
            {"name": name, "landmarks": {}}
            | {k: None if v is None else v + SPREAD[NAMES.index(name)] for k, v in figures.items()}
            for name in study.folds[fold]
        ]
        folder = study.run_folder(variation, fold)
        folder.mkdir(parents=True)
        content = {
            "variation": variation, "fold": fold + 1,
            "study": as_json(study.plan.study(variation)),
            "held_out": list(study.folds[fold]), "seed": 0, "steps": 60, "device": "cpu, 1 threads",
            "torch": "2", "code_revision": "abc", "diverged": None, "parameters": 10,
            "seconds": 5.0 + fold, "cases": cases, **changes,
        }  # fmt: skip
        (folder / "result.json").write_text(json.dumps(content))


def text_of(study, **finished) -> str:
    """The conclusions once these are finished, and the basal training."""
    for name, figures in {"basal": BASAL, **finished}.items():
        finish(study, name.replace("_", "-"), *figures)
    return "\n".join(conclusions(study.plan, rows_of(study), study.folds))


def test_table_has_the_figures_by_hand(study, tmp_path):
    text_of(
        study, relu=(0.75, 0.50, 0.90), segmentation_alone=(0.70, 0.60, None),
        landmarks_alone=(None, None, 1.50), another_seed=BASAL,
    )  # fmt: skip
    said = write_report(study.folder, tmp_path / "report")
    text = (tmp_path / "report" / "ablation.md").read_text(encoding="utf-8")
    assert all(line in text.splitlines() for line in said[:-1])
    assert "| relu | network.activation: leaky_relu → relu | **-0.0500 (-0.0500 to" in text
    with (tmp_path / "report" / "ablation.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["basal", *(variation["name"] for variation in VARIATIONS)]
    relu = rows["relu"]
    assert (relu["field"], relu["basal_value"], relu["value"]) == (
        "network.activation", '"leaky_relu"', '"relu"')  # fmt: skip
    assert (relu["seed"], relu["steps"], relu["folds"], relu["cases"]) == ("0", "60", "2", "12")
    assert (relu["code_revision"], relu["seconds"], relu["why"]) == ("abc", "6", "To see.")
    assert rows["another-seed"]["seed"] == "1"
    # The mean of 0, 0.01 ... 0.11 is 0.055.
    assert float(relu["dice"]) == pytest.approx(0.805)
    assert float(relu["dice_difference"]) == pytest.approx(-0.05)
    assert float(relu["dice_difference_low"]) == pytest.approx(-0.05)
    # Each specimen is worse by the same: 2 of 2**12 signs.
    assert float(relu["dice_p"]) == pytest.approx(2 / 4096, rel=1e-4)
    # Three of relu and three of the seed: six, of which three are equal.
    assert float(relu["dice_p_corrected"]) == pytest.approx(6 * 2 / 4096, rel=1e-4)
    alone = rows["segmentation-alone"]
    assert float(alone["dice_p_corrected"]) == pytest.approx(3 * 2 / 4096, rel=1e-4)
    assert alone["landmark_mm"] == alone["landmark_mm_p"] == ""
    assert rows["basal"]["dice_difference"] == ""
    assert (tmp_path / "report" / "ablation.png").stat().st_size > 10_000


def test_coupling_helps_harms_or_cannot_be_told(study):
    alone = {"segmentation_alone": (0.70, 0.30, None), "landmarks_alone": (None, None, BASAL[2])}
    text = text_of(study, **alone)
    assert "Labyrinth, Dice: coupling helps: that of the joint network is 0.1000 higher" in text
    assert "Labyrinth, ASSD in mm: coupling harms: that of the joint network is 0.100 high" in text
    assert "Landmarks, distance in mm: no effect of coupling could be shown" in text
    assert "Not finished, and so not compared: relu, dropout, another-seed." in text
    assert "Nothing is compared yet." in text


def recommended(text: str) -> str:
    return text.split("so recommends:")[1].split("Worse:")[0].strip()


def test_recommended_is_what_is_better_and_nowhere_worse(study):
    text = text_of(study, relu=(0.90, 0.40, 1.00), dropout=(0.90, 0.40, 1.20))
    assert recommended(text) == "- relu (network.activation: leaky_relu → relu): Dice +0.1000"
    assert "Worse: none." in text
    assert ("Better in one figure and worse in another:\n\n- dropout (network.dropout: 0.0 → 0.5): "
            "Dice +0.1000, landmark distance in mm +0.200\n") in text  # fmt: skip
    assert "Not told apart from the basal training (0): none." in text
    assert "not known, because 'segmentation-alone' or the basal training is not finished" in text


def test_what_a_seed_does_too_is_no_effect_of_a_change(study):
    seed, alone = (0.91, 0.40, 1.00), (0.75, 0.30, None)
    text = text_of(study, relu=(0.90, 0.40, 1.00), another_seed=seed, segmentation_alone=alone)
    assert "Another seed alone moves Dice by 0.1100, ASSD in mm by 0.000" in text
    assert recommended(text) == "none."
    assert "Not told apart from the basal training (1): relu." in text
    assert "Labyrinth, Dice: no more than another seed does" in text
    assert "Labyrinth, ASSD in mm: coupling harms" in text


def test_too_few_specimens_are_said_to_be_too_few(tmp_path):
    few = opened(tmp_path, 5)
    text = text_of(few, relu=(0.90, 0.30, 0.50), segmentation_alone=(0.70, 0.60, None))
    assert "Dice: cannot be told from 5 specimens" in text
    assert "With 5 specimens the smallest p is 0.062" in text
    assert "recommends: none." in text


def test_a_diverged_run_is_a_result_that_is_not_compared(study, tmp_path):
    finish(study, "relu", 0.1, 0.2, 0.3, folds=(0,))
    finish(study, "relu", 0.1, 0.2, 0.3, folds=(1,), diverged="the loss is not a number", cases=[])
    text = text_of(study)
    row = {row["name"]: row for row in rows_of(study)}["relu"]
    assert row["diverged"] == 1 and row["folds"] == 2
    assert row["dice_difference"] is row["assd_mm_difference"] is None
    assert "The loss was no longer a number in: relu." in text


def test_a_row_done_again_lies_within_or_outside(study, tmp_path):
    finish(study, "basal", *BASAL)
    table = tmp_path / "ablation.csv"
    table.write_text(csv_text(rows_of(study)), encoding="utf-8")
    # The mean of 0.80 + 0.055 has an interval of about +-0.02; 0.5 more is outside.
    again = replace(study, folder=tmp_path / "again")
    shutil.copytree(study.folder, again.folder, ignore=shutil.ignore_patterns("basal"))
    finish(again, "basal", 0.81, 0.90, 1.00)
    said = "\n".join(repeated(rows_of(again), table))
    assert "basal, Dice: 0.8650 again, within 0.83" in said
    assert "basal, ASSD, mm: 0.955 again, OUTSIDE 0.43" in said
    assert "basal, landmarks, mm: 1.055 again, within 1.03" in said
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(UnusableInput, match="is no table of"):
        list(repeated([], tmp_path / "other.csv"))


def test_nothing_to_report_on_or_results_of_another_training(study, tmp_path):
    with pytest.raises(UnusableInput, match=r"No run of .* is finished"):
        write_report(study.folder, tmp_path / "report")
    assert not (tmp_path / "report").exists()
    with pytest.raises(UnusableInput, match="is no folder of `innerearseg ablate`"):
        read_study(tmp_path / "none")
    finish(study, "relu", 0.1, 0.2, 0.3, folds=(0,))
    path = study.run_folder("relu", 0) / "result.json"
    content = json.loads(path.read_text())
    content["study"]["seed"] = 9
    path.write_text(json.dumps(content))
    with pytest.raises(UnusableInput, match="another training than the plan's 'relu'"):
        study.result("relu", 0)


def test_sign_flips_by_hand():
    # Of the 8 ways to sign 1, 2, 3 only +++ and --- have a mean as far from 0 as 2.
    assert sign_flip_p([1.0, 2.0, 3.0]) == pytest.approx(2 / 8)
    # |1 + 2 - 3| = 0: all 8 are at least as far.
    assert sign_flip_p([1.0, 2.0, -3.0]) == pytest.approx(1.0)
    # |3 + 2 - 1| = 4 is reached by 3 2 -1 and 3 2 1 and their mirrors.
    assert sign_flip_p([3.0, 2.0, -1.0]) == pytest.approx(4 / 8)
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("cases", [3, 10, 15, 30])
def test_smallest_p_is_what_the_clearest_difference_gives(cases):
    assert sign_flip_p([1.0] * cases) == pytest.approx(smallest_p(cases), rel=1e-6)


def test_random_signs_of_many_cases_come_near_the_normal_distribution():
    many = np.tile([1.0, -1.0, 1.0], 34)[:100]
    many = many - many.mean() + 2.0 * many.std() / 10.0  # z = 2
    assert sign_flip_p(many) == pytest.approx(0.0455, abs=0.01)


def test_holm_by_hand():
    # 0.01 * 3, then max(0.03, 0.03 * 2), then max(0.06, 0.04 * 1).
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_bootstrap_interval_by_hand():
    # Two values, each drawn with chance 1/2: the mean is 0, 1/2 or 1 with chance 1/4, 1/2, 1/4.
    assert bootstrap_interval([0.0, 1.0]) == (0.0, 1.0)
    assert bootstrap_interval([0.25, 0.25, 0.25]) == (0.25, 0.25)
    # The mean of many is near normal: 1.96 standard deviations / sqrt(n) on either side.
    low, high = bootstrap_interval([0.0, 1.0] * 50)
    assert (low, high) == pytest.approx((0.5 - 0.098, 0.5 + 0.098), abs=0.005)
