"""Getting PyTorch, which the worker needs, through its extension."""

from __future__ import annotations

import sys

import slicer

MINIMUM = ">=2.0"
WINDOWS_LIMIT = ",<2.13"
"""2.13 installs only in part on Windows with Slicer 5.12 (light-the-torch#176)."""


def has_extension() -> bool:
    """Whether the PyTorch extension is installed."""
    return hasattr(slicer.modules, "pytorchutils")


def install() -> str:
    """Installs PyTorch; returns what went wrong, in one sentence, or nothing."""
    import PyTorchUtils

    wanted = MINIMUM + (WINDOWS_LIMIT if sys.platform == "win32" else "")
    slicer.app.processEvents()  # so that what is said before is on the screen
    try:
        with slicer.util.WaitCursor():
            done = PyTorchUtils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=wanted
            )
    except Exception as error:  # whatever pip, the network or the disk do
        return f"PyTorch could not be installed: {error}"
    return "" if done is not None else "PyTorch was not installed."
