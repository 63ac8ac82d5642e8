"""``innerearseg export``: a training run to one model file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import UnusableInput


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("export", help="write the model file of a training run")
    parser.add_argument("run_folder", type=Path, metavar="RUN")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.pt")
    parser.add_argument("--model-version", default="0", help="written into the card")
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE.json",
        help="summary of `innerearseg evaluate`, written into the card with the model measured",
    )
    parser.add_argument(
        "--crossval",
        type=Path,
        metavar="FILE.json",
        help="summary of `innerearseg crossval`: its table is written into the card, and its "
        "calibration gives landmarks a radius in mm",
    )
    parser.add_argument(
        "--base", type=Path, metavar="FILE.pt", help="takes stages that RUN did not train from here"
    )
    parser.add_argument(
        "--note", action="append", default=[], help="a sentence for the card; may be repeated"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export, and write the card beside the model for people to read."""
    from ..training.export import export

    card = export(
        options.run_folder,
        options.output,
        version=options.model_version,
        base=options.base,
        metrics=_summary(options.metrics),
        crossval=_summary(options.crossval, "calibration"),
        notes=options.note,
    )
    size = options.output.stat().st_size / 2**20
    print(f"{card['name']} {card['version']}: {options.output}, {size:.1f} MiB")
    return 0


def _summary(path: Path | None, *needed: str) -> dict[str, Any] | None:
    """The content of a summary.json; None without a path.

    Raises:
        UnusableInput: if the file is none, or lacks what is needed.
    """
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
