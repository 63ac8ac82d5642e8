"""``innerearseg plan-accuracy``: how far cochlear frame and diameters are off on a dataset."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from .arguments import millimetres_up_to, names, whole_number_from
from .batch import SOME_FAILED

if TYPE_CHECKING:
    from ..evaluation.measurement_errors import Planned

say = partial(print, flush=True)

HELD_OUT = "F06,T03,F13"
"""Specimens that the bundled model, and the average ear, never saw."""

MAX_DISPLACE_MM = 5.0
"""The landmarks of an ear lie this far apart: beyond it there is no ear left to measure."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "plan-accuracy", help="measure cochlear frame and diameters on a dataset"
    )
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--cases", type=names, metavar="A,B", help="names of cases; all by default")
    parser.add_argument(
        "--displace",
        type=millimetres_up_to(MAX_DISPLACE_MM),
        metavar="MM",
        help="no network: displace the reference's points at random, by MM on average (at most "
        f"{MAX_DISPLACE_MM:g})",
    )
    parser.add_argument(
        "--draws", type=whole_number_from(1), default=10, help="displacements a case (default 10)"
    )
    parser.add_argument(
        "--template",
        action="store_true",
        help=f"print the average ear of all specimens but {HELD_OUT}, and stop",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, print each case and the summary.

    Returns:
        0 if every case was measured, 4 if some were not.
    """
    from ..evaluation import measurement_errors as planning
    from ..evaluation.measurement_errors import summary

    if options.template:
        template, spread = planning.template_of(options.dataset, HELD_OUT.split(","))
        for name, point in template.items():
            say("{}: {:.2f}, {:.2f}, {:.2f} mm".format(name, *point), end="")
            say(f", spread {spread[name]:.2f} mm")
        return 0
    if options.displace is not None:
        done = planning.displaced_errors(
            options.dataset, options.cases, options.displace, options.draws, say
        )
        trained_on: frozenset[str] = frozenset()
    else:
        done, trained_on = _segmented(options)
    errors = done.errors
    if not errors and done.failed:
        name, reason = next(iter(done.failed.items()))
        raise UnusableInput(f"No case could be measured; {name}: {reason}")
    if not errors:
        raise UnusableInput("None of these cases has labels and a cochlear frame to compare with.")
    for title, those in (
        ("", [error for error in errors if error.case not in trained_on]),
        ("Trained on, which says nothing about other ears:",
         [error for error in errors if error.case in trained_on]),
    ):  # fmt: skip
        if those:
            say("\n".join([*filter(None, [title]), *summary(those)]))
    if done.failed:
        say(f"Not measured: {', '.join(done.failed)}; the reasons are above.")
    return SOME_FAILED if done.failed else 0


def _segmented(options: argparse.Namespace) -> tuple[Planned, frozenset[str]]:
    """Through the whole journey with a model; and the names of what it was trained on."""
    from ..evaluation.measurement_errors import segmented_errors
    from ..evaluation.metrics import ear_of
    from ..io.dataset import Case
    from ..model.bundle import load_model
    from ..model.card import bundled_model
    from ..model.device import choose_device
    from ..segmentation.pipeline import segment
    from ..types import Ear

    bundle = load_model(options.model or bundled_model(), choose_device(options.device))
    trained_on = frozenset(bundle.card.get("training", {}).get("trained_on", ()))

    def find(case: Case) -> Ear | None:
        if case.name in trained_on:
            say("(trained on) ", end="")
        return ear_of(segment(case.ct, bundle), case)

    return segmented_errors(options.dataset, options.cases, find, say), trained_on
