"""``innerearseg ablate``: what becomes of a training when one thing is changed."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

say = partial(print, flush=True)

REPORT = "report"


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "ablate",
        help="train variations of one change each, and compare them",
        usage="%(prog)s PLAN --data DATA --output RUNS [options]\n"
        "       %(prog)s report RUNS [--output DIR] [--against CSV]",
        description="Trains a plan's basal network and its variations, or goes on where an "
        "earlier call stopped; `report` compares what is finished.",
    )
    parser.add_argument("plan", metavar="PLAN", help="JSON; see training/configs/ablation.json")
    parser.add_argument("runs", metavar="RUNS", nargs="?", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help="dataset folder, or a file of `innerearseg pack`")
    parser.add_argument(
        "--output", type=Path, help="the study's folder; of a report: RUNS/report by default"
    )
    parser.add_argument(
        "--folds", type=int, default=5, metavar="N", help="each specimen is held out in one of N"
    )
    parser.add_argument(
        "--budget-steps", type=int, metavar="N", help="optimiser steps, instead of the plan's"
    )
    parser.add_argument("--only", metavar="A,B", help="these variations alone (basal is one)")
    parser.add_argument(
        "--devices",
        default="auto",
        metavar="A,B",
        help="one process for each: auto, cpu, cuda:0, ...; cpu,cpu does two runs at a time",
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that draw samples for each run"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="do the runs on this Dask cluster instead"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="the I-th of N parts, for machines without a shared folder"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="CSV",
        help="of a report: whether figures lie in the intervals of this earlier ablation.csv",
    )
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Do what is left of a study, or report on it."""
    from ..errors import UnusableInput

    if options.plan == REPORT:
        if options.runs is None:
            raise UnusableInput("Which study? innerearseg ablate report RUNS")
        return _report(options.runs, options.output or options.runs / "report", options.against)
    if options.runs is not None:
        raise UnusableInput(f"{options.runs} is one argument too many; see innerearseg ablate -h.")
    if options.data is None or options.output is None:
        raise UnusableInput("ablate needs --data and --output.")
    if options.budget_steps is not None and options.budget_steps < 1:
        raise UnusableInput("--budget-steps must be 1 or more.")
    return _train(options)


def _train(options: argparse.Namespace) -> int:
    from ..ablation.engine import do_all, do_all_on
    from ..ablation.plan import check_plan, load_plan
    from ..ablation.select import chosen, shard
    from ..ablation.study import open_study
    from ..ablation.work import Job, read_cases
    from ..model.device import choose_device

    plan = load_plan(options.plan)
    if options.budget_steps is not None:
        plan = plan.with_steps(options.budget_steps)
        check_plan(plan, str(options.plan))
    devices = options.devices.split(",")
    if options.scheduler is None:
        devices = [str(choose_device(device)) for device in devices]
    data, output = options.data.resolve(), options.output.resolve()
    study = open_study(plan, read_cases(data, plan), options.folds, output)
    wanted = shard(chosen(study.runs(), options.only), options.shard)
    left = [run for run in wanted if study.result(*run) is None]
    say(f"{len(wanted) - len(left)} of {len(wanted)} runs are finished")
    jobs = [Job(output, data, name, fold, options.workers) for name, fold in left]
    if options.scheduler is None:
        outcomes = do_all(jobs, devices, say)
    else:
        outcomes = do_all_on(options.scheduler, jobs, say)
    for outcome, meaning in (
        ("done", "done"),
        ("diverged", "done, whose loss was no longer a number"),
        ("taken", "left to another process that is at it"),
    ):
        if outcomes[outcome]:  # type: ignore[index]
            say(f"{outcomes[outcome]} runs {meaning}")  # type: ignore[index]
    say(f"Next: innerearseg ablate report {options.output}")
    return 0


def _report(runs: Path, output: Path, against: Path | None) -> int:
    from ..ablation.report import write_report

    for line in write_report(runs, output, against):
        say(line)
    return 0
