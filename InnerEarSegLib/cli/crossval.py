"""``innerearseg crossval``: how good a recipe is on specimens that its folds did not train on."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.card import NETWORKS
from .arguments import (
    add_devices,
    add_training,
    chosen_devices,
    packages_of,
    say,
    whole_number_from,
)

if TYPE_CHECKING:
    from ..training.base import BaseModel
    from ..training.cases import TrainingCase
    from ..training.config import Config


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("crossval", help="train and measure on folds of the specimens")
    add_training(parser, "RUNS", "crossval")
    parser.add_argument("--folds", type=whole_number_from(2), default=5)
    parser.add_argument(
        "--base", type=Path, metavar="MODEL",
        help="whose networks stand in for those not trained; the bundled model by default",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL",
        help="start each fold from this model, as in `train`; of none of the cases",
    )  # fmt: skip
    parser.add_argument(
        "--by-case", action="store_true",
        help="deal out each case alone, even if the manifest groups some, such as a patient's ears",
    )  # fmt: skip
    add_devices(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--train-only", action="store_true", help="do not measure: that needs more than torch"
    )
    either.add_argument(
        "--measure-only", action="store_true", help="do not train: measure what the folds have"
    )
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Train the folds, measure, calibrate, and write the summary; resumable at any point."""
    from ..evaluation.crossval import Fold, cached_cases, do_fold, each_task
    from ..io.result_folder import ResultFolder
    from ..training.base import model_path, read_start
    from ..training.config import load_config
    from ..training.run import check_networks, check_start, folds_of

    config = load_config(options.config, options.steps)
    check_networks(config, options.networks)
    ResultFolder(options.output)  # refuses what cannot be written, before data are read
    devices = chosen_devices(options)
    base = None if options.train_only else _check_base(options, config)
    output, data = options.output.resolve(), options.data.resolve()
    path = None if base is None else base[0]
    start = None if options.start is None else model_path(options.start).resolve()
    model = None if start is None else read_start(start, config).model
    first = Fold(config, data, output, 1, options.folds, tuple(options.networks), path,
                 options.workers, options.measure_only, options.by_case, start)  # fmt: skip
    cases = cached_cases(data, first.synthetic, config.seed)
    if model is not None:
        check_start(model, cases)  # each case is held out once
    folds_of(cases, options.folds, options.by_case)  # refuses a count that does not fit
    _say_groups(cases, options.by_case)
    others = [name for name in NETWORKS if options.networks and name not in options.networks]
    if base is not None and others:
        say(
            f"Trained: {', '.join(options.networks)}. From {base[1]}, unless the folds have "
            f"trained them earlier: {', '.join(others)}."
        )
    folds = [dataclasses.replace(first, number=n + 1) for n in range(options.folds)]
    rows = [row for of in each_task(do_fold, folds, devices, options.scheduler) for row in of]
    if base is not None:
        real = {case.name: case.fingerprint for case in cases if not case.synthetic}
        _summarise(options, sorted(rows, key=lambda row: row["fold"]), base[1], real)
    return 0


def _say_groups(cases: Sequence[TrainingCase], by_case: bool) -> None:
    """Say what the folds keep together, or divide, where cases have groups."""
    groups = [case.group or case.name for case in cases if not case.synthetic]
    count, of = len(set(groups)), len(groups)
    if count < of and by_case:
        say(
            f"Warning: the {of} cases are of {count} groups (the manifest's column group), which "
            "--by-case divides among folds: a network may know the other ear of a patient."
        )
    elif count < of:
        say(f"{of} cases of {count} groups; a group is held out together.")


def _check_base(options: argparse.Namespace, config: Config) -> tuple[Path, BaseModel]:
    """Refuse what cannot be measured in the end before hours of training; return the base."""
    from ..model.card import BUNDLED
    from ..training.base import model_path, read_base

    with packages_of("evaluation", "crossval without --train-only"):
        import scipy  # noqa: F401

        from ..evaluation import evaluate, plots  # noqa: F401
    path = model_path(options.base or Path(BUNDLED)).resolve()
    return path, read_base(path, config)


def _summarise(
    options: argparse.Namespace, rows: list, base: BaseModel, fingerprints: dict[str, str]
) -> None:
    """Calibrate on the rows of all folds, and write and print the summary.

    ``fingerprints`` are those of the cases, by name.
    """
    from ..evaluation import calibrate
    from ..evaluation.crossval import networks_trained, whose_figures
    from ..evaluation.evaluate import by_scan, lines_of, write_tables
    from ..evaluation.plots import PICTURES, draw_plots, draw_reliability
    from ..evaluation.simulated_scans import AS_SCANNED
    from ..io.result_folder import ResultFolder

    output = options.output
    held = calibrate.reliability(rows)
    judged = calibrate.with_radii(rows)
    softness = calibrate.error_by_edge_width(judged)
    seen = base.known(fingerprints.items())
    # Names without folders: the command goes onto model cards, which are published.
    command = [
        "innerearseg",
        "crossval",
        options.config.name,
        "--data",
        options.data.resolve().name,
    ]
    command += ["--output", output.resolve().name, "--folds", str(options.folds)]
    command += ["--steps", str(options.steps)] if options.steps else []
    command += ["--networks", ",".join(options.networks)] if options.networks else []
    command += ["--base", options.base.name] if options.base else []
    command += ["--from", options.start.name] if options.start else []
    command += ["--by-case"] if options.by_case else []
    command += ["--measure-only"] if options.measure_only else []
    folder = ResultFolder(output)
    with folder.adding(obsolete=PICTURES) as new:
        write_tables(
            judged, new, shlex.join(command),
            base=dataclasses.asdict(base) | {"seen": seen}, fingerprints=fingerprints,
            steps=networks_trained(output, options.folds),
            calibration=calibrate.calibrate(rows).to_json(), reliability=held,
            error_by_edge_width=softness,
        )  # fmt: skip
        draw_plots(by_scan(judged)[AS_SCANNED], new)
        draw_reliability(held, new / "reliability.png")
    say("\n".join([*lines_of(judged), *calibrate.reliability_sentences(held)]))
    say("\n".join(whose_figures(networks_trained(output, options.folds), base, seen)))
    if softness is not None:
        say(
            "Error / radius against the edge width at the ear: correlation "
            f"{softness['correlation']:.2f}, {softness['landmarks']} landmarks"
        )
    say("\n".join([*folder.sentences, f"Files: {output}"]))
