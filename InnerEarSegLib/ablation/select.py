"""Which of a study's runs one command is to do."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UnusableInput

Run = tuple[str, int]


def chosen(runs: Sequence[Run], only: str | None) -> list[Run]:
    """The runs of these comma-separated variations, all if there are none.

    Raises:
        UnusableInput: naming the one that the plan does not have.
    """
    if not only:
        return list(runs)
    names = only.split(",")
    known = {name for name, _ in runs}
    for name in names:
        if name not in known:
            raise UnusableInput(f"The plan has no variation {name!r}; it has {sorted(known)}.")
    return [run for run in runs if run[0] in names]


def shard(runs: Sequence[Run], part: str | None) -> list[Run]:
    """Every N-th run from the I-th, for a part "I/N"; all if there is none.

    Raises:
        UnusableInput: if the part is not one of 1/N to N/N.
    """
    if part is None:
        return list(runs)
    first, _, count = part.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise UnusableInput(f"--shard {part} is not one of 1/N to N/N.")
    return list(runs)[int(first) - 1 :: int(count)]
