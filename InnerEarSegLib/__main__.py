"""``innerearseg`` and ``python -m InnerEarSegLib``."""

# Built in, unlike signal: until there is a sentence for it, Ctrl-C ends the process in silence.
import _signal

if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:  # as for a shell's background job
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import os
import sys
from contextlib import suppress
from typing import NoReturn

from . import interrupts


def main() -> NoReturn:
    """Run the command line and end the process; see ``cli.main``."""
    interrupts.listen()  # before anything that takes time to import
    from .cli.main import main

    interrupts.watch()
    status = main()
    from multiprocessing import active_children

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if active_children():
        sys.exit(status)  # Python ends them
    # Taking torch, VTK and Python apart takes half a second, in which Ctrl-C would not be heard.
    os._exit(status)


if __name__ == "__main__":
    main()
