"""Whether a study that was done again gives what an earlier one reported."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ..errors import UnusableInput
from .compare import METRICS, Row
from .tables import DIGITS, FIELDS, HEADINGS


def repeated(rows: Sequence[Row], table: Path) -> list[str]:
    """A sentence for each figure of each row that is finished here and stands in the table.

    Args:
        rows: of the study done again, or of the part of it that was.
        table: ``ablation.csv`` of the earlier one.

    Raises:
        UnusableInput: if the table is something else, or of another budget or other folds.
    """
    earlier = _read(table)
    lines = []
    for row in rows:
        if row.name not in earlier or not row.figures:
            continue
        old = earlier[row.name]
        if (old["steps"], old["folds"], old["seed"]) != (
            str(row.steps), str(row.folds), str(row.seed)
        ):  # fmt: skip
            raise UnusableInput(
                f"{row.name!r} has {row.folds} finished folds of {row.steps} steps here and "
                f"{old['folds']} of {old['steps']} in {table}: they cannot be compared."
            )
        for metric in METRICS:
            if metric in row.figures and old[metric]:
                low, high = float(old[f"{metric}_low"]), float(old[f"{metric}_high"])
                mean, digits = row.figures[metric].mean, DIGITS[metric]
                where = "within" if low <= mean <= high else "OUTSIDE"
                lines.append(
                    f"{row.name}, {HEADINGS[metric]}: {mean:.{digits}f} again, {where} "
                    f"{low:.{digits}f} to {high:.{digits}f}"
                )
    return lines


def _read(table: Path) -> dict[str, dict[str, str]]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != FIELDS:
                raise UnusableInput(f"{table} is no table of `innerearseg ablate report`.")
            return {row["name"]: row for row in reader}
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"The table {table} cannot be read: {error}.") from None
