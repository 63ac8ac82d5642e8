"""``innerearseg synthesize``: ear CT that never was a patient's."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UnusableInput


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("synthesize", help="generate synthetic ears with exact labels")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate, in the layout of the human bony labyrinth dataset."""
    from ..synthetic.dataset import write_dataset

    if options.count < 1:
        raise UnusableInput("--count must be at least 1.")
    try:
        write_dataset(options.output, options.count, options.seed)
    except OSError as error:
        raise UnusableInput(f"{options.output} cannot be written: {error.strerror}.") from None
    print(f"{options.count} synthetic ears in {options.output}")
    return 0
