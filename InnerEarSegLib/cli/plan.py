"""``innerearseg plan``: the duct of a result, its frequencies, and electrode arrays in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UnusableInput
from .arguments import add_arrays, chosen_arrays, known_arrays, millimetres_up_to, note, say
from .result import add_result, folder_of, read_result

MAX_DEPTH_MM = 40.0


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "plan", help="measure a result's duct and lay electrode arrays into it; no recommendation"
    )
    add_result(parser, optional=True)
    add_arrays(parser, "lay this array into the duct, such as FLEX24; may be given several times")
    parser.add_argument(
        "--depth", type=millimetres_up_to(MAX_DEPTH_MM), metavar="MM",
        help="insert the tip so deep, from the round window (default: each array's whole length)",
    )  # fmt: skip
    parser.add_argument(
        "--bands", action="store_true",
        help="compare each array with its maker's default filter bands",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the known arrays, and stop")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="for plan.json and tables; by default the input"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print each ear's duct and arrays, and write ``plan.json``, ``duct.csv``, ``contacts.csv``."""
    from ..cochlea.arrays import MAKERS_DECIDE, ChosenArray

    if options.list:
        for each in known_arrays(options):
            say(f"{each.label}: {each.kind}, {each.contacts} contacts, {each.tip_mm:g} mm")
        say(MAKERS_DECIDE)
        return 0
    if options.input is None:
        raise UnusableInput("plan needs the folder of a result, or --list.")
    chosen = [ChosenArray(each, options.depth) for each in chosen_arrays(options)]
    if not chosen and (options.depth is not None or options.arrays or options.bands):
        raise UnusableInput(
            "--depth, --arrays and --bands go with --array, which names what to lay in."
        )

    from ..io.result_folder import ResultFolder
    from ..report.content import VERDICTS
    from ..report.plan import CONTACTS_CSV, DUCT_CSV, insertions_of, sentences, write_plan
    from ..types import GOOD

    output = ResultFolder(folder_of(options))
    subject, _ = read_result(options)
    for ear in subject.segmentation.ears:
        if ear.quality.verdict != GOOD:
            text = VERDICTS[ear.quality.verdict]
            note(" ".join([f"{ear.side.capitalize()} ear: {text}", *ear.quality.reasons]))
    cochleae = subject.measurements
    insertions = insertions_of(cochleae, chosen)
    with output.adding([DUCT_CSV, CONTACTS_CSV], subject.sources) as new:
        write_plan(subject, insertions, new, bands=options.bands)
    files = f"Files: {output.folder}"
    said = sentences(cochleae, insertions, bands=options.bands)
    say("\n".join([*said, *output.sentences, files]))
    return 0
