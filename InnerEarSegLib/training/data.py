"""What a training trains on: specimens, and synthetic ears for variety."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UnusableInput
from .cases import TrainingCase, read_cases, unpack


def load_cases(
    source: Path, synthetic: int, seed: int, say: Callable[[str], None]
) -> list[TrainingCase]:
    """Specimens from a dataset folder or packed file, with this many synthetic ears.

    A packed file already holds its synthetic ears, so that it needs no SimpleITK.

    Raises:
        UnusableInput: if there is no such file or folder, no specimen in it, or the packed file has
            other synthetic ears.
    """
    if not source.exists():
        raise UnusableInput(f"The data {source} does not exist.")
    if source.is_file():
        cases = unpack(source)
        packed = sum(case.synthetic for case in cases)
        if packed != synthetic:
            raise UnusableInput(
                f"{source} holds {packed} synthetic ears, the config asks for {synthetic}; pack "
                f"again with --synthetic {synthetic}."
            )
        return cases
    from .synthetic_cases import synthetic_cases

    cases, remarks = read_cases(source)
    for remark in remarks:
        say(remark)
    return cases + synthetic_cases(synthetic, seed)
