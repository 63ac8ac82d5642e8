"""Tasks for the tests of ``parallel``; a worker imports them by name."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from InnerEarSegLib.errors import UnusableInput

_seen = []


def do(task, place):
    """Do what the task names; its second word may be a file or a duration."""
    kind, _, argument = task.partition(" ")
    if kind == "die":
        os._exit(3)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "die-once" and not Path(argument).exists():
        Path(argument).touch()
        os._exit(3)
    if kind == "refuse":
        raise UnusableInput("This is no\nCT.")
    if kind == "bug":
        raise ZeroDivisionError("by 0")
    if kind == "exit":
        sys.exit("enough")
    if kind == "memory":
        raise MemoryError
    if kind == "write":
        Path(argument).write_text(str(os.getpid()))
        np.linalg.eigvals(np.random.default_rng(1).normal(size=(5000, 5000)))
    if kind == "sleep":
        time.sleep(float(argument))
    _seen.append(task)
    return {"pid": os.getpid(), "device": place.device, "threads": place.threads, "n": len(_seen)}
