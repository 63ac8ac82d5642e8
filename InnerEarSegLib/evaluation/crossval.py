"""Cross-validation: train without each fold of the specimens, and measure on that fold."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch

from ..errors import InnerEarSegError, UnusableInput
from ..model.card import NETWORKS, file_content
from ..model.device import choose_device
from ..parallel import Place, Workers, available_cores
from ..training.base import BaseModel, read_start
from ..training.cases import TrainingCase, load_cases
from ..training.config import Config
from ..training.run import folds_of, read_run, train
from ..training.trainer import steps_done, write_json
from ..types import Volume

if TYPE_CHECKING:  # these need SimpleITK, which a GPU server may lack
    from .evaluate import Row, Say

ROWS, MODEL = "rows.json", "model.pt"
"""Files in a fold's run folder, beside those of `innerearseg train`."""

MADE_WITH = "made_with"

Task = TypeVar("Task")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Fold:
    """What a process needs to know to train and measure a fold, ``number`` (from 1) of ``count``.

    Its own ``held_out`` replaces that of ``config``. ``data`` and ``output`` (of the
    cross-validation) are as that process sees them. The networks of ``base`` stand in for those not
    in ``only`` (all if empty); without a base, a fold is not measured. With ``measure_only``, it is
    not trained, but measured with the networks that it has. ``by_case`` is that of ``folds_of``.
    ``start`` is the file of a model that the training starts from.
    """

    config: Config
    data: Path
    output: Path
    number: int
    count: int
    only: tuple[str, ...] = ()
    base: Path | None = None
    workers: int = 0
    measure_only: bool = False
    by_case: bool = False
    start: Path | None = None

    @property
    def synthetic(self) -> int:
        """How many synthetic ears are read; to measure, none are generated."""
        return 0 if self.measure_only and self.data.is_dir() else self.config.synthetic

    @property
    def folder(self) -> Path:
        """The run folder."""
        return fold_folder(self.output, self.number)


def fold_folder(output: Path, number: int) -> Path:
    """Return the run folder of a fold, counted from 1."""
    return output / f"fold-{number}"


def each_task(
    function: Callable[[Task, Place], Value],
    tasks: Sequence[Task],
    devices: Sequence[str],
    scheduler: str | None = None,
) -> Iterator[Value]:
    """Do tasks in this process, or in several if there are more devices; yield as they end.

    ``function`` is one of a module that other processes can import. Each device gets a process;
    one named twice does two tasks at a time. ``scheduler`` is the address of a Dask scheduler,
    whose workers are used instead.

    Raises:
        UnusableInput: if the scheduler does not answer.
        InnerEarSegError: if a task fails; those that are under way are stopped.
    """
    if not tasks or (scheduler is None and len(devices) == 1):
        for task in tasks:
            yield function(task, Place(devices[0], torch.get_num_threads()))
        return
    threads = max(1, available_cores() // max(1, devices.count("cpu")))
    places = [] if scheduler else [Place(device, threads) for device in devices]
    with Workers(places, scheduler) as workers:
        for done in workers.run(function, tasks):
            if done.error is not None:
                raise InnerEarSegError(f"{done.error} What is finished stays.")
            yield cast(Value, done.value)


def use(place: Place) -> torch.device:
    """Return the device of a task, and share this machine's cores with the others on it."""
    if place.device == "cpu":
        torch.set_num_threads(place.threads)
    return choose_device(place.device)


@lru_cache(maxsize=1)
def cached_cases(data: Path, synthetic: int, seed: int) -> list[TrainingCase]:
    """Read specimens once in a process, and not once a task; see ``load_cases``."""
    return load_cases(data, synthetic, seed, partial(print, flush=True))


def do_fold(fold: Fold, place: Place) -> list[Row]:
    """Train a fold, or go on where an earlier call stopped, and measure it if there is a base."""
    cases = cached_cases(fold.data, fold.synthetic, fold.config.seed)
    held_out = folds_of(cases, fold.count, fold.by_case)[fold.number - 1]
    device = use(place)
    print(f"Fold {fold.number} of {fold.count}, without {', '.join(held_out)}", flush=True)

    def say(line: str) -> None:
        print(f"fold {fold.number}, {line}", flush=True)

    if not fold.measure_only:
        config = dataclasses.replace(fold.config, held_out=held_out)
        start = None if fold.start is None else read_start(fold.start, config)
        train(config, cases, fold.folder, device, start=start, workers=fold.workers,
              only=fold.only, say=say)  # fmt: skip
    held = [case for case in cases if case.name in held_out]
    return measure_fold(fold, held, device, say) if fold.base is not None else []


def networks_trained(output: Path, count: int) -> dict[str, list[int]]:
    """Return how many steps each fold trained each network; 0 where the base stood in."""
    folders = [fold_folder(output, number) for number in range(1, count + 1)]
    return {name: [steps_done(folder / name) for folder in folders] for name in NETWORKS}


def whose_figures(
    steps: Mapping[str, Sequence[int]], base: BaseModel, seen: Sequence[str]
) -> list[str]:
    """Say which networks the figures of a cross-validation are of, a line each.

    Args:
        steps: as ``networks_trained`` returns them.
        base: whose networks stand in for the others.
        seen: the cases that it was trained on.
    """
    own = [name for name, of in steps.items() if all(of)]
    lines = [f"These figures are of networks trained in the folds: {', '.join(own) or 'none'}"]
    drawn = [name for name in steps if name not in own and (name != "refine" or any(steps[name]))]
    if drawn:
        which = f"{', '.join(seen)} of these cases and" if seen else "none of these cases, but"
        lines.append(
            f"and of {base.name} {base.version}: {', '.join(drawn)}, which was trained on {which} "
            f"on {len(base.trained_on) - len(seen)} others."
        )
    if not any(steps["refine"]):
        lines.append("No fold trained refine: orient drew, more coarsely.")
    return lines


def measure_fold(
    fold: Fold, held_out: Sequence[TrainingCase], device: torch.device, say: Say = print
) -> list[Row]:
    """Measure specimens, as scanned and in simulated scans, by networks of the fold without them.

    Each row is kept as soon as it is measured, so that an interrupted fold goes on where it was,
    and one that has been measured with the same networks is not measured again. Where no fold
    trained ``refine``, CT is drawn by ``orient`` at whatever resolution.

    Returns:
        Rows of ``evaluate`` with fold, and the uncalibrated signs of uncertainty.

    Raise UnusableInput if the fold has trained no network, was trained on one of the specimens, or
    was measured with another base.
    """
    from ..io.case import Case
    from ..model.bundle import load_model
    from ..segmentation.pipeline import segment
    from ..training.export import export
    from .evaluate import row_of, sentence_of
    from .metrics import ear_of
    from .simulated_scans import PROTOCOLS, SCANS, in_scan

    assert fold.base is not None
    seen = {case.name for case in held_out} & set(read_run(fold.folder).trained_on)
    if seen:
        raise UnusableInput(
            f"{fold.folder} was trained on {', '.join(sorted(seen))}, which it should hold out; "
            "give the data and the number of folds that it was trained with."
        )
    steps = {name: steps_done(fold.folder / name) for name in NETWORKS}
    if not any(steps.values()):
        raise UnusableInput(
            f"{fold.folder} has trained no network: the figures would be the base model's."
        )
    of_base = hashlib.sha256(file_content(fold.base)).hexdigest()
    made_with = {
        "steps": steps, "base": of_base if min(steps.values()) == 0 else None,
        "scans": {name: dataclasses.asdict(how) for name, how in PROTOCOLS.items()},
    }  # fmt: skip
    path, file = fold.folder / ROWS, fold.folder / MODEL
    rows = _kept_rows(path, made_with, say)
    done = {(row["case"], row["scan"]) for row in rows}
    todo = [(case, scan) for case in held_out for scan in SCANS if (case.name, scan) not in done]
    if todo:
        export(fold.folder, file, version=f"fold {fold.number}", base=fold.base, any_base=True,
               say=say)  # fmt: skip
        model = load_model(file, device)
    for case, scan in todo:
        ct = Volume(case.ct, case.geometry)
        reference = Case(case.name, ct, case.labels, case.geometry, case.reference, case.side)
        reference = in_scan(reference, scan, model.template)
        result = segment(reference.ct, model, fine=steps["refine"] > 0)
        row = row_of(reference, result, scan) | {"fold": fold.number}
        ear = ear_of(result, reference)
        if ear is not None:
            row["signs"] = dict(ear.uncertainty)
        rows.append(row)
        write_json(path, {MADE_WITH: made_with, "rows": rows})
        say(f"{case.name}, {scan}: {sentence_of(row)}")
    return rows


def _kept_rows(path: Path, made_with: dict[str, Any], say: Say) -> list[Row]:
    """The rows of an earlier call, if they were made with the same; else none."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    earlier = kept.get(MADE_WITH, {})
    if earlier == made_with:
        return list(kept["rows"])
    if earlier and earlier | {"base": None} == made_with | {"base": None}:
        raise UnusableInput(
            f"{path} was measured with another base model (SHA-256 {earlier['base']}): give that "
            f"one as --base, choose another --output, or delete {ROWS} in the folders of all folds "
            "to measure them again."
        )
    if kept:
        say(f"{path} is of other networks or scans; it is measured again.")
    return []
