"""`innerearseg ablate` is killed, goes on, skips what is finished, and reports."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from InnerEarSegLib.ablation.runs import Run, do_run, read_study
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.parallel import Place

from .conftest import PLAN

REPOSITORY = Path(__file__).parents[2]
STEPS = 30
HERE = Place("cpu", 1)


def ablate(plan_file, data, runs, *more: str) -> list[str]:
    return ["ablate", str(plan_file), "--data", str(data), "--output", str(runs), "--folds", "2",
            "--budget-steps", str(STEPS), *more]  # fmt: skip


def results(runs: Path) -> dict[str, float]:
    return {str(p.relative_to(runs)): p.stat().st_mtime for p in runs.glob("*/*/result.json")}


@pytest.mark.slow
def test_a_study_is_killed_goes_on_and_reports(plan_file, data, tmp_path, capfd):
    runs = tmp_path / "runs"
    command = ablate(plan_file, data, runs, "--devices", "cpu")
    process = subprocess.Popen(
        [sys.executable, "-m", "InnerEarSegLib", *command],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:  # in the middle of the second run
        if line.startswith("relu, fold 1: step 25"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = results(runs)
    assert "basal/fold-1/result.json" in before and len(before) < 6
    assert (runs / "relu" / "fold-1" / "run.json").is_file()

    assert main(ablate(plan_file, data, runs, "--devices", "cpu,cpu")) == 0
    printed = capfd.readouterr().out
    assert f"{len(before)} of 6 runs are finished" in printed
    assert f"{6 - len(before)} runs done" in printed
    after = results(runs)
    assert len(after) == 6 and before.items() <= after.items()  # by their times of writing

    report = ["ablate-report", str(runs), "--output", str(tmp_path / "report")]
    assert main(report) == 0
    assert "Does learning both tasks together help each?" in capfd.readouterr().out
    assert main([*report, "--against", str(tmp_path / "report" / "ablation.csv")]) == 0
    printed = capfd.readouterr().out
    assert printed.count(" again, within ") == 8 and "OUTSIDE" not in printed
    with (tmp_path / "report" / "ablation.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["basal", "relu", "segmentation-alone"]
    for row in rows.values():
        assert (row["folds"], row["cases"], row["steps"]) == ("2", "4", str(STEPS))
        assert 0 <= float(row["dice"]) <= 1 and float(row["assd_mm"]) > 0
    assert rows["segmentation-alone"]["landmark_mm"] == ""
    assert float(rows["relu"]["landmark_mm"]) > 0

    # All are done: nothing is trained again, and another budget does not go into this folder.
    assert main(ablate(plan_file, data, runs)) == 0
    assert "6 of 6 runs are finished" in capfd.readouterr().out
    assert main([*ablate(plan_file, data, runs), "--budget-steps", "7"]) == 2
    assert "another budget" in capfd.readouterr().err
    assert results(runs) == after


@pytest.fixture(scope="module")
def one_run(data, tmp_path_factory):
    """A study of which one run is done."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "plan.json").write_text(json.dumps(PLAN))
    arguments = ablate(folder / "plan.json", data, folder / "runs", "--only", "basal")
    assert main([*arguments, "--shard", "1/2", "--budget-steps", "6", "--devices", "cpu"]) == 0
    return folder / "runs"


def test_a_result_tells_all_that_a_row_needs(one_run):
    assert list(results(one_run)) == ["basal/fold-1/result.json"]  # by --only and --shard
    result = json.loads((one_run / "basal" / "fold-1" / "result.json").read_text())
    names = [case["name"] for case in result["cases"]]
    assert result["held_out"] == names == ["S0", "S2"]
    assert result["steps"] == 6 and result["study"]["network"]["channels"] == [4, 8]
    assert result["diverged"] is None and len(result["code_revision"]) >= 7
    run = json.loads((one_run / "basal" / "fold-1" / "run.json").read_text())
    assert run["trained_on"] == ["S1", "S3"]


def test_the_same_run_again_gives_the_same_figures(one_run, data, tmp_path):
    assert read_study(one_run).folds == (("S0", "S2"), ("S1", "S3"))
    (tmp_path / "study.json").write_text((one_run / "study.json").read_text())
    assert do_run(Run(tmp_path, data, "basal", 0), HERE) == "done"
    first, again = (read_study(f).result("basal", 0) for f in (one_run, tmp_path))
    for one, other in zip(first["cases"], again["cases"], strict=True):
        assert one["landmark_mm"] == pytest.approx(other["landmark_mm"], rel=1e-3)


def test_a_run_that_another_process_does_is_left_to_it(one_run, data):
    run = Run(one_run, data, "relu", 0)
    folder = one_run / "relu" / "fold-1"
    folder.mkdir(parents=True)
    with FileLock(folder / "claim.lock"):
        assert do_run(run, HERE) == "taken"
    assert not (folder / "run.json").exists()


def test_a_training_that_diverges_is_a_result(one_run, data, tmp_path):
    content = json.loads((one_run / "study.json").read_text())
    content["plan"]["basal"]["optimiser"]["learning_rate"] = 1e30
    (tmp_path / "study.json").write_text(json.dumps(content))
    assert do_run(Run(tmp_path, data, "basal", 0), HERE) == "diverged"
    result = json.loads((tmp_path / "basal" / "fold-1" / "result.json").read_text())
    assert "not a number at step 2" in result["diverged"] and result["cases"] == []
    assert do_run(Run(tmp_path, data, "basal", 0), HERE) == "diverged"


def test_chosen_and_shards_by_hand(one_run):
    study = read_study(one_run)
    runs = study.runs()
    names = ("basal", "relu", "segmentation-alone")
    assert runs == [(name, fold) for fold in (0, 1) for name in names]
    assert study.runs(["relu"]) == [("relu", 0), ("relu", 1)]
    with pytest.raises(UnusableInput, match="no variation 'gelu'; it has"):
        study.runs(["relu", "gelu"])
    parts = [study.runs(None, f"{n}/4") for n in (1, 2, 3, 4)]
    assert sorted(run for part in parts for run in part) == sorted(runs)
    assert parts[0] == [runs[0], runs[4]]
    for wrong in ("0/3", "4/3", "1", "a/b", "-1/2"):
        with pytest.raises(UnusableInput, match="is not one of"):
            study.runs(None, wrong)


@pytest.mark.parametrize(("arguments", "message"), [
    (["ablate", "plan.json", "--data", "x", "--output", "y"], "plan plan.json cannot be read"),
    (["ablate-report", "nowhere"], "nowhere is no folder of"),
])  # fmt: skip
def test_what_cannot_be_done_is_said(arguments, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capfd.readouterr().err
    assert message in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_does_not_answer(plan_file, data, tmp_path, capfd, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("InnerEarSegLib.parallel.ANSWER_SECONDS", 1)
    command = ablate(plan_file, data, tmp_path / "runs")
    assert main([*command, "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "does not answer" in capfd.readouterr().err


def test_runs_on_a_cluster(plan_file, data, tmp_path, capfd):
    """A real Dask scheduler with two workers, which are threads of this process."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    )
    with cluster:
        command = ablate(plan_file, data, tmp_path / "runs", "--only", "basal")
        scheduler = cluster.scheduler_address
        assert main([*command, "--budget-steps", "4", "--scheduler", scheduler]) == 0
    assert "2 runs done" in capfd.readouterr().out
    assert len(results(tmp_path / "runs")) == 2
    assert torch.get_num_threads() == 1
