"""``innerearseg ablate`` and ``ablate-report``: what one change makes of a training."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from .arguments import (
    add_data,
    add_devices,
    chosen_devices,
    names,
    packages_of,
    say,
    whole_number_from,
)

OUTCOMES = {
    "done": "done",
    "diverged": "done, whose loss was no longer a number",
    "taken": "left to another process that is at it",
}


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add both commands with their arguments."""
    parser = commands.add_parser(
        "ablate",
        help="train variations of one change each",
        description="Trains a plan's basal network and its variations, or goes on where an "
        "earlier call stopped.",
    )
    parser.add_argument(
        "plan", metavar="PLAN", type=Path, help="JSON; see training/configs/ablation.json"
    )
    add_data(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="RUNS")
    parser.add_argument(
        "--folds", type=whole_number_from(2), default=5, metavar="N",
        help="each specimen is held out in one of N",
    )  # fmt: skip
    parser.add_argument(
        "--budget-steps", type=whole_number_from(1), metavar="N",
        help="optimiser steps, instead of the plan's",
    )  # fmt: skip
    parser.add_argument(
        "--only", type=names, metavar="A,B", help="these variations alone (basal is one)"
    )
    add_devices(parser)
    parser.add_argument(
        "--workers", type=whole_number_from(0), default=0,
        help="processes that draw samples for each run",
    )  # fmt: skip
    parser.add_argument(
        "--shard", metavar="I/N", help="the I-th of N parts, for machines without a shared folder"
    )
    parser.set_defaults(run=ablate, resumes=True)

    parser = commands.add_parser("ablate-report", help="compare the finished runs of `ablate`")
    parser.add_argument("runs", metavar="RUNS", type=Path, help="output of `innerearseg ablate`")
    parser.add_argument("--output", type=Path, metavar="DIR", help="by default RUNS/report")
    parser.add_argument(
        "--against", type=Path, metavar="CSV",
        help="whether figures lie in the intervals of this earlier ablation.csv",
    )  # fmt: skip
    parser.set_defaults(run=report)


def report(options: argparse.Namespace) -> int:
    """Write a study's tables and pictures, and print what they show."""
    from ..ablation.report import write_report

    output = options.output or options.runs / "report"
    say("\n".join(write_report(options.runs, output, options.against)))
    return 0


def ablate(options: argparse.Namespace) -> int:
    """Do what is left of a study."""
    from ..ablation.plan import load_plan
    from ..ablation.runs import Run, do_run, open_study
    from ..evaluation.crossval import cached_cases, each_task

    with packages_of("evaluation", "ablate"):
        import scipy  # noqa: F401

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
    say(f"Next: innerearseg ablate-report {options.output}")
    return 0
