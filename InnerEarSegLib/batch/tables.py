"""summary.csv and summary.json on the disk, where another program may hold them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ..staging import make_stage
from .summary import CSV, JSON, Row, as_csv, as_json

FOR_NOW = (
    "{} cannot be written now ({}), perhaps because another program has it open; it is tried again "
    "as the cases end."
)


class Tables:
    """The two tables of a batch's folder.

    A table that cannot be replaced, as one that is open in Excel on Windows, costs no case: all
    that it says is in the cases' folders as well, and it is written the next time.

    Args:
        folder: the batch's.

    Attributes:
        problems: by name of each table that could not be written the last time, why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: dict[str, str] = {}

    def write(self, rows: Sequence[Row], say: Callable[[str], None] = lambda line: None) -> None:
        """Write both; each is whole at any moment, and the old one where it cannot be replaced.

        Args:
            rows: at least one.
            say: told of a table that could still be written the last time.
        """
        before, self.problems = self.problems, {}
        contents = {CSV: as_csv(rows), JSON: as_json(rows)}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stage = make_stage(self.folder)
        except OSError as error:
            self.problems = dict.fromkeys(contents, error.strerror or str(error))
        else:
            for name, content in contents.items():
                try:
                    (stage / name).write_bytes(content)
                    (stage / name).replace(self.folder / name)
                except OSError as error:
                    self.problems[name] = error.strerror or str(error)
            shutil.rmtree(stage, ignore_errors=True)
        for name, why in self.problems.items():
            if name not in before:
                say(FOR_NOW.format(name, why))

    @property
    def sentence(self) -> str | None:
        """What is not on the disk and where its values are; None where both tables are."""
        if not self.problems:
            return None
        names = " and ".join(str(self.folder / name) for name in self.problems)
        whole = [str(self.folder / name) for name in (CSV, JSON) if name not in self.problems]
        values = " and ".join([*whole, "the cases' folders"])
        why = next(iter(self.problems.values()))
        return (
            f"{names} could not be written ({why}), perhaps because another program has it open. "
            f"The values are in {values}; the same command, run again, writes it."
        )
