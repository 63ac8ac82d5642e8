"""``innerearseg evaluate``: how good the model is on specimens with references."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path

say = partial(print, flush=True)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", help="measure accuracy on a dataset")
    parser.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="folder in the layout of the human bony labyrinth dataset, or a CSV list with the "
        "columns case,image,labels,landmarks,side",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cases", metavar="A,B", help="names of cases; all by default")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.add_argument(
        "--no-pictures", action="store_true", help="tables alone, no plots nor pictures of cases"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print each case and the summary, and write tables, plots and pictures."""
    from ..errors import UnusableInput
    from ..inferring.bundle import load_bundle
    from ..inferring.device import choose_device
    from ..model_file import bundled_model
    from ..reading.cases import cases_of

    try:
        from ..evaluation.evaluate import evaluate
        from ..evaluation.pictures import Extremes
        from ..evaluation.plots import draw_plots
        from ..evaluation.summary import sentences, summarise, write_tables
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"evaluate needs {error.name}: pip install 'innerearseg[evaluation]'."
        ) from None
    cases = cases_of(options.dataset)
    bundle = load_bundle(options.model or bundled_model(), choose_device(options.device))
    names = options.cases.split(",") if options.cases else None
    extremes = Extremes()
    look = None if options.no_pictures else extremes.look
    rows = evaluate(cases, bundle, names, say, look)
    command = f"innerearseg evaluate {shlex.quote(str(options.dataset))}"
    command += f" --cases {options.cases}" if options.cases else ""
    command += f" --model {shlex.quote(str(options.model))}" if options.model else ""
    command += f" --output {shlex.quote(str(options.output))}"
    model = f"{bundle.identity.name} {bundle.identity.version}, SHA-256 {bundle.identity.sha256}"
    write_tables(rows, options.output, command, model=model)
    if not options.no_pictures:
        draw_plots(rows, options.output)
        extremes.draw(options.output)
    say("\n".join(sentences(summarise(rows))))
    say(f"Files: {options.output}")
    return 0
