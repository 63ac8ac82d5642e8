"""Why a case was not measured, in a line."""

from __future__ import annotations

from ..errors import InnerEarSegError


def reason_of(error: Exception) -> str:
    """The sentence of an error, which may also be a mistake of ours."""
    if isinstance(error, MemoryError):
        return "This machine has not enough memory."
    if isinstance(error, InnerEarSegError):
        return " ".join(str(error).split())
    return " ".join(f"Unexpected {type(error).__name__}: {error}".split())
