"""A batch's work that the system ends; in a file of its own, as each worker loads it."""

import os
import signal
import time


def dies_on_bad(case):
    """Dies with each case named bad, and the first time with the one named once."""
    if case.name.startswith("bad") or (case.name == "once" and not case.source.path.exists()):
        case.source.path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
