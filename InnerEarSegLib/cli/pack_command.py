"""``innerearseg pack``: specimens as one file that trains on a machine with torch alone."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("pack", help="pack a dataset for training on another machine")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--synthetic", type=int, default=0, help="synthetic ears to add")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic ears")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Pack."""
    from ..training.cases import load_cases, pack

    cases = load_cases(options.data, options.synthetic, options.seed, say)
    pack(cases, options.output)
    size = options.output.stat().st_size / 2**20
    say(f"{len(cases)} cases in {options.output}, {size:.0f} MiB")
    return 0
