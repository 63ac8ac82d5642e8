"""``innerearseg crossval``: how good a recipe is on specimens that its folds did not train on."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import names, whole_number_from

if TYPE_CHECKING:
    import torch

    from ..training.base import Base
    from ..training.config import Config

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
        "--stages",
        type=names,
        metavar="A,B",
        help="train these stages alone: locate, orient, refine",
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="MODEL",
        help="whose networks stand in for the other stages; the bundled model by default",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument(
        "--workers",
        type=whole_number_from(0),
        default=1,
        help="processes that draw samples (0: in this process)",
    )
    parser.add_argument(
        "--train-only", action="store_true", help="do not measure: that needs more than torch"
    )
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Train the folds, measure, calibrate, and write the summary; resumable at any point."""
    from ..evaluation.files import check_folder
    from ..model.device import choose_device
    from ..training.cases import load_cases
    from ..training.config import load_config
    from ..training.folds import train_folds
    from ..training.run import check_networks

    config = load_config(options.config)
    only = options.stages or ()
    check_networks(config, only)
    check_folder(options.output)
    device = choose_device(options.device)
    base = None if options.train_only else _check(options, config)
    cases = load_cases(options.data, config.synthetic, config.seed, say)
    train_folds(
        config, cases, options.folds, options.output, device, workers=options.workers, only=only,
        say=say,
    )  # fmt: skip
    if base is not None:
        _measure(options, cases, device, base)
    return 0


def _check(options: argparse.Namespace, config: Config) -> Base:
    """Refuse what cannot be measured in the end before hours of training, not after them.

    Returns:
        What stands in for stages that are not trained.
    """
    from ..errors import UnusableInput
    from ..model.card import bundled_model
    from ..training.base import read_base

    try:
        from ..evaluation import metrics as masks  # noqa: F401
        from ..evaluation import plots, summary  # noqa: F401
        from ..evaluation.crossval import COPIES, check_same_base
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"crossval needs {error.name} (pip install 'innerearseg[evaluation]'), or --train-only."
        ) from None
    path = options.base or bundled_model()
    base = read_base(path, config)
    check_same_base(options.output, options.folds, path, list(COPIES))
    return base


def _measure(options: argparse.Namespace, cases: list, device: torch.device, base: Base) -> None:
    """Measure the folds' networks, calibrate, and write and print the summary."""
    from ..evaluation.calibrate import (
        calibrate,
        dice_agreement,
        reliability,
        reliability_sentences,
        with_radii,
    )
    from ..evaluation.crossval import as_scanned, evaluate_base, evaluate_folds, networks_trained
    from ..evaluation.files import published
    from ..evaluation.plots import draw_plots, draw_reliability
    from ..evaluation.summary import sentences, summarise, write_tables
    from ..model.card import bundled_model

    output, model = options.output, options.base or bundled_model()
    rows = evaluate_folds(cases, options.folds, output, device, base=model, say=say)
    drawn = evaluate_base(cases, output, device, model, say)
    held = reliability(rows)
    judged = with_radii(rows)
    accuracy = as_scanned(judged)
    agreement = {"all copies": dice_agreement(judged), "as scanned": dice_agreement(accuracy)}
    with published(output) as new:
        write_tables(
            accuracy, new, _command(options), base=base.to_json(),
            steps=networks_trained(output, options.folds),
            calibration=calibrate(rows, drawn).to_json(), reliability=held,
            dice_agreement=agreement["all copies"],
            dice_agreement_as_scanned=agreement["as scanned"],
        )  # fmt: skip
        draw_plots(accuracy, new)
        draw_reliability(held, new / "reliability.png")
    say("\n".join([*sentences(summarise(accuracy)), *reliability_sentences(held)]))
    for what, figures in agreement.items():
        if figures is not None:
            say(f"Expected against real Dice, {what}: correlation {figures['correlation']:.2f}, "
                f"mean difference {figures['mean_difference']:.3f}, {figures['cases']} pairs")  # fmt: skip # noqa: E501
    say(f"Files: {output}")


def _command(options: argparse.Namespace) -> str:
    """What was called, for the summary."""
    words = ["innerearseg", "crossval", str(options.config), "--data", str(options.data)]
    words += ["--output", str(options.output), "--folds", str(options.folds)]
    words += ["--stages", ",".join(options.stages)] if options.stages else []
    words += ["--base", str(options.base)] if options.base else []
    return shlex.join(words)
