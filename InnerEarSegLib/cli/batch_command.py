"""``innerearseg batch``: a cohort of CTs, resumable, with a table of all."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Cancelled, UnusableInput
from ..process import cancel_on_kill

if TYPE_CHECKING:
    from ..batch.tables import Tables

SOME_FAILED = 4
CANCELLED = 130

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "batch", help="segment a list of CTs; run again, it goes on where it was stopped"
    )
    parser.add_argument(
        "list",
        type=Path,
        metavar="LIST",
        help="text file with a CT a line, or .csv/.tsv with a column image and, if wanted, case, "
        "series, center, roi; CTs' places are relative to the list's folder",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="one folder a case, and a summary"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes; by default one a GPU, and up to two on the CPU",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.add_argument(
        "--again",
        action="store_true",
        help="also do cases that are finished, and those that somebody has worked on since: their "
        "files are set aside in their folders",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the cohort and say how it went.

    Returns:
        0 if every case has a result, also if that is "no ear"; 4 if some failed or a table could
        not be written; 130 if cancelled.
    """
    from ..batch.cohort import read_list
    from ..batch.devices import plan_workers
    from ..batch.run import model_sha256, run_cohort
    from ..batch.summary import CSV
    from ..batch.tables import Tables
    from ..io.result_folder import Output
    from ..model.card import bundled_model

    if options.workers is not None and options.workers < 1:
        raise UnusableInput("--workers must be at least 1.")
    cohort = read_list(options.list)
    output = Output(options.output)
    model = (options.model or bundled_model()).resolve()
    model_sha256(model)
    settings = plan_workers(options.device, options.workers, model, output.folder)
    if cohort.ignored:
        say(f"Columns that are not used: {', '.join(cohort.ignored)}")
    cancel_on_kill()
    tables = Tables(output.folder)
    try:
        rows = run_cohort(cohort.cases, settings, tables, again=options.again, say=say)
    except (Cancelled, KeyboardInterrupt):
        _complain(tables)
        print(
            "innerearseg: cancelled; finished cases stay, the same command goes on with the rest.",
            file=sys.stderr,
        )
        return CANCELLED
    for title, status in (
        ("No inner ear was found in", "no ear"),
        ("Kept, as somebody worked on them", "kept"),
        ("Failed", "failed"),
    ):
        those = [row for row in rows if row.status == status]
        if those:
            say(f"{title}:")
        for row in those:
            say(f"  {row.case} ({row.image})" + (f": {row.reason}" if row.reason else ""))
    failed = sum(row.status == "failed" for row in rows)
    say(f"{len(rows) - failed} of {len(rows)} cases done, {failed} failed")
    if CSV not in tables.problems:
        say(f"Table: {options.output / CSV}")
    _complain(tables)
    return SOME_FAILED if failed or tables.problems else 0


def _complain(tables: Tables) -> None:
    if tables.sentence is not None:
        print(f"innerearseg: {tables.sentence}", file=sys.stderr)
