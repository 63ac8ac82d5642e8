"""Cross-validation: folds, resume, and what a model file keeps of it."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation import crossval
from InnerEarSegLib.evaluation.calibrate import calibrate, reliability
from InnerEarSegLib.evaluation.crossval import evaluate_base, evaluate_folds, networks_trained
from InnerEarSegLib.evaluation.summary import summarise
from InnerEarSegLib.geometry import Volume
from InnerEarSegLib.inferring.bundle import Bundle, load_bundle
from InnerEarSegLib.model_file import bundled_model, read_card
from InnerEarSegLib.results import Segmentation
from InnerEarSegLib.training.export import export
from InnerEarSegLib.training.folds import folds, train_folds

from .test_training import CPU, cases, silent, tiny  # noqa: F401


@pytest.fixture(scope="module")
def trained(cases, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("folds")
    config = dataclasses.replace(tiny(steps=2), held_out=())
    train_folds(config, cases, 2, folder, CPU, only=("orient",), say=silent)
    return folder


def test_every_specimen_is_held_out_once():
    names = [f"F{n:02}" for n in range(15)]
    dealt = folds(names, 5)
    assert dealt[0] == ("F00", "F05", "F10") and len(dealt) == 5
    assert sorted(name for fold in dealt for name in fold) == names
    with pytest.raises(UnusableInput, match="from 2 to 15 folds, not 16"):
        folds(names, 16)


def test_folds_train_without_their_specimens(trained):
    for number, (held, kept) in enumerate((("S0", "S1"), ("S1", "S0")), start=1):
        run = json.loads((trained / f"fold-{number}" / "run.json").read_text())
        assert run["config"]["held_out"] == [held] and run["trained_on"] == [kept]
    assert networks_trained(trained, 2) == {"locate": [0, 0], "orient": [2, 2], "refine": [0, 0]}


def finds_nothing(ct, bundle, *, fine):
    assert isinstance(ct, Volume) and isinstance(bundle, Bundle) and not fine
    return Segmentation((), bundle.identity, "cpu")


def test_measured_once_with_the_same_networks(trained, cases, monkeypatch):  # noqa: F811
    monkeypatch.setattr(crossval, "COPIES", {"as scanned": lambda image: image})
    # Two steps teach nothing, so that the search would go on to its end and find no ear.
    monkeypatch.setattr(crossval, "segment", finds_nothing)
    said: list[str] = []
    rows = evaluate_folds(cases, 2, trained, CPU, base=bundled_model(), say=said.append)
    assert [(row["case"], row["fold"]) for row in rows] == [("S0", 1), ("S1", 2)]
    assert summarise(rows)["dice"]["mean"] == 0.0
    again = evaluate_folds(cases, 2, trained, CPU, base=bundled_model(), say=said.append)
    assert again == rows and len(said) == 2
    train_folds(
        dataclasses.replace(tiny(steps=2), held_out=()), cases, 2, trained, CPU,
        only=("orient", "refine"), say=silent,
    )  # fmt: skip
    monkeypatch.setattr(
        crossval, "segment", lambda ct, bundle, fine: finds_nothing(ct, bundle, fine=not fine)
    )
    evaluate_folds(cases, 2, trained, CPU, base=bundled_model(), say=said.append)
    assert len(said) == 4  # other networks, so they were measured anew


def test_a_model_is_measured_on_what_it_did_not_see(cases, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(crossval, "COPIES", {"as scanned": lambda image: image})
    rows = evaluate_base(cases[:1], tmp_path, CPU, bundled_model(), silent)
    assert rows[0]["found"] and rows[0]["dice"] > 0.9
    assert rows[0]["signs"]["drawn at mm"] == 0.2
    assert evaluate_base(cases[:1], tmp_path, CPU, bundled_model(), silent) == rows


def test_a_model_file_keeps_table_and_calibration(trained, tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for n in range(10):
        signs = {"helicotrema": 0.6, "oval window": 0.5, "round window": 0.5, "ambiguity": 0.1 * n,
                 "drawn at mm": 0.8}  # fmt: skip
        errors = {f"{name} mm": rng.uniform(0.1, 0.5) for name in list(signs)[:3]}
        rows.append({"case": str(n), "fold": n % 2, "copy": "as scanned", "found": True,
                     "signs": signs, "dice": 0.9 - 0.01 * n, **errors})  # fmt: skip
    calibration = calibrate(rows)
    content = {
        "command": "innerearseg crossval X", "steps": {"orient": [2, 2], "refine": [0, 0]},
        "summary": summarise(rows), "reliability": reliability(rows),
        "calibration": calibration.to_json(),
    }  # fmt: skip
    file = tmp_path / "model.pt"
    export(
        trained / "fold-1", file, version="1", base=bundled_model(), any_base=True,
        crossval=json.loads(json.dumps(content)),
    )  # fmt: skip
    bundle = load_bundle(file, torch.device("cpu"))
    expected = calibration.radius_mm("helicotrema", 0.6)
    assert bundle.calibration.radius_mm("helicotrema", 0.6) == pytest.approx(expected)
    assert bundle.calibration.expected_dice(
        {"ambiguity": 0.0, "drawn at mm": 0.8}
    ) == pytest.approx(0.9)
    assert read_card(file)["crossval"]["command"] == "innerearseg crossval X"
    text = file.with_suffix(".md").read_text(encoding="utf-8")
    assert "## Cross-validation" in text and "| as scanned |" in text
