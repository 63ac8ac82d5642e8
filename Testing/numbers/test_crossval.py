"""Cross-validation: folds, resume, and what a model file keeps of it."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation.calibrate import calibrate, reliability
from InnerEarSegLib.evaluation.crossval import (
    Fold,
    do_fold,
    each_task,
    measure_fold,
    networks_trained,
    whose_figures,
)
from InnerEarSegLib.evaluation.evaluate import summarise
from InnerEarSegLib.evaluation.held_out import HeldOut
from InnerEarSegLib.model.bundle import Model, load_model
from InnerEarSegLib.model.calibration import Calibration
from InnerEarSegLib.model.card import bundled_model, read_card
from InnerEarSegLib.parallel import Place
from InnerEarSegLib.training.base import BaseModel, read_base
from InnerEarSegLib.training.cases import pack
from InnerEarSegLib.training.export import export
from InnerEarSegLib.training.run import folds, folds_of
from InnerEarSegLib.types import Geometry, Segmentation, Volume

from ..conftest import specimen_of
from .test_training import CPU, cases, silent, tiny  # noqa: F401

CONFIG = Path(__file__).parents[2] / "InnerEarSegLib" / "training" / "configs" / "crossval.json"
BASE = bundled_model()
GRID = Geometry(np.eye(4), (2, 2, 2))


@pytest.fixture(scope="module")
def fold(cases, tmp_path_factory):  # noqa: F811
    """The first of two folds, which trained `orient` for two steps, as the second did."""
    folder = tmp_path_factory.mktemp("folds")
    pack(cases, folder / "cases.npz")
    config = dataclasses.replace(tiny(steps=2), held_out=())
    first = Fold(config, folder / "cases.npz", folder, 1, 2, ("orient",))
    for number in (1, 2):
        assert do_fold(dataclasses.replace(first, number=number), Place("cpu", 1)) == []
    return first


@pytest.fixture
def finds_nothing(monkeypatch):
    """Return what each call was told of ``fine``; the networks would find no ear either."""
    seen = []

    def segment(ct, bundle, *, fine):
        assert isinstance(ct, Volume) and isinstance(bundle, Model)
        seen.append(fine)
        return Segmentation((), bundle.identity, "cpu")

    monkeypatch.setattr("InnerEarSegLib.segmentation.pipeline.segment", segment)
    monkeypatch.setattr("InnerEarSegLib.evaluation.held_out.segment", segment)
    return seen


@pytest.fixture(autouse=True)
def as_scanned_alone(monkeypatch):
    monkeypatch.setattr("InnerEarSegLib.evaluation.simulated_scans.SCANS", ("as scanned",))


def test_every_specimen_is_held_out_once():
    names = ["F01", "F03", "F04", "F05", "T01"]
    assert folds(names, 2) == [("F01", "F04", "T01"), ("F03", "F05")]
    assert folds(names, 5) == [("F01",), ("F03",), ("F04",), ("F05",), ("T01",)]
    for count in (0, 1, 6):
        with pytest.raises(UnusableInput, match=f"make from 2 to 5 folds, not {count}"):
            folds(names, count)


def test_the_ears_of_a_patient_stay_in_one_fold(synthetic_ear):
    groups = {"al": "A", "ar": "A", "b": "", "c": "C", "dl": "D", "dr": "D"}
    ears = [dataclasses.replace(specimen_of(synthetic_ear, name), group=of)
            for name, of in groups.items()]  # fmt: skip
    # Groups, sorted: A, C, D, and b by its own name.
    assert folds_of(ears, 2) == [("al", "ar", "dl", "dr"), ("b", "c")]
    assert folds_of(ears, 2, by_case=True) == [("al", "b", "dl"), ("ar", "c", "dr")]
    with pytest.raises(UnusableInput, match="4 cases, or groups of them, make from 2 to 4 folds"):
        folds_of(ears, 5)


def test_folds_train_without_their_specimens(fold):
    trained = fold.output
    for number, (held, kept) in enumerate((("S0", "S1"), ("S1", "S0")), start=1):
        run = json.loads((trained / f"fold-{number}" / "run.json").read_text())
        assert run["config"]["held_out"] == [held] and run["trained_on"] == [kept]
    assert networks_trained(trained, 2) == {"locate": [0, 0], "orient": [2, 2], "refine": [0, 0]}


def test_the_command_measures_once_with_the_same_networks(fold, tmp_path, finds_nothing, capsys):
    output, config = tmp_path / "runs", tmp_path / "config.json"
    shutil.copytree(fold.output, output)
    config.write_text(json.dumps(dataclasses.asdict(fold.config)))
    words = ["crossval", str(config), "--data", str(fold.data), "--output", str(output)]
    words += ["--folds", "2", "--device", "cpu", "--workers", "0", "--networks"]
    assert main([*words, "orient"]) == 0
    said = capsys.readouterr().out
    assert "Trained: orient. From InnerEarSeg bundled " in said and ": locate, refine.\n" in said
    assert "0 of 2 found" in said
    assert "These figures are of networks trained in the folds: orient\nand of " in said
    assert ": locate, which was trained on none of these cases, but on 15 others." in said
    assert "No fold trained refine: orient drew" in said
    summary = json.loads((output / "summary.json").read_text())
    assert [(row["case"], row["fold"]) for row in summary["cases"]] == [("S0", 1), ("S1", 2)]
    assert summary["summary"]["dice"]["mean"] == 0.0 and summary["steps"]["orient"] == [2, 2]
    assert "F01" in summary["base"]["trained_on"] and summary["command"].endswith(
        "--networks orient"
    )
    assert finds_nothing == [False, False]
    assert main([*words, "orient"]) == 0 and len(finds_nothing) == 2
    # The base's refine, which may know the cases, draws none of them for plan-accuracy either.
    case = SimpleNamespace(name="S0", ct=Volume(np.zeros((2, 2, 2), np.int16), GRID), side=None)
    held_out = HeldOut.of(output)
    assert held_out.find(case, CPU) is None and finds_nothing[2:] == [False]
    assert held_out.whose[0].endswith(": orient") and held_out.seen == set()
    # Other networks, so the folds are measured anew.
    assert main([*words, "refine"]) == 0 and finds_nothing[3:] == [True, True]
    assert HeldOut.of(output).find(case, CPU) is None and finds_nothing[5:] == [True]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["steps"]["refine"] == [2, 2]
    # Had orient been the base's, which knows S1, its figures would say nothing of other ears.
    summary["steps"]["orient"], summary["base"]["seen"] = [0, 0], ["S1"]
    (output / "summary.json").write_text(json.dumps(summary))
    assert HeldOut.of(output).seen == {"S1"}
    (output / "summary.json").unlink()
    with pytest.raises(UnusableInput, match="runs was not measured; run"):
        HeldOut.of(output)
    (output / "fold-1" / "rows.json").write_text('{"rows": []}')  # as of earlier code
    with pytest.raises(UnusableInput, match="fold-1 was not measured; run"):
        HeldOut.of(output)


def test_figures_say_what_their_base_model_knows():
    base = BaseModel("B", "7", "0", ("S1", "T9"))
    assert whose_figures({"locate": [0, 0], "orient": [2, 2], "refine": [3, 0]}, base, ["S1"]) == [
        "These figures are of networks trained in the folds: orient",
        "and of B 7: locate, refine, which was trained on S1 of these cases and on 1 others.",
    ]
    assert len(whose_figures({"locate": [1], "orient": [1], "refine": [1]}, base, [])) == 1


def test_tasks_of_several_devices_are_done_in_processes_of_their_own(fold, tmp_path):
    pytest.importorskip("distributed")
    tasks = [dataclasses.replace(fold, output=tmp_path, number=number) for number in (1, 2)]
    assert list(each_task(do_fold, tasks, ["cpu", "cpu"])) == [[], []]
    assert networks_trained(tmp_path, 2)["orient"] == [2, 2]
    for name in ("fold-1", "fold-2"):
        one, other = (
            torch.load(folder / name / "orient" / "checkpoint.pt", weights_only=True)["network"]
            for folder in (tmp_path, fold.output)
        )
        assert all(torch.allclose(one[key], other[key], atol=1e-5) for key in one)


def test_measuring_goes_on_where_it_stopped(fold, cases, tmp_path, monkeypatch, finds_nothing):  # noqa: F811
    """Three scans of one specimen: it stops in the third, and goes on with that one."""
    shutil.copytree(fold.folder, tmp_path / "fold-1")
    scans = ("as scanned", "cone beam", "soft kernel")
    monkeypatch.setattr("InnerEarSegLib.evaluation.simulated_scans.SCANS", scans)
    own = dataclasses.replace(fold, output=tmp_path, base=BASE)

    def say(line):
        if "cone beam" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_fold(own, cases[:1], CPU, say)
    kept = json.loads((tmp_path / "fold-1" / "rows.json").read_text())["rows"]
    assert [row["scan"] for row in kept] == ["as scanned", "cone beam"]
    rows = measure_fold(own, cases[:1], CPU, silent)
    assert rows[:2] == kept and [row["scan"] for row in rows] == list(scans)
    assert len(finds_nothing) == 3 and {row["fold"] for row in rows} == {1}


def test_folds_are_measured_with_what_they_have(fold, tmp_path, finds_nothing, capsys):
    """The config asks for more steps than the folds have; none is trained."""
    output, config = tmp_path / "runs", tmp_path / "config.json"
    shutil.copytree(fold.output, output)
    config.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(tiny(50), held_out=()))))
    words = ["crossval", str(config), "--data", str(fold.data), "--output", str(output)]
    words += ["--devices", "cpu", "--measure-only", "--folds"]
    assert main([*words, "2"]) == 0 and len(finds_nothing) == 2
    assert networks_trained(output, 2) == {"locate": [0, 0], "orient": [2, 2], "refine": [0, 0]}
    summary = json.loads((output / "summary.json").read_text())
    assert summary["command"].endswith("--folds 2 --measure-only")
    # Fold 2 would be measured on a specimen that it was trained on.
    shutil.copytree(output / "fold-1", tmp_path / "swapped" / "fold-2")
    own = dataclasses.replace(fold, output=tmp_path / "swapped", number=2, base=BASE)
    with pytest.raises(UnusableInput, match="was trained on S1, which it should hold out"):
        do_fold(dataclasses.replace(own, measure_only=True), Place("cpu", 1))


def test_folds_start_from_a_model_that_knows_none_of_the_cases(fold, cases, tmp_path, capsys):  # noqa: F811
    do_fold(dataclasses.replace(fold, output=tmp_path / "runs", start=BASE), Place("cpu", 1))
    run = json.loads((tmp_path / "runs" / "fold-1" / "run.json").read_text())
    assert run["started_from"]["name"] == "InnerEarSeg bundled" and run["inherited"]["orient"] > 0
    knows = other_model(tmp_path / "knows.pt", fingerprints=[cases[1].fingerprint])
    config = tmp_path / "config.json"
    config.write_text(json.dumps(dataclasses.asdict(fold.config)))
    words = ["crossval", str(config), "--data", str(fold.data), "--output", str(tmp_path / "out")]
    assert main([*words, "--folds", "2", "--device", "cpu", "--from", str(knows)]) == 2
    assert "was trained on the held-out cases S" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def other_model(path, **training):
    """The bundled model, but for its card."""
    files = {"card.json": ""}
    module = torch.jit.load(str(BASE), map_location="cpu", _extra_files=files)
    card = json.loads(files["card.json"]) | {"version": "other"}
    card["training"] |= training
    torch.jit.save(module, str(path), _extra_files={"card.json": json.dumps(card)})
    return path


def test_rows_of_two_bases_are_not_mixed(fold, cases, tmp_path, finds_nothing):  # noqa: F811
    folder = tmp_path / "fold-1"
    shutil.copytree(fold.folder, folder)
    own = dataclasses.replace(fold, output=tmp_path, base=BASE)
    said: list[str] = []
    rows = measure_fold(own, cases[:1], CPU, said.append)
    kept = json.loads((folder / "rows.json").read_text())
    assert kept["made_with"]["base"] == hashlib.sha256(BASE.read_bytes()).hexdigest()
    assert measure_fold(own, cases[:1], CPU, said.append) == rows and len(said) == 1
    other = dataclasses.replace(own, base=other_model(tmp_path / "other.pt"))
    with pytest.raises(UnusableInput, match="was measured with another base model"):
        measure_fold(other, cases[:1], CPU, said.append)
    # Rows of earlier versions do not say with what they were made.
    (folder / "rows.json").write_text(json.dumps({"rows": kept["rows"]}))
    measure_fold(own, cases[:1], CPU, said.append)
    assert len(finds_nothing) == 2 and sum("measured again" in line for line in said) == 1


def test_what_does_not_fit_is_refused_before_data_are_read(tmp_path, capsys):
    base = read_base(BASE, dataclasses.replace(tiny(), held_out=()))
    assert "F01" in base.trained_on and len(base.sha256) == 64
    with pytest.raises(UnusableInput, match="other landmarks"):
        read_base(BASE, dataclasses.replace(tiny(), landmarks=("helicotrema",)))
    command = ["crossval", str(CONFIG), "--data", str(tmp_path / "no data"), "--output"]
    command.append(str(tmp_path / "out"))
    for more, sentence in (
        (["--networks", "orient, refin"], "There is no network 'refin'; there are locate"),
        (["--base", str(tmp_path / "none.pt")], "none.pt cannot be read"),
    ):
        assert main([*command, *more]) == 2 and sentence in capsys.readouterr().err
    assert main(["train", *command[1:], "--networks", "refin"]) == 2
    assert "There is no network 'refin'" in capsys.readouterr().err and not list(tmp_path.iterdir())
    (tmp_path / "out").write_text("a file")
    for words in (command, [*command, "--train-only"], ["train", *command[1:]]):
        assert main(words) == 2 and "it is a file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "crossval"])
def test_data_that_are_not_there_or_not_packed_are_refused(tmp_path, command, capsys):
    (tmp_path / "empty.npz").touch()
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", index=np.frombuffer(b"[3]", np.uint8))
    for name, sentence in (
        ("nope.npz", "nope.npz does not exist."),
        ("nope", "nope does not exist."),
        ("empty.npz", "was not written by `innerearseg pack`"),
        ("array.npy", "is not UTF-8 text"),
        ("other.npz", "was not written by `innerearseg pack`"),
    ):
        words = [command, str(CONFIG), "--data", str(tmp_path / name)]
        assert main([*words, "--output", str(tmp_path / "out"), "--device", "cpu"]) == 2
        assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


def summary_of(names, **changes):
    """Of a cross-validation with ten rows, of these cases in turn."""
    rng = np.random.default_rng(0)
    rows = []
    for n in range(10):
        signs = {"helicotrema": 0.6, "oval window": 0.5, "round window": 0.5}
        errors = {f"{name} mm": rng.uniform(0.1, 0.5) for name in signs}
        rows.append({"case": names[n % len(names)], "fold": n % 2, "scan": "as scanned",
                     "found": True, "signs": signs, "dice": 0.9 - 0.01 * n, **errors})  # fmt: skip
    content = {
        "command": "innerearseg crossval X", "steps": {"locate": [0], "orient": [2], "refine": [0]},
        "summary": summarise(rows), "reliability": reliability(rows), "cases": rows,
        "calibration": calibrate(rows).to_json(),
        "base": {"name": "B", "version": "7", "sha256": "0", "trained_on": ["S1", "T9"]},
    }  # fmt: skip
    return json.loads(json.dumps(content | changes))


def export_with(content, fold, tmp_path):
    """Export a fold with a cross-validation, and return the model file and its card."""
    file, run = tmp_path / "model.pt", fold.output / "fold-1"
    export(run, file, version="1", base=BASE, any_base=True, crossval=content)
    return file, file.with_suffix(".md").read_text(encoding="utf-8")


def test_a_model_file_keeps_table_and_calibration(fold, tmp_path):
    content = summary_of(["S0", "S1"])
    file, text = export_with(content, fold, tmp_path)
    calibration = load_model(file, CPU).calibration
    expected = Calibration.from_json(content["calibration"]).radius_mm("helicotrema", 0.6)
    assert calibration.radius_mm("helicotrema", 0.6) == pytest.approx(expected)
    assert read_card(file)["crossval"]["command"] == "innerearseg crossval …"
    for line in (
        "## Cross-validation",
        "| as scanned |",
        "by networks of a fold that never saw it: `orient` (2 steps a fold).",
        "`refine` took no part: `orient` drew, more coarsely.",
        "`locate`: of B 7, which saw 1 of these 2 cases in training.",
    ):
        assert line in text
    _, text = export_with(summary_of(["S0", "S1"], base=None), fold, tmp_path)
    assert "`locate`: of another model, which may have seen it." in text


@pytest.mark.parametrize(("change", "sentence"), [
    ({"cases": []}, "holds no case"),
    ({"cases": [{"case": "P1"}]}, "of other cases: it lacks S1"),
    ({"calibration": {}}, "found no ear"),
    ({"calibration": {"scale_mm": {}, "spread_mm": {}, "factors": {}}}, "no ear"),
    ({"calibration": {"scale_mm": 3}}, "found no ear"),
    ({"reliability": None, "steps": None, "cases": 5}, "no summary.json of"),
])  # fmt: skip
def test_a_foreign_or_empty_cross_validation_is_refused(fold, tmp_path, change, sentence):
    with pytest.raises(UnusableInput, match=sentence):
        export_with(summary_of(["S0", "S1"]) | change, fold, tmp_path)
    assert list(tmp_path.iterdir()) == []
