"""``innerearseg pack``, ``train`` and ``export``: from specimens to a model file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from .arguments import add_device, add_training, say


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the three commands."""
    parser = commands.add_parser("pack", help="pack a dataset for training on another machine")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--synthetic", type=int, default=0, help="synthetic ears to add")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic ears")
    parser.set_defaults(run=pack)

    parser = commands.add_parser("train", help="train a model, or go on where training stopped")
    add_training(parser, "RUN")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL.pt",
        help="start from this model's weights and canonical ear; to go on, give it again",
    )  # fmt: skip
    add_device(parser)
    parser.set_defaults(run=train, resumes=True)

    parser = commands.add_parser("export", help="write the model file of a training run")
    parser.add_argument("run_folder", type=Path, metavar="RUN")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.pt")
    parser.add_argument("--model-version", default="0", help="written into the card")
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE.json",
        help="summary of `innerearseg evaluate`, written into the card with the model measured",
    )  # fmt: skip
    parser.add_argument(
        "--crossval", type=Path, metavar="FILE.json",
        help="summary of `innerearseg crossval`: its table is written into the card, and its "
        "calibration gives landmarks a radius in mm",
    )  # fmt: skip
    parser.add_argument(
        "--base", type=Path, metavar="FILE.pt",
        help="takes networks that RUN did not train from here",
    )  # fmt: skip
    parser.add_argument(
        "--note", action="append", default=[], help="a sentence for the card; may be repeated"
    )
    parser.set_defaults(run=export)


def pack(options: argparse.Namespace) -> int:
    """Write specimens into one file, for a machine with torch alone."""
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
    from ..training.run import check_networks, train

    config = load_config(options.config)
    check_networks(config, options.stages)
    ResultFolder(options.output)  # refuses what cannot be written, before data are read
    device = choose_device(options.device)
    start = None if options.start is None else read_start(options.start, config)
    cases = load_cases(options.data, config.synthetic, config.seed, say)
    train(
        config, cases, options.output, device, start=start, workers=options.workers,
        only=options.stages, say=say,
    )  # fmt: skip
    return 0


def export(options: argparse.Namespace) -> int:
    """Export, and write the card beside the model for people to read."""
    from ..training.export import export

    card = export(
        options.run_folder, options.output, version=options.model_version, base=options.base,
        metrics=_summary(options.metrics), crossval=_summary(options.crossval, "calibration"),
        notes=options.note,
    )  # fmt: skip
    size = options.output.stat().st_size / 2**20
    say(f"{card['name']} {card['version']}: {options.output}, {size:.1f} MiB")
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
