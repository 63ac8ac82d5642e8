"""Names that a user lists in one argument."""

from __future__ import annotations


def names(text: str) -> list[str]:
    """``F01, F03,`` as F01 and F03: each once, in their order; an argparse type.

    Raises:
        ValueError: if there is none.
    """
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError(text)
    return found
