"""``innerearseg evaluate``: how good the model is on specimens with references."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", help="measure accuracy on a dataset")
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cases", help="comma-separated names; all by default")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print each case and the summary, and write both."""
    from ..evaluation.evaluate import evaluate, summarise, write_tables
    from ..inferring.bundle import load_bundle
    from ..inferring.device import choose_device
    from ..model_file import bundled_model

    bundle = load_bundle(options.model or bundled_model(), choose_device(options.device))
    names = options.cases.split(",") if options.cases else None
    rows = evaluate(options.dataset, bundle, names, say)
    command = f"innerearseg evaluate {options.dataset} --output {options.output}"
    command += f" --cases {options.cases}" if options.cases else ""
    write_tables(rows, options.output, command)
    summary = summarise(rows)
    say(f"{summary['found']} of {summary['cases']} found, {summary['side_right']} sides right")
    for key, value in summary.items():
        if isinstance(value, dict):
            say(f"{key}: mean {value['mean']:.4f}, worst {value['worst']:.4f}, "
                f"{value['cases']} cases")  # fmt: skip
    return 0
