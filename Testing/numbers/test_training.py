"""Training runs, stops, goes on, and exports a file that loads."""

import csv
import dataclasses
import json
import re
import shutil

import pytest
import torch

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.model.bundle import load_model
from InnerEarSegLib.model.card import read_card
from InnerEarSegLib.model.config import NetworkConfig
from InnerEarSegLib.training.base import read_start
from InnerEarSegLib.training.config import (
    AugmentationConfig,
    Config,
    LossConfig,
    NetworkTraining,
    OptimiserConfig,
)
from InnerEarSegLib.training.export import export
from InnerEarSegLib.training.mean_ear import mean_ear
from InnerEarSegLib.training.run import read_run, train
from InnerEarSegLib.training.trainer import (
    arithmetic,
    build_optimiser,
    learning_rate,
    steps_done,
    trained_network,
)

from ..conftest import specimen_of

CPU = torch.device("cpu")
METRICS = {"command": "innerearseg evaluate X", "summary": {}, "cases": [{"case": "S1"}],
           "model": "tiny 1.1, SHA-256 77aa"}  # fmt: skip


@pytest.fixture(scope="module")
def cases():
    from InnerEarSegLib.synthetic.files import random_ear

    return [specimen_of(random_ear(12, index), f"S{index}") for index in range(2)]


def tiny(steps: int = 6, **changes) -> Config:
    how = OptimiserConfig(steps=steps, warmup_steps=2, precision="float32")
    setup = NetworkTraining(0.8, (24, 24, 32), network=NetworkConfig((8, 16)), optimiser=how)
    return Config("tiny", setup, setup, setup, held_out=("S1",), validate_every=3, **changes)


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def finished(cases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(tiny(), cases, folder, CPU, say=silent)
    return folder


@pytest.fixture(scope="module")
def metrics(finished, tmp_path_factory):
    """A summary of `evaluate` of the model of the finished run."""
    card = export(finished, tmp_path_factory.mktemp("measured") / "m.pt", version="0", say=silent)
    return METRICS | {"weights_sha256": card["weights_sha256"]}


def weights(folder, name="refine"):
    state = torch.load(folder / name / "checkpoint.pt", weights_only=True)
    return torch.cat([value.flatten().float() for value in state["network"].values()])


def test_a_damaged_checkpoint_is_said(finished, tmp_path):
    whole = (finished / "refine" / "checkpoint.pt").read_bytes()
    for content in (b"no checkpoint", whole[: len(whole) // 2]):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        with pytest.raises(UnusableInput, match=r"checkpoint\.pt is damaged; remove it"):
            steps_done(tmp_path)


def test_log_can_be_plotted(finished):
    with (finished / "refine" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "6" and float(rows[-1]["loss"]) > 0
    assert 0 <= float(rows[-1]["held_out_dice"]) <= 1


def test_a_finished_training_says_so_and_changes_nothing(cases, finished):
    before = weights(finished)
    said = []
    train(tiny(), cases, finished, CPU, say=said.append)
    assert said == [f"{name}: all 6 steps are done" for name in ("locate", "orient", "refine")]
    assert torch.equal(weights(finished), before)


def test_interrupted_and_resumed_equals_uninterrupted(cases, finished, tmp_path, monkeypatch):
    class Stop(Exception):
        pass

    def stop_at_four(line: str) -> None:
        if line.startswith("refine: step 4"):
            raise Stop

    monkeypatch.setattr("InnerEarSegLib.training.trainer.LOG_EVERY", 1)
    monkeypatch.setattr("InnerEarSegLib.training.trainer.CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Stop):
        train(tiny(), cases, tmp_path / "run", CPU, say=stop_at_four)
    assert steps_done(tmp_path / "run" / "refine") == 3
    train(tiny(), cases, tmp_path / "run", CPU, say=silent)
    assert steps_done(tmp_path / "run" / "refine") == 6
    assert torch.allclose(weights(tmp_path / "run"), weights(finished), atol=1e-6)


def test_a_run_of_earlier_code_goes_on_and_another_config_is_refused(cases, finished, tmp_path):
    with pytest.raises(UnusableInput, match="holds a run of another config"):
        train(tiny(steps=9), cases, finished, CPU, say=silent)
    # Its description lacks the fields that came since; their defaults are what it did.
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    content = json.loads((folder / "run.json").read_text())
    for stage in ("locate", "orient", "refine"):
        del content["config"][stage]["loss"]["tasks"]
        del content["config"][stage]["network"]["squeeze_excite"]
    del content["records"]
    (folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(UnusableInput, match="does not say where its data come from"):
        export(folder, tmp_path / "m.pt", version="1")
    train(tiny(), cases, folder, CPU, say=silent)
    assert read_run(folder).records == read_run(finished).records
    assert "tasks" in json.loads((folder / "run.json").read_text())["config"]["orient"]["loss"]

    with pytest.raises(UnusableInput, match="S9"):
        train(dataclasses.replace(tiny(), held_out=("S9",)), cases, tmp_path, CPU, say=silent)


def test_export_round_trip(finished, metrics, tmp_path):
    file = tmp_path / "é model.pt"
    card = export(finished, file, version="1.2", metrics=metrics, notes=["Short."])
    assert read_card(file) == json.loads(json.dumps(card))
    bundle = load_model(file, CPU)
    assert bundle.identity.version == "1.2" and len(bundle.identity.sha256) == 64
    assert card["training"]["trained_on"] == ["case 1"]
    assert card["training"]["held_out_to_choose_by"] == ["case 2"]
    assert not bundle.draws_any and "draws" not in card["refine"]
    assert card["refine"]["steps"] == 6 and card["licence"] == "unknown; do not share"
    text = file.with_suffix(".md").read_text(encoding="utf-8")
    assert "# é model 1.2" in text and "- Short." in text
    logits, heatmaps = bundle.refine.module(torch.zeros(1, 1, *bundle.refine.shape))
    assert logits.dtype == torch.float32 and heatmaps.shape[1] == 5


def any_ct(**changes) -> Config:
    """A tiny training whose ``refine`` is of the bundled recipe."""
    config = tiny(**changes)
    refine = dataclasses.replace(
        config.refine,
        window=(16, 16, 24),
        inference_window=(16, 24, 32),
        network=NetworkConfig(
            (8, 16, 16), deep_supervision=True, landmarks_from="second", mean_ear=True
        ),
        augmentation=AugmentationConfig(rescan=0.6, fluid=0.6, crop=0.05),
        loss=LossConfig(core=0.15, septum=0.03),
    )
    return dataclasses.replace(config, refine=refine)


def test_a_network_for_any_ct_trains_and_is_exported(cases, finished, tmp_path):
    export(finished, tmp_path / "base.pt", version="1", name="tiny")
    config = dataclasses.replace(any_ct(), held_out=())
    start = read_start(tmp_path / "base.pt", config)
    said = []
    train(config, cases, tmp_path / "run", CPU, start=start, only=("refine",), say=said.append)
    assert re.match(r"refine: [\d,]+ of [\d,]+ weights are of tiny 1 \(SHA-256 ", said[0])
    with (tmp_path / "run" / "refine" / "log.csv").open() as file:
        row = list(csv.DictReader(file))[-1]
    assert 0 < float(row["core_loss"]) < 1 and 0 <= float(row["septum_loss"]) < 1

    file = tmp_path / "m.pt"
    card = export(tmp_path / "run", file, version="2", base=tmp_path / "base.pt")
    model = load_model(file, CPU)
    assert model.draws_any and model.refine.shape == (16, 24, 32)
    assert card["training"]["trained_on"] == ["case 1", "case 2"]
    (model_before,) = card["inherited"]
    assert model_before["unchanged"] == ("locate", "orient")
    assert model_before["fingerprints"] == (cases[0].fingerprint,)
    assert 0 < model_before["first_weights"]["refine"] < card["refine"]["parameters"]
    text = file.with_suffix(".md").read_text(encoding="utf-8")
    assert "### tiny 1\n" in text and "any CT" in text
    assert "- `orient`: its network, unchanged." in text and "`refine`: its" not in text
    # What the file computes is what was trained, the mean ear of both specimens included.
    network = trained_network(config, "refine", tmp_path / "run" / "refine")
    expected = mean_ear(cases, start.template, config.refine)
    assert torch.equal(network.mean_ear[0, 0], expected) and expected.max() > 0.5
    ct = torch.randn(1, 1, *model.refine.shape)
    with torch.no_grad():
        for mine, theirs in zip(network.half().float()(ct), model.refine.module(ct), strict=True):
            assert mine.shape[2:] == ct.shape[2:] and torch.allclose(mine, theirs, atol=1e-4)


def test_a_start_gives_its_weights_and_its_canonical_ear(cases, finished, tmp_path, capsys):
    export(finished, tmp_path / "base.pt", version="1")
    start = read_start(tmp_path / "base.pt", tiny())
    still = dataclasses.replace(tiny().refine.optimiser, steps=1, learning_rate=0.0)
    setup = dataclasses.replace(tiny().refine, optimiser=still)
    config = dataclasses.replace(tiny(), held_out=(), refine=setup)
    train(config, cases, tmp_path / "run", CPU, start=start, only=("refine",), say=silent)
    mine = torch.load(tmp_path / "run" / "refine" / "checkpoint.pt", weights_only=True)["network"]
    assert mine.keys() == start.weights["refine"].keys()
    for name, values in mine.items():
        assert torch.equal(values, start.weights["refine"][name].float())
    run, earlier = read_run(tmp_path / "run"), read_run(finished)
    assert run.template == earlier.template and run.trained_on == ("S0", "S1")
    # The run goes on only with the same start.
    with pytest.raises(UnusableInput, match="from another model"):
        train(config, cases, tmp_path / "run", CPU, only=("refine",), say=silent)
    with pytest.raises(UnusableInput, match="was trained on the held-out cases S0"):
        held = dataclasses.replace(config, held_out=("S0",))
        train(held, cases, tmp_path / "other", CPU, start=start, say=silent)
    assert not (tmp_path / "other").exists()


def test_a_start_that_cannot_be_read_is_refused_before_the_data(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(dataclasses.asdict(tiny())))
    (tmp_path / "broken.pt").write_bytes(b"PK")
    words = ["train", str(tmp_path / "config.json"), "--data", str(tmp_path / "no data")]
    for name, sentence in (("none", "none.pt cannot be read: No"), ("broken", "cut short or no")):
        start = ["--output", str(tmp_path / "run"), "--from", str(tmp_path / f"{name}.pt")]
        assert main([*words, *start]) == 2
        said = capsys.readouterr().err
        assert sentence in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_base_of_another_canonical_ear_stands_in_for_nothing(cases, finished, tmp_path):
    both = dataclasses.replace(tiny(steps=1), held_out=())
    train(both, cases, tmp_path / "both", CPU, say=silent)
    export(tmp_path / "both", tmp_path / "base.pt", version="1")
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "locate")
    with pytest.raises(UnusableInput, match="has another canonical ear"):
        export(tmp_path / "run", tmp_path / "m.pt", version="1", base=tmp_path / "base.pt")


@pytest.mark.parametrize(("change", "sentence"), [
    ({"cases": [{"case": "S1"}, {"case": "S0"}]}, r"trained on \(S0\)"),
    ({"cases": [{"case": "P1", "trained_on": True}]}, r"trained on \(P1\)"),
    ({"cases": []}, "holds no case"),
    ({"cases": None}, "is no summary.json of `innerearseg evaluate`"),
])  # fmt: skip
def test_metrics_that_say_nothing_of_new_cases_are_refused(
    finished, metrics, tmp_path, change, sentence
):
    with pytest.raises(UnusableInput, match=sentence):
        export(finished, tmp_path / "x.pt", version="1", metrics=metrics | change)
    assert not (tmp_path / "x.pt").exists()


@pytest.mark.parametrize(("output", "sentence"), [
    ("bad.csv/m.pt", r"bad\.csv cannot be written: it is a file"),
    ("folder", "folder is a folder; --output needs a file"),
    ("m.md", "end its name in .pt"),
    ("/proc/nope/m.pt", "/proc/nope cannot be written"),
])  # fmt: skip
def test_a_model_file_that_cannot_be_written_is_refused_first(tmp_path, output, sentence, capsys):
    """There is no run either, which would be said next."""
    (tmp_path / "bad.csv").write_text("x")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    words = ["export", str(tmp_path / "no run"), "--output", str(tmp_path / output)]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert re.search(sentence, said) and said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_export_leaves_the_earlier_model_and_its_card(finished, tmp_path, monkeypatch):
    file = tmp_path / "m.pt"
    for name in ("m.pt", "m.md"):
        (tmp_path / name).write_text("of an earlier run")

    def full(card):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("InnerEarSegLib.training.export.card_text", full)
    with pytest.raises(UnusableInput, match="cannot be written: No space left on device"):
        export(finished, file, version="1")
    now = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert now == dict.fromkeys(("m.pt", "m.md"), "of an earlier run")


def test_a_broken_summary_or_run_folder_is_refused(tmp_path, capsys):
    (tmp_path / "broken.json").write_text('{"summary": ')
    words = ["export", str(tmp_path), "--output", str(tmp_path / "m.pt")]
    for more, sentence in (
        (["--metrics", "broken.json"], "is no summary.json of `innerearseg evaluate`"),
        (["--metrics", "none.json"], "none.json cannot be read: No such file or directory."),
        ([], "is no run folder of"),
    ):
        assert main([*words, *(str(tmp_path / m) if "." in m else m for m in more)]) == 2
        assert sentence in capsys.readouterr().err and not (tmp_path / "m.pt").exists()


def test_heatmaps_that_are_no_logits_are_not_exported(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    content = json.loads((folder / "run.json").read_text())
    content["config"]["locate"]["loss"]["heatmaps"] = "squares"
    (folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(UnusableInput, match="trained as 'squares'"):
        export(folder, tmp_path / "x.pt", version="0")
    assert not (tmp_path / "x.pt").exists()


def test_rounded_convolutions_are_what_bfloat16_gives():
    torch.manual_seed(0)
    x, w = torch.randn(1, 4, 5, 5, 5), torch.randn(2, 4, 3, 3, 3)
    with arithmetic(OptimiserConfig(precision="rounded"), CPU):
        rounded = torch.nn.functional.conv3d(x, w)
    emulated = torch.nn.functional.conv3d(x.bfloat16(), w.bfloat16()).float()
    exact = torch.nn.functional.conv3d(x, w)
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    assert torch.allclose(rounded, emulated, rtol=2**-7)
    with arithmetic(OptimiserConfig(precision="float32"), CPU):
        assert torch.equal(torch.nn.functional.conv3d(x, w), exact)


@pytest.mark.parametrize(("kind", "weight"), [
    ("adamw", 1.0 - 0.1 - 1.0),  # decay on its own, and Adam's first step of length 1
    ("adam", 1.0 - 1.0),  # decay within the gradient, whose size does not count
    ("sgd", 1.0 - 1.99 * (1.0 + 0.1)),  # Nesterov: the gradient and 0.99 of its momentum
])  # fmt: skip
def test_the_first_step_of_each_optimiser_by_hand(kind, weight):
    """Weight 1, gradient 1, weight decay 0.1, rate 1."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    optimiser = build_optimiser(layer, OptimiserConfig(kind=kind, weight_decay=0.1))
    layer.weight.grad = torch.ones(1, 1)
    optimiser.step()
    assert float(layer.weight) == pytest.approx(weight, abs=1e-5)


def test_learning_rate_warms_up_and_decays():
    how = OptimiserConfig(steps=100, learning_rate=1.0, warmup_steps=10)
    assert learning_rate(how, 0) == pytest.approx(0.1)
    assert learning_rate(how, 9) == pytest.approx(0.98, abs=0.01)
    assert learning_rate(how, 100) == pytest.approx(0.01)
    constant = dataclasses.replace(how, schedule="constant")
    assert [learning_rate(constant, n) for n in (0, 9, 100)] == pytest.approx([0.1, 1.0, 1.0])
