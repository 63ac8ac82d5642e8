"""Hidden folders in which files are made before they appear, named after their process."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ..process import is_running, started

PREFIX = ".innerearseg-"
"""Begins the names of hidden folders in which files are made."""
OLD_S = 24 * 3600.0
"""Age at which a hidden folder of another machine is left over."""

_STAGE = re.compile(re.escape(PREFIX) + r"(?P<host>[^-]+)-(?P<pid>\d+)-(?P<start>\d+)-")


def make_stage(place: Path) -> Path:
    """Make a hidden folder whose name says which process made it."""
    owner = f"{PREFIX}{_host()}-{os.getpid()}-{started(os.getpid())}-"
    return Path(tempfile.mkdtemp(prefix=owner, dir=place))


def clean_stale(place: Path) -> None:
    """Remove the hidden folders of runs that were killed; those of living runs stay."""
    with suppress(OSError):
        for path in place.glob(f"{PREFIX}*"):
            match = _STAGE.match(path.name)
            if match and match["host"] == _host():
                stale = not is_running(int(match["pid"]), match["start"])
            else:
                stale = time.time() - path.stat().st_mtime > OLD_S
            if stale:
                shutil.rmtree(path, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:40] or "_"
