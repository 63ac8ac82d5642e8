"""``innerearseg check``: read all cases of a dataset, and say what they can be used for."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import add_dataset, names, packages_of, say
from .batch import SOME_FAILED

if TYPE_CHECKING:
    from ..evaluation.check import CheckedCase

KNOWN = "The bundled model was trained on this CT: `evaluate` sums it up apart."


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "check", help="read and draw your cases, and see what they can be used for"
    )
    add_dataset(parser)
    parser.add_argument("--cases", type=names, metavar="A,B", help="names of cases; all by default")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write a page with a picture of each case"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line a case, then what all are for; write the page."""
    from ..errors import UnusableInput
    from ..evaluation.check import check_case, summary
    from ..evaluation.evaluate import each_case
    from ..io.case import NO_REFERENCE, Case
    from ..io.manifest import read_dataset
    from ..io.result_folder import ResultFolder
    from ..model.card import bundled_model, read_card
    from ..model.provenance import knows

    folder = None if options.output is None else ResultFolder(options.output)
    if folder is not None:
        with packages_of("evaluation", "check --output"):
            from ..evaluation.check_page import PAGE, draw_reference, page
    dataset = read_dataset(options.dataset)
    card = read_card(bundled_model())
    checked: list[CheckedCase] = []
    pictures: dict[str, bytes] = {}

    def check(case: Case) -> None:
        found = check_case(case)
        if not case.has_reference:
            raise UnusableInput(NO_REFERENCE)
        if knows(card, case.name, found.fingerprint):
            found = dataclasses.replace(found, remarks=(*found.remarks, KNOWN))
        if folder is not None:
            pictures[case.name] = draw_reference(case)
        checked.append(found)
        say(sentence_of(found))
        for sentence in (*found.doubts, *found.remarks):
            say(f"  {sentence}")

    unusable = each_case(dataset.readers, options.cases, check, say, "cannot be used")
    lines = summary(checked, unusable)
    say("\n".join(["", *lines]))
    if folder is not None:
        with folder.adding() as new:
            content = page(f"Cases of {dataset.path.name}", checked, unusable, lines, pictures)
            (new / PAGE).write_text(content, encoding="utf-8")
        say("\n".join([*folder.sentences, f"Page: {options.output / PAGE}"]))
    for name, reason in unusable.items():
        say(f"Cannot be used: {name}: {reason}")
    return SOME_FAILED if unusable else 0


def sentence_of(case: CheckedCase) -> str:
    """Put one case in a line."""
    size = " × ".join(f"{edge:.2f}" for edge in case.spacing)
    parts = [f"{case.side} ear" if case.side else "side not stated", f"CT of {size} mm"]
    if case.labyrinth_mm3 is not None:
        parts.append(f"labyrinth of {case.labyrinth_mm3:.0f} mm³")
    parts.append(", ".join(case.landmarks) or "no landmarks")
    line = f"{case.name}: {', '.join(parts)}. For {', '.join(case.uses)}"
    if case.lacks:
        line += "; not for " + ", ".join(f"{use} ({why})" for use, why in case.lacks.items())
    return f"{line}."
