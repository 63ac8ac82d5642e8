"""``innerearseg batch``: a cohort of CTs, resumable, with a table of all."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Cancelled
from .arguments import add_arrays, add_device, chosen_arrays, complain, say, whole_number_from

if TYPE_CHECKING:
    from ..batch.cohort import Cohort
    from ..batch.run import Tables

SOME_FAILED = 4
ARRAY_HELP = "tables say how far this electrode array would reach; see `innerearseg plan --list`"

CPU_WORKERS = 2
"""Reading and writing use one core, the networks all: two fill each other's gaps."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "batch", help="segment many CTs; run again, it goes on where it was stopped"
    )
    parser.add_argument(
        "input", type=Path, metavar="LIST|FOLDER",
        help="text file with a CT a line, or .csv/.tsv with a column image and, if wanted, case, "
        "series, center, roi; CTs' places are relative to the list's folder. Or a folder: every CT "
        "file and CT series in it and below",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR",
        help="one folder a case, tables and a page",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole_number_from(1), metavar="N",
        help="processes; by default one a GPU, and up to two on the CPU",
    )  # fmt: skip
    add_device(parser, model=True)
    parser.add_argument(
        "--again", action="store_true",
        help="also do cases that are finished, and those that the user has worked on since: their "
        "folders are renamed",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="use the workers of this Dask scheduler, which see all files at the same paths",
    )  # fmt: skip
    add_arrays(parser, ARRAY_HELP)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Do the cohort and say how it went.

    Return 0 if every case has a result, also "no ear"; 4 if one failed or a table is not written.
    """
    from ..batch.run import WORKER_BYTES, Job, Tables, run_cohort
    from ..io.result_folder import ResultFolder
    from ..model.card import bundled_model
    from ..mrml.files import write_scene
    from ..mrml.scene import check_logics
    from ..parallel import Workers, available_cores, plan_places

    arrays = chosen_arrays(options)
    check_logics()
    output = ResultFolder(options.output)
    cohort = _cohort(options.input, output.folder)
    job = Job((options.model or bundled_model()).resolve(), output.folder, write_scene)
    devices = _devices(options.device) if options.scheduler is None else []
    on_cpu = min(CPU_WORKERS, available_cores())
    count = options.workers or (on_cpu if devices == ["cpu"] else len(devices))

    def workers(cases: int) -> Workers:
        if options.scheduler is not None:
            return Workers(scheduler=options.scheduler)
        return Workers(plan_places(devices, min(count, cases), WORKER_BYTES, say))

    tables = Tables(output, arrays)
    try:
        rows = run_cohort(cohort, job, workers, tables, again=options.again, say=say)
    except (Cancelled, KeyboardInterrupt):
        complain(tables.sentence)
        raise
    complain(tables.sentence)
    for title, status in (
        ("No inner ear was found in", "no ear"),
        ("Kept, as the user worked on them", "kept"),
        ("Failed", "failed"),
    ):
        those = [row for row in rows if row.status == status]
        if those:
            say(f"{title}:")
        for row in those:
            say(f"  {row.case} ({row.image})" + (f": {row.reason}" if row.reason else ""))
    failed = sum(row.status == "failed" for row in rows)
    count = len(cohort.cases)
    say(f"{count - failed} of {count} cases done, {failed} failed")
    say_where(tables, options.output)
    return SOME_FAILED if failed or tables.problems else 0


def say_where(tables: Tables, folder: Path, refused: Collection[str] = ()) -> None:
    """Print where tables and page are, and whose corrections they do not have.

    ``refused`` are cases of which that was just said.
    """
    from ..batch.page import PAGE
    from ..batch.tables import CASES, EARS, MEASUREMENTS

    left = [row for row in tables.rows if row.uncounted and row.case not in refused]
    those = [f"{row.case} ({', '.join(row.uncounted)})" for row in left]
    if those:
        say(
            f"Corrected and not in the tables yet: {', '.join(those)}. This brings them in: "
            f"innerearseg update {folder}"
        )
    if whole := [name for name in (CASES, EARS, MEASUREMENTS) if name not in tables.problems]:
        say(f"Tables: {', '.join(str(folder / name) for name in whole)}")
    if PAGE not in tables.problems:
        say(f"Page: {folder / PAGE}")


def _cohort(path: Path, output: Path) -> Cohort:
    """Read a list, or look through a folder, and say what of it is not used."""
    from ..batch.cohort import read_list
    from ..batch.folder import find_cases

    if not path.is_dir():
        cohort = read_list(path)
        if cohort.ignored:
            say(f"Columns that are not used: {', '.join(cohort.ignored)}")
        return cohort
    say(f"Looking for CTs in {path}")
    cohort = find_cases(path, output)
    count = len(cohort.cases)
    say(f"Found {count} {'CT' if count == 1 else 'CTs'}")
    for each in cohort.skipped:
        series = f" (series {each.series})" if each.series else ""
        say(f"Skipped: {each.image}{series}: {each.reason}")
    if cohort.ignored:
        say(f"Files that are not read: {', '.join(cohort.ignored)}")
    return cohort


def _devices(device: str) -> list[str]:
    """The devices that workers are dealt to; UnusableInput if the device is not there."""
    if device == "cpu":
        return [device]  # without loading torch
    import torch

    from ..model.device import choose_device

    chosen = choose_device(device)
    if chosen.type == "cuda" and chosen.index is None:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(chosen)]
