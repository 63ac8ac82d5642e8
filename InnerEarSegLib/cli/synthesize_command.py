"""``innerearseg synthesize``: CT of ears or heads that never were a patient's."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UnusableInput


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "synthesize", help="generate synthetic ears or heads with exact labels"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--head",
        action="store_true",
        help="whole heads with two ears: H01/H01_CT.nrrd, H01_LEFT_LABELS.nrrd, "
        "H01_RIGHT_LABELS.nrrd and H01_DESC.json with the landmarks in RAS mm",
    )
    parser.add_argument(
        "--spacing",
        type=float,
        metavar="MM",
        help="with --head: voxel size, 0.3 to 2; by default 0.488 x 0.488 x 0.625 mm",
    )
    parser.add_argument(
        "--varied",
        action="store_true",
        help="with --head: any pose, kernel, slice thickness, padding, metal and storage order",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate ears in the layout of the human bony labyrinth dataset, or heads in their own."""
    if options.count < 1:
        raise UnusableInput("--count must be at least 1.")
    if not options.head and (options.spacing is not None or options.varied):
        raise UnusableInput("--spacing and --varied go with --head.")
    # Finer than 0.3 mm, a whole head would not fit into memory.
    if options.spacing is not None and not 0.3 <= options.spacing <= 2.0:
        raise UnusableInput("--spacing must be 0.3 to 2 mm.")
    try:
        if options.head:
            from ..synthetic.files import write_heads

            write_heads(
                options.output,
                options.count,
                options.seed,
                spacing=options.spacing,
                varied=options.varied,
            )
        else:
            from ..synthetic.files import write_dataset

            write_dataset(options.output, options.count, options.seed)
    except OSError as error:
        raise UnusableInput(f"{options.output} cannot be written: {error.strerror}.") from None
    print(f"{options.count} synthetic {'heads' if options.head else 'ears'} in {options.output}")
    return 0
