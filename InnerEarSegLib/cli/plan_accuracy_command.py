"""``innerearseg plan-accuracy``: how far cochlear frame and diameters are off on a dataset."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from .names import names

say = partial(print, flush=True)

HELD_OUT = "F06,T03,F13"
"""Specimens that the bundled model, and the average ear, never saw."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "plan-accuracy", help="measure cochlear frame and diameters on a dataset"
    )
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--cases", type=names, metavar="A,B", help="names of cases; all by default")
    parser.add_argument(
        "--displace",
        type=float,
        metavar="MM",
        help="no network: displace the reference's points at random, by MM on average",
    )
    parser.add_argument("--draws", type=int, default=10, help="displacements a case (default 10)")
    parser.add_argument(
        "--template",
        action="store_true",
        help=f"print the average ear of all specimens but {HELD_OUT}, and stop",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, print each case and the summary."""
    from ..evaluation import planning

    if options.template:
        template, spread = planning.template_of(options.dataset, HELD_OUT.split(","))
        for name, point in template.items():
            say("{}: {:.2f}, {:.2f}, {:.2f} mm".format(name, *point), end="")
            say(f", spread {spread[name]:.2f} mm")
        return 0
    if options.displace is not None:
        errors = planning.displaced_errors(
            options.dataset, options.cases, options.displace, options.draws, say
        )
    else:
        errors = _segmented(options)
    say("\n".join(planning.summary(errors)))
    return 0


def _segmented(options: argparse.Namespace) -> list:
    """Through the whole journey with a model."""
    from ..evaluation.planning import segmented_errors
    from ..inferring.bundle import load_bundle
    from ..inferring.device import choose_device
    from ..model_file import bundled_model
    from ..reading.dataset import Case
    from ..results import Ear
    from ..segment import segment

    bundle = load_bundle(options.model or bundled_model(), choose_device(options.device))
    trained_on = bundle.card.get("training", {}).get("trained_on", ())

    def find(case: Case) -> Ear | None:
        if case.name in trained_on:
            say("(trained on) ", end="")
        ears = segment(case.ct, bundle).ears
        return ears[0] if ears else None

    return segmented_errors(options.dataset, options.cases, find, say)
