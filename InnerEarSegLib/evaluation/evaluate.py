"""Results over a dataset: a table of cases, and its summary."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..inferring.bundle import Bundle
from ..reading.dataset import case_names, read_case
from ..results import LANDMARKS
from ..segment import segment
from .metrics import measure

Row = dict[str, Any]


def evaluate(
    root: Path, bundle: Bundle, names: Sequence[str] | None, say: Callable[[str], None]
) -> list[Row]:
    """Segment and measure specimens of the human bony labyrinth dataset.

    Args:
        root: the dataset's folder.
        bundle: the model.
        names: which specimens; None for all.
        say: receives a line a case.

    Returns:
        One row a case: dice, assd_mm, one distance in mm for each landmark, side_right, found.
    """
    rows = []
    for name in names or case_names(root):
        case = read_case(root, name)
        result = segment(case.ct, bundle)
        row: Row = {"case": name, "found": bool(result.ears)}
        if result.ears:
            measured = measure(
                result.ears[0], case.labels, case.label_geometry, case.landmarks, case.side
            )
            row |= {"dice": measured.dice, "assd_mm": measured.assd_mm}
            row |= {f"{key} mm": value for key, value in measured.landmark_mm.items()}
            row |= {"side_right": measured.side_right}
            row |= {f"{x.name} confidence": x.confidence for x in result.ears[0].landmarks}
        trained_on = name in bundle.card.get("training", {}).get("trained_on", ())
        row["trained_on"] = trained_on
        rows.append(row)
        say(f"{name}: {_sentence(row)}{' (trained on)' if trained_on else ''}")
        for remark in case.remarks:
            say(f"  {remark}")
    return rows


def _sentence(row: Row) -> str:
    """One case in a line."""
    if not row["found"]:
        return "no inner ear found"
    parts = [] if row["dice"] is None else [f"Dice {row['dice']:.4f}, ASSD {row['assd_mm']:.4f} mm"]
    for name in LANDMARKS:
        error = row[f"{name} mm"]
        parts.append(f"{name} {'missing' if error is None else f'{error:.2f} mm'}")
    parts.append("side right" if row["side_right"] else "SIDE WRONG")
    return ", ".join(parts)


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Mean, worst case and number of cases of each figure."""
    summary: dict[str, Any] = {
        "cases": len(rows),
        "found": sum(row["found"] for row in rows),
        "side_right": sum(bool(row.get("side_right")) for row in rows),
    }
    for key in ("dice", "assd_mm", *(f"{name} mm" for name in LANDMARKS)):
        values = [row[key] for row in rows if row.get(key) is not None]
        if values:
            worst = min(values) if key == "dice" else max(values)
            summary[key] = {"mean": float(np.mean(values)), "worst": worst, "cases": len(values)}
    return summary


def write_tables(rows: Sequence[Row], folder: Path, command: str) -> None:
    """Write cases.csv, and summary.json with the command that measured."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
    content = {"command": command, "summary": summarise(rows), "cases": list(rows)}
    (folder / "summary.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
