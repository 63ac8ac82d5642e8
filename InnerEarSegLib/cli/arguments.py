"""Arguments that several commands have."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import UnusableInput

if TYPE_CHECKING:
    from ..cochlea.arrays import ElectrodeArray
    from ..model.bundle import Model

T = TypeVar("T")

say = partial(print, flush=True)

CONFIGS = Path(__file__).parents[1] / "training" / "configs"
"""The training configs that come with InnerEarSeg."""


def complain(sentence: str | None) -> None:
    """Print a sentence, if there is one, on stderr as this program's."""
    if sentence is not None:
        print(f"innerearseg: {sentence}", file=sys.stderr)


def note(sentence: str) -> None:
    """Print a remark on stderr; the panel shows it."""
    print(f"Note: {sentence}", file=sys.stderr)


@contextmanager
def packages_of(extra: str, command: str) -> Iterator[None]:
    """Say in a sentence what to install where a package is missing that a command imports."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnusableInput(
            f"{command} needs {error.name}: pip install 'innerearseg[{extra}]'."
        ) from None


def names(text: str) -> list[str]:
    """Return ``F01, F03,`` as F01 and F03, each once, in order; ValueError if there is none."""
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError(text)
    return found


def whole_number_from(least: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least so much."""
    return _number(int, lambda value: value >= least, f"whole number from {least} on")


def millimetres_up_to(most: float) -> Callable[[str], float]:
    """An argparse type: millimetres, more than 0 and at most so many."""
    what = f"number of millimetres above 0 and up to {most:g}"
    return _number(float, lambda value: 0.0 < value <= most, what)


def _number(kind: Callable[[str], T], fits: Callable[[T], bool], what: str) -> Callable[[str], T]:
    def parse(text: str) -> T:
        try:
            if fits(value := kind(text)):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")

    return parse


def add_arrays(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--array``, whose help says what is done with one, and ``--arrays``."""
    parser.add_argument("--array", action="append", default=[], metavar="NAME", help=what)
    parser.add_argument(
        "--arrays", type=Path, metavar="FILE", help="also arrays of a JSON file of one's own"
    )


def known_arrays(options: argparse.Namespace) -> list[ElectrodeArray]:
    """Return the package's arrays and those of ``--arrays``; UnusableInput if it cannot be read."""
    from ..cochlea.arrays import read_arrays

    return [*read_arrays(), *(read_arrays(options.arrays) if options.arrays else ())]


def chosen_arrays(options: argparse.Namespace) -> list[ElectrodeArray]:
    """Return the arrays of ``--array``; UnusableInput if one is unknown."""
    from ..cochlea.arrays import choose

    return choose(options.array, known_arrays(options))


def add_device(parser: argparse.ArgumentParser, *, model: bool = False) -> None:
    """Add ``--device``, and ``--model`` if it can be chosen."""
    parser.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|mps",
        help="where the networks run, also cuda:1 and so on; auto (default) takes a GPU where "
        "there is one",
    )  # fmt: skip
    if model:
        parser.add_argument(
            "--model", type=Path, metavar="FILE", help="instead of the bundled model"
        )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Add the positional DATASET."""
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET",
        help="manifest of your cases (CSV or TSV; docs/own_data.md), or a folder in the layout of "
        "the human bony labyrinth dataset",
    )  # fmt: skip


def add_data(parser: argparse.ArgumentParser, *, packed: bool = True) -> None:
    """Add ``--data``; ``packed`` if it may be a file of `innerearseg pack`."""
    parser.add_argument(
        "--data", type=Path, required=True,
        help="manifest of your cases, or a dataset's folder"
        + (", or a file of `innerearseg pack`" if packed else ""),
    )  # fmt: skip


def config_path(text: str) -> Path:
    """An argparse type: a config file, or the name of one that comes with InnerEarSeg."""
    path, shipped = Path(text), CONFIGS / f"{text}.json"
    return shipped if shipped.is_file() and not path.exists() else path


def add_training(parser: argparse.ArgumentParser, output: str, config: str) -> None:
    """Add what `innerearseg train` and `crossval` have in common; ``config`` is the default."""
    parser.add_argument(
        "config", type=config_path, nargs="?", default=config, metavar="CONFIG",
        help="JSON file, or one that comes with InnerEarSeg: bundled (that of the bundled model), "
        f"crossval (shorter); {config} by default",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument("--output", type=Path, required=True, metavar=output)
    parser.add_argument(
        "--steps", type=whole_number_from(1), metavar="N",
        help="a short trial: N steps in all, divided among the networks as in the config",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole_number_from(0), default=1,
        help="processes that draw samples (0: in this process; GPU: 8 or more)",
    )  # fmt: skip
    parser.add_argument(
        "--networks", type=names, default=(), metavar="A,B",
        help="train these networks alone: locate, orient, refine",
    )  # fmt: skip


def add_devices(parser: argparse.ArgumentParser) -> None:
    """Add where to do several tasks at a time."""
    parser.add_argument(
        "--devices", default="auto", metavar="A,B",
        help="one process for each: auto, cpu, cuda:0, ...; cpu,cpu does two tasks at a time",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the workers of this Dask cluster instead"
    )


def chosen_devices(options: argparse.Namespace) -> list[str]:
    """Return the chosen devices; UnusableInput if one is missing, unless a cluster has its own."""
    from ..model.device import choose_device

    devices = options.devices.split(",")
    if options.scheduler is None:
        devices = [str(choose_device(device)) for device in devices]
    return devices


def chosen_model(options: argparse.Namespace) -> Model:
    """Load the chosen model, or the bundled one, on the chosen device; see ``load_model``."""
    from ..model.bundle import load_model

    return load_model(options.model, options.device)
