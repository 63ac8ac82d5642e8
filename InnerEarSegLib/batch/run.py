"""A cohort from its list to its summary."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import UnusableInput
from ..io.result_folder import clean_stale, earlier_folders
from ..model.card import card_in, file_content
from .apart import refuse_folders_of_cts
from .cohort import Case
from .devices import for_cases
from .others import refuse_other_cts, rows_of_others
from .own_tables import refuse_foreign_tables
from .pool import Pool
from .standing import Standing
from .summary import JSON, Row
from .tables import Tables
from .worker import Failure, Settings

SUMMARY_EVERY_SECONDS = 2.0

OUTDATED = "The files in its folder are of an earlier run and do not belong to this CT."
OTHERS = "The summary also has {} cases of other lists; they stay in it until their folders go."
ASIDE = "What somebody had worked on in its folder is in {} there."


def model_sha256(path: Path) -> str:
    """SHA-256 of a model file that has a card.

    Raises:
        UnusableModel: it cannot be read, or is none of ours.
    """
    content = file_content(path)
    card_in(content, path)
    return hashlib.sha256(content).hexdigest()


def run_cohort(
    cases: Sequence[Case],
    settings: Sequence[Settings],
    tables: Tables,
    *,
    again: bool,
    say: Callable[[str], None],
) -> list[Row]:
    """Do what is not done yet, write the summary as it grows, and say a line a case.

    Args:
        cases: at least one.
        settings: of each worker; all have the same model and output.
        tables: of the output, written as the cases end; afterwards they tell if that failed.
        again: also do what is done, or kept because somebody worked on it.
        say: receives the lines.

    Returns:
        The rows, in the order of the cases. The summary has those of other lists after them.

    Raises:
        UnusableInput: the model is none, neither table can be written or one is somebody else's, or
            a case's folder is of another CT or holds one; then nothing was done.
        Cancelled: a signal's handler raised it; what is done is in the summary.
    """
    model, output = settings[0].model, settings[0].output
    sha256 = model_sha256(model)
    refuse_folders_of_cts(cases, output)
    standings = [Standing.of(case, sha256, output) for case in cases]
    refuse_foreign_tables(output)
    refuse_other_cts(standings, output)
    clean_stale(output)
    others = rows_of_others(output, {case.name for case in cases})
    rows = {
        each.case.name: (None if again else each.row()) or Row(each.case.name, each.case.image)
        for each in standings
    }
    aside = {case.name: earlier_folders(output / case.name) for case in cases}
    todo = [case for case in cases if rows[case.name].status == "pending"]
    earlier = len(cases) - len(todo)
    lines: list[str] = []
    tables.write([*rows.values(), *others], lines.append)
    if len(tables.problems) == 2:  # nothing is tried again then
        why = tables.problems[JSON]
        raise UnusableInput(f"The output folder {output} cannot be written: {why}.")
    for line in lines:
        say(line)
    if others:
        say(OTHERS.format(len(others)))
    if earlier:
        say(f"{earlier} of {len(cases)} cases were finished earlier.")
    pool = Pool(for_cases(settings, len(todo), say) if todo else [])
    written = time.monotonic()
    try:
        for count, (case, failure) in enumerate(pool.run(todo), earlier + 1):
            standing = Standing.of(case, sha256, output)
            row = rows[case.name] = _new_row(standing, failure, aside[case.name])
            if time.monotonic() - written > SUMMARY_EVERY_SECONDS:
                tables.write([*rows.values(), *others], say)
                written = time.monotonic()
            say(f"[{count:{len(str(len(cases)))}}/{len(cases)}] {case.name}: {row.sentence}")
    finally:
        pool.close()
        tables.write([*rows.values(), *others], say)
    return list(rows.values())


def _new_row(standing: Standing, failure: Failure | None, aside: set[str]) -> Row:
    """The row of a case that was just done.

    Args:
        standing: of the case, as it is now.
        failure: why it has no new result.
        aside: folders of what was set aside before this run.
    """
    if failure is None:
        row = standing.row()
        if row is not None and row.status != "kept":
            new = sorted(earlier_folders(standing.folder) - aside)
            said = [ASIDE.format(" and ".join(new))] if new else []
            return replace(row, reason=" ".join(filter(None, [row.reason, *said])))
        failure = Failure("The CT or the model was changed while it was read; run the batch again.")
    reason = failure.reason
    if standing.found.result is not None:
        # Not ours to delete: she may have corrected it.
        reason = f"{reason} {OUTDATED}"
    return Row(standing.case.name, standing.case.image, "failed", reason, failure.details)
