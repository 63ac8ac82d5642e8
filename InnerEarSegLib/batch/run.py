"""A cohort from its list to its summary."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..derived import MEASUREMENTS_JSON
from ..model_file import card_in, file_content
from ..output import LAST
from ..staging import clean_stale
from .cohort import Case
from .finished import content_of, finished, receipt_of
from .pool import Pool
from .summary import Row, Status, write_summary
from .worker import Failure, Settings

SUMMARY_EVERY_SECONDS = 2.0

OUTDATED = "The files in its folder are of an earlier run and do not belong to this CT."


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
    *,
    again: bool,
    say: Callable[[str], None],
) -> list[Row]:
    """Do what is not done yet, write the summary as it grows, and say a line a case.

    Args:
        cases: at least one.
        settings: of each worker; all have the same model and output.
        again: also do what is done.
        say: receives the lines.

    Returns:
        The rows, in the order of the cases.

    Raises:
        UnusableInput: the model is none, or the summary cannot be written.
        Cancelled: a signal's handler raised it; what is done is in the summary.
    """
    model, output = settings[0].model, settings[0].output
    sha256 = model_sha256(model)
    clean_stale(output)
    rows = {case.name: Row(case.name, case.image) for case in cases}
    for case in cases:
        row = None if again else _finished_row(case, sha256, output)
        if row is not None:
            rows[case.name] = row
    todo = [case for case in cases if rows[case.name].status == "pending"]
    earlier = len(cases) - len(todo)
    write_summary(list(rows.values()), output)
    if earlier:
        say(f"{earlier} of {len(cases)} cases were finished earlier.")
    pool = Pool(settings[: max(1, len(todo))])
    written = time.monotonic()
    try:
        for count, (case, failure) in enumerate(pool.run(todo), earlier + 1):
            row = rows[case.name] = _new_row(case, failure, sha256, output)
            if time.monotonic() - written > SUMMARY_EVERY_SECONDS:
                write_summary(list(rows.values()), output)
                written = time.monotonic()
            say(f"[{count:{len(str(len(cases)))}}/{len(cases)}] {case.name}: {row.sentence}")
    finally:
        pool.close()
        write_summary(list(rows.values()), output)
    return list(rows.values())


def _finished_row(case: Case, sha256: str, output: Path) -> Row | None:
    try:
        receipt = receipt_of(case, sha256, output)
    except OSError:
        return None  # trying it says why
    result = finished(output / case.name, receipt)
    if result is None:
        return None
    measurements = content_of(output / case.name / MEASUREMENTS_JSON)
    return Row(case.name, case.image, _status(result), result=result, measurements=measurements)


def _new_row(case: Case, failure: Failure | None, sha256: str, output: Path) -> Row:
    if failure is None:
        row = _finished_row(case, sha256, output)
        if row is not None:
            return row
        failure = Failure("The CT or the model was changed while it was read; run the batch again.")
    reason = failure.reason
    if content_of(output / case.name / LAST) is not None:
        # Not ours to delete: she may have corrected it.
        reason = f"{reason} {OUTDATED}"
    return Row(case.name, case.image, "failed", reason, failure.details)


def _status(result: dict) -> Status:
    return "done" if result["ears"] else "no ear"
