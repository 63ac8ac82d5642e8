"""A study's report: a table as CSV, a plot, and a text with what follows from them."""

from __future__ import annotations

from pathlib import Path

from ..errors import UnusableInput
from .compare import rows_of
from .conclusions import conclusions
from .forest import forest_plot
from .repeat import repeated
from .study import read_study
from .tables import csv_text, markdown_table

TABLE, PLOT, TEXT = "ablation.csv", "ablation.png", "ablation.md"


def write_report(runs: Path, output: Path, against: Path | None = None) -> list[str]:
    """Compare what is finished and write it down.

    Args:
        runs: the study's folder.
        output: receives ``ablation.csv``, ``ablation.png`` and ``ablation.md``.
        against: an earlier ``ablation.csv``, in whose intervals this study's figures should lie.

    Returns:
        The text's conclusions, line by line, and where the files are.

    Raises:
        UnusableInput: if there is no study, or nothing of it is finished.
    """
    study = read_study(runs)
    rows = rows_of(study)
    if not any(row.folds for row in rows):
        raise UnusableInput(f"No run of {runs} is finished; go on with innerearseg ablate.")
    again = repeated(rows, against) if against is not None else []
    said = conclusions(study.plan, rows, study.folds)
    output.mkdir(parents=True, exist_ok=True)
    forest_plot(rows, study.plan.name, output / PLOT)
    (output / TABLE).write_text(csv_text(rows), encoding="utf-8")
    text = [
        f"# {study.plan.name}", "", *said, "", "## All variations", "",
        "Differences to the basal training with their 95 % bootstrap intervals over specimens; "
        "bold where the corrected p is below 0.05.", "", *markdown_table(rows), "",
        f"![Forest plot]({PLOT})", "",
    ]  # fmt: skip
    (output / TEXT).write_text("\n".join(text), encoding="utf-8")
    return [*said, "", *again, f"Files: {output}"]
