"""``innerearseg train``: the networks from a config and specimens."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from .arguments import names, whole_number_from

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("train", help="train a model, or go on where training stopped")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="JSON; see training/configs")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder, or a file of `innerearseg pack`"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="RUN")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument(
        "--workers",
        type=whole_number_from(0),
        default=1,
        help="processes that draw samples (0: in this process; GPU: 8 or more)",
    )
    parser.add_argument(
        "--stages",
        type=names,
        metavar="A,B",
        help="train these stages alone: locate, orient, refine",
    )
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Train; the run folder can be resumed by the same command."""
    from ..io.result_folder import Output
    from ..model.device import choose_device
    from ..training.cases import load_cases
    from ..training.config import load_config
    from ..training.run import check_networks, train

    config = load_config(options.config)
    only = options.stages or ()
    check_networks(config, only)
    Output(options.output)  # refuses what cannot be written, before data are read
    device = choose_device(options.device)
    cases = load_cases(options.data, config.synthetic, config.seed, say)
    train(config, cases, options.output, device, workers=options.workers, only=only, say=say)
    return 0
