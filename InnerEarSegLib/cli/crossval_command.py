"""``innerearseg crossval``: how good a recipe is on specimens that its networks never saw."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("crossval", help="train and measure on folds of the specimens")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="JSON; see training/configs")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder, or a file of `innerearseg pack`"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="RUNS")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument(
        "--stages", metavar="A,B", help="train these stages alone: locate, orient, refine"
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="MODEL",
        help="whose networks stand in for the other stages; the bundled model by default",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw samples")
    parser.add_argument(
        "--train-only", action="store_true", help="do not measure: that needs more than torch"
    )
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Train the folds, measure, calibrate, and write the summary; resumable at any point."""
    from ..inferring.device import choose_device
    from ..training.config import load_config
    from ..training.data import load_cases
    from ..training.folds import train_folds

    config = load_config(options.config)
    only = options.stages.split(",") if options.stages else ()
    device = choose_device(options.device)
    if not options.train_only:
        _check_libraries()  # before hours of training, not after them
    cases = load_cases(options.data, config.synthetic, config.seed, say)
    train_folds(
        config, cases, options.folds, options.output, device, workers=options.workers, only=only,
        say=say,
    )  # fmt: skip
    if not options.train_only:
        _measure(options, cases, device)
    return 0


def _check_libraries() -> None:
    """Refuse, in one sentence, to start without what measuring needs."""
    from ..errors import UnusableInput

    try:
        from ..evaluation import masks, plots, summary  # noqa: F401
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"crossval needs {error.name} (pip install 'innerearseg[evaluation]'), or --train-only."
        ) from None


def _measure(options: argparse.Namespace, cases: list, device: torch.device) -> None:
    """Measure the folds' networks, calibrate, and write and print the summary."""
    from ..evaluation.calibrate import (
        calibrate,
        dice_agreement,
        reliability,
        reliability_sentences,
        with_radii,
    )
    from ..evaluation.crossval import (
        as_scanned,
        evaluate_base,
        evaluate_folds,
        networks_trained,
    )
    from ..evaluation.plots import draw_plots, draw_reliability
    from ..evaluation.summary import sentences, summarise, write_tables
    from ..model_file import bundled_model

    output, base = options.output, options.base or bundled_model()
    rows = evaluate_folds(cases, options.folds, output, device, base=base, say=say)
    drawn = evaluate_base(cases, output, device, base, say)
    held = reliability(rows)
    judged = with_radii(rows)
    accuracy, agreement = as_scanned(judged), dice_agreement(judged)
    command = f"innerearseg crossval {options.config} --data {shlex.quote(str(options.data))}"
    command += f" --output {shlex.quote(str(output))} --folds {options.folds}"
    command += f" --stages {options.stages}" if options.stages else ""
    write_tables(
        accuracy, output, command, steps=networks_trained(output, options.folds),
        calibration=calibrate(rows, drawn).to_json(), reliability=held, dice_agreement=agreement,
    )  # fmt: skip
    draw_plots(accuracy, output)
    draw_reliability(held, output / "reliability.png")
    say("\n".join([*sentences(summarise(accuracy)), *reliability_sentences(held)]))
    if agreement is not None:
        say("Expected against real Dice, all copies: correlation {correlation:.2f}, mean "
            "difference {mean_difference:.3f}, {cases} pairs".format(**agreement))  # fmt: skip
    say(f"Files: {output}")
