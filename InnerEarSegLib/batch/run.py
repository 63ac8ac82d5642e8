"""Run a cohort from its list to its summary; run again, it goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnusableInput
from ..io.result_folder import ResultFolder, clean_stale, refuse_overlap
from ..model.card import card_in, file_content
from ..parallel import Done, Place, Workers
from ..progress import Progress
from .cohort import Case
from .segment_case import WriteScene, segment_case
from .status import CaseStatus, about, status_of
from .summary import CSV, JSON, Row, as_csv, as_json

if TYPE_CHECKING:
    from ..model.bundle import Model

WORKER_BYTES = 1_500_000_000
"""Main memory that a worker takes: 1.1 GB for a whole head, and some more for larger CTs."""

SUMMARY_EVERY_SECONDS = 2.0

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
    cases: Sequence[Case],
    job: Job,
    workers: Callable[[int], Workers],
    tables: Tables,
    *,
    again: bool,
    say: Say,
) -> list[Row]:
    """Do what is not done yet, write the summary as it grows, and say a line a case.

    With ``again`` also what is done, or kept because the user worked on it. ``workers`` gives
    workers for a number of cases.

    Returns:
        The rows in the order of the cases; the summary has those of other lists after them.

    Raises:
        UnusableInput, UnusableModel: the model or a table cannot be used, or a case's folder would
            be, or hold, a CT; then nothing was done.
        Cancelled: a signal's handler raised it; what is done is in the summary.
    """
    model, output = file_content(job.model), job.output
    card_in(model, job.model)
    sha256 = hashlib.sha256(model).hexdigest()
    refuse_overlap((output / case.name for case in cases), (case.source.path for case in cases))
    others = _rows_of_others(output, {case.name for case in cases})
    rows = {}
    for case in cases:
        row = None if again else status_of(output / case.name, case, sha256).row(case)
        rows[case.name] = row or Row(case.name, case.image)
    todo = [case for case in cases if rows[case.name].status == "pending"]
    earlier = len(cases) - len(todo)
    tables.write([*rows.values(), *others], say)
    if len(tables.problems) == 2:  # nothing is tried again then
        raise UnusableInput(tables.problems[JSON])
    if others:
        say(OTHERS.format(len(others)))
    if earlier:
        say(f"{earlier} of {len(cases)} cases were finished earlier.")
    if not todo:
        return list(rows.values())
    written = time.monotonic()
    try:
        with workers(len(todo)) as pool:
            ends = pool.run(partial(do_case, job), todo)
            for count, done in enumerate(ends, earlier + 1):
                case = done.task
                row = _row(case, status_of(output / case.name, case, sha256), done)
                rows[case.name] = row
                if time.monotonic() - written > SUMMARY_EVERY_SECONDS:
                    tables.write([*rows.values(), *others], say)
                    written = time.monotonic()
                say(f"[{count:{len(str(len(cases)))}}/{len(cases)}] {case.name}: {row.sentence}")
    finally:
        clean_stale(output)
        tables.write([*rows.values(), *others], say)
    return list(rows.values())


def _row(case: Case, status: CaseStatus, done: Done[Case, list[str]]) -> Row:
    """The row of a case that was just done."""
    row = status.row(case) if done.error is None else None
    if row is not None and row.status != "kept":
        return replace(row, reason=" ".join(filter(None, [row.reason, *(done.value or ())])))
    reason = done.error or CHANGED
    if status.result is not None:
        reason = f"{reason} {OUTDATED}"  # it stays: the user may have corrected it
    return Row(case.name, case.image, "failed", reason, done.details)


def _rows_of_others(output: Path, names: Collection[str]) -> list[Row]:
    """Return rows of the present summary for other cases that failed or still have a folder."""
    entries: list[tuple[str, str, str, str]] = []
    with suppress(OSError, ValueError, KeyError, TypeError):  # no whole summary
        for entry in json.loads((output / JSON).read_text(encoding="utf-8"))["cases"]:
            texts = entry["case"], entry["image"], entry["status"], entry.get("reason") or ""
            if all(isinstance(text, str) for text in texts):
                entries.append(texts)
    rows = []
    for case, image, earlier, reason in entries:
        if case in names or case != Path(case).name:
            continue
        status = status_of(output / case)
        if status.result is not None:
            rows.append(replace(status.as_row(case, image, status.status), listed=False))
        elif earlier == "failed":
            rows.append(Row(case, image, "failed", reason, listed=False))
    return rows


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
        _loaded.clear()  # one CT was too large for the GPU: the next ones have it again
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
    """summary.csv and summary.json of a batch's folder.

    A table that cannot be replaced, as one that is open in Excel on Windows, costs no case: all
    that it says is in the cases' folders as well, and it is written the next time.

    Attributes:
        problems: by name of each table that could not be written the last time, why.
    """

    def __init__(self, output: ResultFolder) -> None:
        self._output = output
        self.problems: dict[str, str] = {}

    def write(self, rows: Sequence[Row], say: Say = lambda line: None) -> None:
        """Write both of at least one row; say which cannot be replaced, and what is set aside."""
        before, self.problems = self.problems, {}
        for name, content in ((JSON, as_json(rows)), (CSV, as_csv(rows))):
            try:
                with self._output.adding() as folder:
                    (folder / name).write_bytes(content)
            except UnusableInput as error:
                self.problems[name] = str(error)
                if name not in before:
                    say(f"{error} It is tried again as the cases end.")
            for sentence in self._output.sentences:
                say(sentence)
            self._output.earlier.clear()

    @property
    def sentence(self) -> str | None:
        """What is not on the disk and where its values are; None where both tables are."""
        if not self.problems:
            return None
        whole = (self._output.folder / name for name in (CSV, JSON) if name not in self.problems)
        places = " and ".join([*map(str, whole), "the folders of the cases"])
        problems = " ".join(self.problems.values())
        return f"{problems} The values are in {places}; the same command, run again, writes it."
