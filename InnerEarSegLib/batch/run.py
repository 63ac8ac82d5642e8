"""Run a cohort from its list to its summary; run again, it goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cochlea.arrays import ElectrodeArray
from ..errors import UnusableInput
from ..io.overlap import refuse_overlap
from ..io.result_folder import RESULT_JSON, ResultFolder
from ..model.card import card_in, file_content
from ..parallel import Done, Place, Workers
from ..process import remove_stale_folders
from ..progress import Progress
from .cohort import Case, Cohort
from .page import PAGE, cohort_page
from .segment_case import WriteScene, segment_case
from .status import CaseStatus, about, status_of
from .summary import JSON, Row, Status, as_json
from .tables import CASES, tables

if TYPE_CHECKING:
    from ..model.bundle import Model

WORKER_BYTES = 1_500_000_000
"""Main memory that a worker takes: 1.1 GB for a whole head, and some more for larger CTs."""

TABLES_EVERY_SECONDS = 2.0
TABLES_SHARE = 0.05
"""Of the time at most that goes into writing the tables of a large cohort."""

OBSOLETE = "summary.csv"
"""The table of earlier versions, whose values are in three tables now."""

EARLIER = re.compile(r".+-earlier-\d{4}-\d\d-\d\d(-\d+)?")
"""Folders that were set aside; see ``io.result_folder``."""

CHANGED = "The CT or the model was changed while it was read; run the batch again."
OUTDATED = "The files in its folder are of an earlier run and do not belong to this CT."
OTHERS = "The summary also has {} cases of other lists; they stay in it until their folders go."

Say = Callable[[str], None]

_loaded: list[Model] = []
"""In a worker process: the model, once it is loaded."""


@dataclass(frozen=True)
class Job:
    """The model file, the batch's folder, and ``write_scene`` of a module, for all cases."""

    model: Path
    output: Path
    write_scene: WriteScene


def run_cohort(
    cohort: Cohort,
    job: Job,
    workers: Callable[[int], Workers],
    tables: Tables,
    *,
    again: bool,
    say: Say,
) -> list[Row]:
    """Do what is not done yet, write the tables as they grow, and say a line a case.

    With ``again`` also what is done, or kept because the user worked on it. ``workers`` gives
    workers for a number of cases.

    Returns:
        The rows in the order of the cases, then what was skipped; the tables have those of other
        lists after them.

    Raises:
        UnusableInput, UnusableModel: the model or a table cannot be used, or a case's folder would
            be, or hold, a CT; then nothing was done.
        Cancelled: a signal's handler raised it; what is done is in the tables.
    """
    cases, model, output = cohort.cases, file_content(job.model), job.output
    card_in(model, job.model)
    sha256 = hashlib.sha256(model).hexdigest()
    refuse_overlap((output / case.name for case in cases), (case.source.path for case in cases))
    skipped = [Row(x.name, x.image, "skipped", x.reason, series=x.series) for x in cohort.skipped]
    names = {*(case.name for case in cases), *(row.case for row in skipped)}
    others = rows_in(output, names)
    rows = {}
    for case in cases:
        row = None if again else status_of(output / case.name, case, sha256).row(case)
        rows[case.name] = row or _new(case)
    todo = [case for case in cases if rows[case.name].status == "pending"]
    earlier = len(cases) - len(todo)

    def write(last: bool = False) -> None:
        tables.write([*rows.values(), *skipped, *others], say, last)

    write(not todo)
    if tables.unusable:  # nothing is tried again then
        raise UnusableInput(tables.problems[JSON])
    if others:
        say(OTHERS.format(len(others)))
    if earlier:
        say(f"{earlier} of {len(cases)} cases were finished earlier.")
    if not todo:
        return [*rows.values(), *skipped]
    written, took = time.monotonic(), 0.0
    try:
        with workers(len(todo)) as pool:
            ends = pool.run(partial(do_case, job), todo)
            for count, done in enumerate(ends, earlier + 1):
                case = done.task
                row = _row(case, status_of(output / case.name, case, sha256), done)
                rows[case.name] = row
                if time.monotonic() - written > max(TABLES_EVERY_SECONDS, took / TABLES_SHARE):
                    began = time.monotonic()
                    write()
                    written = time.monotonic()
                    took = written - began
                say(f"[{count:{len(str(len(cases)))}}/{len(cases)}] {case.name}: {row.sentence}")
    finally:
        remove_stale_folders(output)
        write(last=True)
    return [*rows.values(), *skipped]


def _new(case: Case, status: Status = "pending", reason: str = "", details: str = "") -> Row:
    """The row of a case without values."""
    series = case.source.series or ""
    return Row(case.name, case.image, status, reason, details, series=series)


def _row(case: Case, status: CaseStatus, done: Done[Case, list[str]]) -> Row:
    """The row of a case that was just done."""
    row = status.row(case) if done.error is None else None
    if row is not None and row.status != "kept":
        return replace(row, reason=" ".join(filter(None, [row.reason, *(done.value or ())])))
    reason = done.error or CHANGED
    if status.result is not None:
        reason = f"{reason} {OUTDATED}"  # it stays: the user may have corrected it
    return _new(case, "failed", reason, done.details)


def rows_in(output: Path, without: Collection[str] = ()) -> list[Row]:
    """Return rows of a folder's cases but some: those of its present summary, then other results.

    Of the summary's, those stay that failed, were skipped, or still have a folder.
    """
    entries: list[list[str]] = []
    listed: dict[str, bool] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):  # no whole summary
        for entry in json.loads((output / JSON).read_text(encoding="utf-8"))["cases"]:
            keys = ("case", "image", "status", "reason", "series")
            texts = [entry.get(key) or "" for key in keys]
            if all(isinstance(text, str) for text in texts):
                entries.append(texts)
                listed[texts[0]] = entry.get("listed") is True
    known = {*without, *listed}
    entries += [[path.name, "", "", "", ""] for path in _folders(output) if path.name not in known]
    rows = []
    for case, image, earlier, reason, series in entries:
        if case in without or case != Path(case).name:
            continue
        status = status_of(output / case)
        here = not without and listed.get(case, True)
        if status.result is not None:
            image = image or str((status.manifest or {}).get("image", ""))
            rows.append(replace(status.as_row(case, image, status.status), listed=here))
        elif earlier in ("failed", "skipped"):
            kept: Status = "failed" if earlier == "failed" else "skipped"
            rows.append(Row(case, image, kept, reason, listed=here, series=series))
    return rows


def _folders(output: Path) -> list[Path]:
    """Folders of results that are not set aside."""
    with suppress(OSError):
        return sorted(
            path for path in output.iterdir()
            if (path / RESULT_JSON).is_file() and not EARLIER.fullmatch(path.name)
        )  # fmt: skip
    return []


def do_case(job: Job, case: Case, place: Place) -> list[str]:
    """Do one case in a worker; return sentences on what was set aside."""
    output = ResultFolder(job.output / case.name)
    made: dict[str, Any] = {}
    with suppress(OSError):  # reading says in a sentence what is wrong
        # Before it is read: what is changed afterwards makes it another CT.
        made = about(case, job.output)
    progress = Progress()
    model = partial(_model, job.model, place, progress)
    scene = job.write_scene
    result = segment_case(case.source, output, model, progress, scene, about=made, measure=True)
    if result.device.partition(":")[0] != place.device.partition(":")[0]:
        _loaded.clear()  # for this CT alone the model was moved to the CPU
    return output.sentences


def _model(path: Path, place: Place, progress: Progress) -> Model:
    if not _loaded:
        import SimpleITK as sitk
        import torch

        from ..model.bundle import load_model
        from ..model.device import choose_device

        torch.set_num_threads(place.threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(place.threads)
        _loaded.append(load_model(path, choose_device(place.device), progress=progress))
    return _loaded[0]


class Tables:
    """The tables and the page of a cohort, in its folder.

    A file that cannot be replaced, as one that is open in Excel on Windows, costs no case: all
    that it says is in the cases' folders as well, and it is written the next time.

    Attributes:
        rows: as they were written the last time.
        problems: by name of each file that could not be written the last time, why.
        unusable: whether none could be written the last time.
    """

    def __init__(self, output: ResultFolder, arrays: Sequence[ElectrodeArray] = ()) -> None:
        self._output, self._arrays = output, arrays
        self.rows: tuple[Row, ...] = ()
        self.problems: dict[str, str] = {}
        self.unusable = False

    def write(self, rows: Sequence[Row], say: Say = lambda line: None, last: bool = True) -> None:
        """Write all; say which cannot be replaced, and what is set aside.

        Without ``last``, the page is left as it is.
        """
        before, self.problems, self.rows = self.problems, {}, tuple(rows)
        contents = {JSON: as_json(rows), **tables(rows, self._arrays)}
        if last:
            contents[PAGE] = cohort_page(rows, self._output.folder)
        for name, content in contents.items():
            try:
                with self._output.adding(obsolete=[OBSOLETE]) as folder:
                    (folder / name).write_bytes(content)
            except UnusableInput as error:
                self.problems[name] = str(error)
                if name not in before:
                    say(f"{error} It is tried again as the cases end.")
            for sentence in self._output.sentences:
                say(sentence)
            self._output.earlier.clear()
        self.unusable = len(self.problems) == len(contents)

    @property
    def sentence(self) -> str | None:
        """What is not on the disk and where its values are; None where all is."""
        if not self.problems:
            return None
        whole = (self._output.folder / name for name in (CASES, JSON) if name not in self.problems)
        places = " and ".join([*map(str, whole), "the folders of the cases"])
        problems = " ".join(self.problems.values())
        return f"{problems} The values are in {places}; the same command, run again, writes it."
