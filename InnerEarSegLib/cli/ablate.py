"""``innerearseg ablate``: what becomes of a training when one thing is changed."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from ..errors import UnusableInput
from .arguments import add_data, add_devices, chosen_devices, say

REPORT = "report"
OUTCOMES = {
    "done": "done",
    "diverged": "done, whose loss was no longer a number",
    "taken": "left to another process that is at it",
}


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
    add_data(parser, required=False)
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
    add_devices(parser)
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that draw samples for each run"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="the I-th of N parts, for machines without a shared folder"
    )
    parser.add_argument(
        "--against", type=Path, metavar="CSV",
        help="of a report: whether figures lie in the intervals of this earlier ablation.csv",
    )  # fmt: skip
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Do what is left of a study, or report on it."""
    if options.plan == REPORT:
        if options.runs is None:
            raise UnusableInput("Which study? innerearseg ablate report RUNS")
        from ..ablation.report import write_report

        output = options.output or options.runs / "report"
        say("\n".join(write_report(options.runs, output, options.against)))
        return 0
    if options.runs is not None:
        raise UnusableInput(f"{options.runs} is one argument too many; see innerearseg ablate -h.")
    if options.data is None or options.output is None:
        raise UnusableInput("ablate needs --data and --output.")
    if options.budget_steps is not None and options.budget_steps < 1:
        raise UnusableInput("--budget-steps must be 1 or more.")
    return _train(options)


def _train(options: argparse.Namespace) -> int:
    from ..ablation.plan import load_plan
    from ..ablation.runs import Run, do_run, open_study
    from ..evaluation.crossval import cached_cases, each_task

    try:
        import scipy  # noqa: F401
    except ModuleNotFoundError:
        raise UnusableInput("ablate needs scipy: pip install 'innerearseg[evaluation]'.") from None
    plan = load_plan(options.plan, options.budget_steps)
    devices = chosen_devices(options)
    data, output = options.data.resolve(), options.output.resolve()
    cases = cached_cases(data, plan.synthetic, plan.synthetic_seed)
    study = open_study(plan, cases, options.folds, output)
    wanted = study.runs(options.only, options.shard)
    left = [run for run in wanted if study.result(*run) is None]
    say(f"{len(wanted) - len(left)} of {len(wanted)} runs are finished")
    runs = [Run(output, data, name, fold, options.workers) for name, fold in left]
    outcomes: Counter[str] = Counter(each_task(do_run, runs, devices, options.scheduler))
    for outcome, meaning in OUTCOMES.items():
        if outcomes[outcome]:
            say(f"{outcomes[outcome]} runs {meaning}")
    say(f"Next: innerearseg ablate report {options.output}")
    return 0
