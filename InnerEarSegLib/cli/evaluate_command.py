"""``innerearseg evaluate``: how good the model is on specimens with references."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path

from .arguments import names
from .batch import SOME_FAILED

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
    parser.add_argument("--cases", type=names, metavar="A,B", help="names of cases; all by default")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.add_argument(
        "--no-pictures", action="store_true", help="tables alone, no plots nor pictures of cases"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print each case and the summary, and write tables, plots and pictures.

    Returns:
        0 if every case was measured, 4 if some were not.
    """
    from ..errors import UnusableInput
    from ..io.manifest import cases_of
    from ..io.result_folder import ResultFolder
    from ..model.bundle import load_model
    from ..model.card import bundled_model
    from ..model.device import choose_device

    try:
        from ..evaluation.evaluate import evaluate
        from ..evaluation.plots import PICTURES, Extremes, draw_plots
        from ..evaluation.summary import apart, write_tables
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"evaluate needs {error.name}: pip install 'innerearseg[evaluation]'."
        ) from None
    output = ResultFolder(options.output)
    cases = cases_of(options.dataset)
    bundle = load_model(options.model or bundled_model(), choose_device(options.device))
    extremes = Extremes()
    look = None if options.no_pictures else extremes.look
    done = evaluate(cases, bundle, options.cases, say, look)
    if not done.rows:
        name, reason = next(iter(done.failed.items()))
        raise UnusableInput(f"No case could be measured; {name}: {reason}")
    command = f"innerearseg evaluate {shlex.quote(str(options.dataset))}"
    command += f" --cases {shlex.quote(','.join(options.cases))}" if options.cases else ""
    command += f" --model {shlex.quote(str(options.model))}" if options.model else ""
    command += f" --output {shlex.quote(str(options.output))}"
    model = f"{bundle.identity.name} {bundle.identity.version}, SHA-256 {bundle.identity.sha256}"
    with output.adding(obsolete=PICTURES) as new:
        write_tables(done.rows, new, command, model=model, not_measured=done.failed)
    if not options.no_pictures:
        with output.adding() as new:
            draw_plots(apart(done.rows)[0] or done.rows, new)
            extremes.draw(new)
    say("\n".join(_figures(done.rows)))
    say("\n".join([*output.sentences, f"Files: {options.output}"]))
    if done.failed:
        say(f"Not measured: {', '.join(done.failed)}; the reasons are above.")
    return SOME_FAILED if done.failed else 0


def _figures(rows: list) -> list[str]:
    """The summary in lines, cases that the model was trained on apart from the others."""
    from ..evaluation.summary import apart, sentences, summarise

    others, trained_on = apart(rows)
    lines = sentences(summarise(others)) if others else []
    if trained_on:
        names = ", ".join(row["case"] for row in trained_on)
        lines.append(
            f"Warning: the model's card lists {names} as trained on; figures of these, which are "
            "kept apart, say nothing about others:"
        )
        lines += [f"  {line}" for line in sentences(summarise(trained_on))]
    return lines
