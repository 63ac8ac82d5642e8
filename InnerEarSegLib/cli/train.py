"""``innerearseg pack``, ``train`` and ``export``: from specimens to a model file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..model.card import BUNDLED
from ..model.provenance import counted
from .arguments import add_data, add_device, add_training, names, say, whole_number_from


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the three commands."""
    parser = commands.add_parser("pack", help="pack a dataset for training on another machine")
    add_data(parser, packed=False)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument(
        "--synthetic", type=whole_number_from(0), default=0, help="synthetic ears to add"
    )
    parser.add_argument(
        "--seed", type=whole_number_from(0), default=0, help="of the synthetic ears"
    )
    parser.set_defaults(run=pack)

    parser = commands.add_parser("train", help="train a model, or go on where training stopped")
    add_training(parser, "RUN", BUNDLED)
    parser.add_argument(
        "--hold-out", type=names, metavar="A,B",
        help="cases not to train on, measured on the way; instead of the config's",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL.pt",
        help="start from this model's weights and canonical ear (bundled: from the bundled "
        "model's); a run that goes on knows it",
    )  # fmt: skip
    add_device(parser)
    parser.set_defaults(run=train, resumes=True)

    parser = commands.add_parser("export", help="write the model file of a training run")
    parser.add_argument("run_folder", type=Path, metavar="RUN")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.pt")
    parser.add_argument("--name", help="of the model, for its card; the file's by default")
    parser.add_argument("--model-version", default="0", help="written into the card")
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE.json",
        help="summary of `innerearseg evaluate` of this run's model, written into the card",
    )  # fmt: skip
    parser.add_argument(
        "--crossval", type=Path, metavar="FILE.json",
        help="summary of `innerearseg crossval`: its table is written into the card, and its "
        "calibration gives landmarks a radius in mm",
    )  # fmt: skip
    parser.add_argument(
        "--base", type=Path, metavar="FILE.pt",
        help="takes networks that RUN did not train from here (bundled: from the bundled model), "
        "and says so in the card",
    )  # fmt: skip
    parser.add_argument(
        "--note", action="append", default=[], help="a sentence for the card; may be repeated"
    )
    parser.add_argument(
        "--name-cases", action="store_true",
        help="name the cases, and the files of measurements, in the card; otherwise it counts them",
    )  # fmt: skip
    parser.set_defaults(run=export)


def pack(options: argparse.Namespace) -> int:
    """Write cases into one file, for a machine with torch alone."""
    from ..io.result_folder import ResultFolder
    from ..training.cases import load_cases, pack

    if options.output.is_dir():
        raise UnusableInput(f"{options.output} is a folder; --output needs a file, FILE.npz.")
    folder = ResultFolder(options.output.parent)  # refuses before data are read
    cases = load_cases(options.data, options.synthetic, options.seed, say)
    with folder.adding() as new:
        pack(cases, new / options.output.name)
    size = options.output.stat().st_size / 2**20
    say("\n".join([*folder.sentences, f"{len(cases)} cases in {options.output}, {size:.0f} MiB"]))
    return 0


def train(options: argparse.Namespace) -> int:
    """Train; the run folder can be resumed by the same command."""
    from ..io.result_folder import ResultFolder
    from ..model.device import choose_device
    from ..training.base import read_start
    from ..training.cases import load_cases
    from ..training.config import load_config
    from ..training.run import check_groups, check_networks, train

    config = load_config(options.config, options.steps)
    if options.hold_out is not None:
        config = dataclasses.replace(config, held_out=tuple(options.hold_out))
    check_networks(config, options.networks)
    ResultFolder(options.output)  # refuses what cannot be written, before data are read
    device = choose_device(options.device)
    path = _start_file(options)
    start = None if path is None else read_start(path, config)
    cases = load_cases(options.data, config.synthetic, config.seed, say, whole=False)
    check_groups(config, cases)
    steps = {name: setup.optimiser.steps for name, setup in config.networks().items()}
    chosen = options.networks or list(steps)
    say(
        f"{options.config.name}: "
        + "; then ".join(f"{name}, {counted(steps[name], 'step')}" for name in chosen)
    )
    trained = train(
        config, cases, options.output, device, start=start, workers=options.workers,
        only=options.networks, say=say, kept=_drawing(options.output),
    )  # fmt: skip
    say(_what_next(options, trained, [name for name in steps if name not in chosen]))
    return 0


def _start_file(options: argparse.Namespace) -> Path | None:
    """Return the model of ``--from``, or else the one that the run in the folder started from."""
    from ..training.base import model_path
    from ..training.run import DESCRIPTION, read_run

    if options.start is not None:
        return model_path(options.start)
    if not (options.output / DESCRIPTION).is_file():
        return None
    run = read_run(options.output)
    path = Path(run.start_file) if run.start_file else None
    if path is not None and not path.is_file():
        raise UnusableInput(
            f"{options.output} started from {run.started_from}, and {path} is gone; say with "
            "--from where that model is."
        )
    return path


def _drawing(run_folder: Path) -> Callable[[], None]:
    """What draws the learning curves, as far as that can be done here."""
    try:
        from ..training.plots import draw_curves
    except ModuleNotFoundError as error:
        say(f"Learning curves are not drawn: that needs {error.name} (pip install {error.name}).")
        return lambda: None
    return partial(draw_curves, run_folder)


def _what_next(options: argparse.Namespace, trained: bool, others: list[str]) -> str:
    """Say that a training is finished, and what to do with it."""
    from ..training.trainer import steps_done

    run = options.output
    left = [name for name in others if not steps_done(run / name)]
    said = f"{run} is finished" + ("." if trained else ": nothing was left to train.")
    export = f"innerearseg export {shlex.quote(str(run))} --output MODEL.pt"
    if left:
        said += (
            f" {' and '.join(left)} are not trained: go on without --networks, or give export "
            "--base MODEL.pt."
        )
    evaluate = "innerearseg evaluate DATASET --model MODEL.pt --output DIR"
    return f"{said}\nNext: {export}\n      {evaluate}"


def export(options: argparse.Namespace) -> int:
    """Export, and write the card beside the model for people to read."""
    from ..training.base import model_path
    from ..training.export import export

    card = export(
        options.run_folder, options.output, version=options.model_version, name=options.name,
        base=None if options.base is None else model_path(options.base),
        metrics=_summary(options.metrics), crossval=_summary(options.crossval, "calibration"),
        notes=options.note, name_cases=options.name_cases, say=say,
    )  # fmt: skip
    size = options.output.stat().st_size / 2**20
    say(f"{card['name']} {card['version']}: {options.output}, {size:.1f} MiB")
    say(f"Licence: {card['licence']}. Card: {options.output.with_suffix('.md')}")
    return 0


def _summary(path: Path | None, *needed: str) -> dict[str, Any] | None:
    """The content of a summary.json; None without a path."""
    if path is None:
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or any(key not in content for key in ("summary", *needed)):
        raise UnusableInput(f"{path} is no summary.json of `innerearseg evaluate` or `crossval`.")
    return content
