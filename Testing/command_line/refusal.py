"""What every refusal looks like: one sentence, exit status 2, nothing left behind, soon."""

from __future__ import annotations

import time
from pathlib import Path

from InnerEarSegLib.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_S = 10.0


def check_refusal(
    capfd, folder: Path, arguments: list[object], message: str, output: bool = True
) -> None:
    """Run ``innerearseg segment`` and check how it ends.

    Args:
        capfd: pytest's fixture; of the file descriptors, as libraries in C write there.
        folder: where the output folder would be made.
        arguments: after ``segment``.
        message: what the sentence must contain.
        output: whether to add ``--output``.
    """
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    capfd.readouterr()
    started = time.monotonic()
    more = ["--output", str(folder / "out")] if output else []
    status = main(["segment", *map(str, arguments), *more])
    seconds = time.monotonic() - started
    captured = capfd.readouterr()
    assert status == 2, (status, captured)
    assert captured.out == ""
    assert message in captured.err, captured.err
    assert captured.err.startswith("innerearseg: ") and captured.err.endswith(".\n")
    assert captured.err.count("\n") == 1 and "Traceback" not in captured.err
    assert seconds < LIMIT_S
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before
