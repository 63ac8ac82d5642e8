"""summary.csv and summary.json on the disk, where another program may hold them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ..io.result_folder import make_stage
from .own_tables import digests_noted, is_own, set_aside
from .seal import digest_of
from .summary import CSV, JSON, Row, as_csv, as_json

FOR_NOW = (
    "{} cannot be written now ({}), perhaps because another program has it open; it is tried again "
    "as the cases end."
)
ASIDE = (
    "{} was not as a batch had written it, perhaps because somebody worked on it; that file is now "
    "called {}."
)


class Tables:
    """The two tables of a batch's folder.

    What is in their place and was not provably written by a batch is set aside, whenever it comes.

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
        self._csv_digests = digests_noted(folder)

    def write(self, rows: Sequence[Row], say: Callable[[str], None] = lambda line: None) -> None:
        """Write both; each is whole at any moment, and the old one where it cannot be replaced.

        Args:
            rows: at least one.
            say: told of a table that could still be written the last time, and of one that was set
                aside.
        """
        before, self.problems = self.problems, {}
        csv = as_csv(rows)
        known = self._csv_digests | digests_noted(self.folder)  # another batch's is nobody's work
        # The JSON first: if a kill comes between the two, it knows the old table and the new one.
        contents = {JSON: as_json(rows, {*self._csv_digests, digest_of(csv)}), CSV: csv}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            stage = make_stage(self.folder)
        except OSError as error:
            self.problems = dict.fromkeys((CSV, JSON), error.strerror or str(error))
        else:
            for name, content in contents.items():
                try:
                    (stage / name).write_bytes(content)
                    aside = _replace(stage / name, self.folder / name, known)
                except OSError as error:
                    self.problems[name] = error.strerror or str(error)
                else:
                    if aside is not None:
                        say(ASIDE.format(name, aside.name))
            if CSV not in self.problems:
                self._csv_digests = {digest_of(csv)}
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


def _replace(new: Path, place: Path, csv_digests: set[str]) -> Path | None:
    """Put a table in its place; where the one that was there is now, if it must not be lost."""
    aside = None if is_own(place, csv_digests) else set_aside(place)
    try:
        new.replace(place)
    except OSError:
        if aside is not None:
            aside.rename(place)
        raise
    return aside
