"""What an output folder holds of other lists: it is neither replaced nor dropped from the table."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from .finished import look_at
from .receipt import same_image
from .standing import Standing, remark, status_of
from .summary import JSON, Row


def refuse_other_cts(standings: Sequence[Standing], output: Path) -> None:
    """Refuse a list whose cases' folders hold results of other CTs.

    Raises:
        UnusableInput: a folder does.
    """
    for each in standings:
        receipt = each.found.receipt
        if receipt is None or same_image(receipt, each.case, each.now, output):
            continue
        theirs = receipt.get("path", receipt["image"])
        raise UnusableInput(
            f"{each.folder} holds the result of another CT, {theirs}, than the list's "
            f"{each.case.source.path}; choose another --output, or give the case another name in "
            "the list's column 'case'."
        )


def rows_of_others(output: Path, names: Collection[str]) -> list[Row]:
    """Rows of the present summary whose cases are not in the list.

    A row goes with its folder: whoever removes a case's folder removes it from the table. What
    failed has no folder and stays.

    Args:
        output: the batch's folder.
        names: of the list's cases.
    """
    rows = []
    for entry in _entries(output / JSON):
        name = entry["case"]
        if name in names:
            continue
        folder = output / name
        found = look_at(folder)
        if found.result is not None:
            rows.append(
                Row(
                    name,
                    entry["image"],
                    status_of(found),
                    remark(found, folder),
                    result=found.result,
                    measurements=found.measurements,
                    listed=False,
                )
            )
        elif entry["status"] == "failed":
            rows.append(
                Row(name, entry["image"], "failed", str(entry.get("reason") or ""), listed=False)
            )
    return rows


def _entries(path: Path) -> list[dict[str, Any]]:
    """The cases of a summary; none without a whole one."""
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
        entries = [
            entry
            for entry in cases
            if all(isinstance(entry[key], str) for key in ("case", "image", "status"))
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [entry for entry in entries if entry["case"] == Path(entry["case"]).name]
