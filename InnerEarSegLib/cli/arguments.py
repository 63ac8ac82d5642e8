"""Types of arguments: names, numbers within limits."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def names(text: str) -> list[str]:
    """``F01, F03,`` as F01 and F03: each once, in their order; an argparse type.

    Raises:
        ValueError: if there is none.
    """
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError(text)
    return found


def whole_number_from(least: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least so much."""

    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return value

    return whole_number


def millimetres_up_to(most: float) -> Callable[[str], float]:
    """An argparse type: millimetres, more than 0 and at most so many."""

    def millimetres(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.0 < value <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no number of millimetres above 0 and up to {most:g}"
            )
        return value

    return millimetres
