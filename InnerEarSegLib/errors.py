"""What can go wrong in a way the user can act on. Each message is one clear sentence."""

from __future__ import annotations


class InnerEarSegError(Exception):
    """Base of all errors that are shown to the user as one sentence, without a traceback."""


class UnusableInput(InnerEarSegError):
    """The input, an argument or the output folder cannot be used (exit status 2)."""


class OutOfMemory(UnusableInput):
    """The memory of the GPU, or of the machine, is not enough (exit status 2)."""


class UnusableModel(UnusableInput):
    """The model file is missing, damaged or of another schema (exit status 2)."""


class Cancelled(InnerEarSegError):
    """The caller asked to stop."""
