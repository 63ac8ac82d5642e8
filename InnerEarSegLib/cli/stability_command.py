"""``innerearseg stability``: how far results move when a CT comes in another way."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "stability", help="change a CT's kernel, slices, pose and storage, and see what moves"
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="as for segment")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line a change and ear, then the largest shift, and write both."""
    from ..evaluation.stability import stability
    from ..io.result_folder import ResultFolder
    from ..io.volume import read_ct
    from ..model.bundle import load_model
    from ..model.card import bundled_model
    from ..model.device import choose_device
    from .segment import NO_EAR

    output = ResultFolder(options.output)
    bundle = load_model(options.model or bundled_model(), choose_device(options.device))
    rows = stability(read_ct(options.input), bundle, say)
    if not rows:
        say("No inner ear was found in this CT.")
        return NO_EAR
    largest = max((value for row in rows for value in row.shifts_mm.values()), default=0.0)
    lost = sum(not row.found for row in rows)
    say(f"{len(rows)} ears, {lost} not found again; largest shift {largest:.2f} mm")
    content = {"input": options.input.name, "rows": [row.to_json() for row in rows]}
    with output.adding() as folder:
        (folder / "stability.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    for sentence in output.sentences:
        say(sentence)
    return 0
