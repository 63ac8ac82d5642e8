"""``innerearseg evaluate``, ``plan-accuracy``, ``stability`` and ``compare``."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import interrupts
from ..errors import UnusableInput
from .arguments import (
    add_dataset,
    add_device,
    chosen_model,
    millimetres_up_to,
    names,
    packages_of,
    say,
    whole_number_from,
)
from .batch import SOME_FAILED

if TYPE_CHECKING:
    from ..evaluation.measurement_errors import MeasurementErrors
    from ..io.case import Case
    from ..types import Ear

MAX_DISPLACE_MM = 5.0
"""The landmarks of an ear lie this far apart: beyond it there is no ear left to measure."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the four commands."""
    data = argparse.ArgumentParser(add_help=False)
    add_dataset(data)
    data.add_argument("--cases", type=names, metavar="A,B", help="names of cases; all by default")
    add_device(data, model=True)

    parser = commands.add_parser("evaluate", parents=[data], help="measure accuracy on a dataset")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--no-pictures", action="store_true", help="tables alone, no plots nor pictures of cases"
    )
    parser.add_argument(
        "--scans", action="store_true",
        help="measure each case in simulated scans, too: cone beam, bone and soft kernel",
    )  # fmt: skip
    parser.set_defaults(run=evaluate)

    parser = commands.add_parser(
        "plan-accuracy", parents=[data], help="measure cochlear frame and diameters on a dataset"
    )
    parser.add_argument(
        "--displace", type=millimetres_up_to(MAX_DISPLACE_MM), metavar="MM",
        help="no network: displace the reference's points at random, by MM on average (at most "
        f"{MAX_DISPLACE_MM:g})",
    )  # fmt: skip
    parser.add_argument(
        "--draws", type=whole_number_from(1), default=10, help="displacements a case (default 10)"
    )
    parser.add_argument(
        "--crossval", type=Path, metavar="RUNS",
        help="folder of `innerearseg crossval`: measure each case by the fold that held it out",
    )  # fmt: skip
    parser.add_argument(
        "--scan", choices=("bone", "soft", "all"),
        help="simulate each case's scan by a clinical CT with a bone or a soft kernel first; all: "
        "as scanned and both kernels, and how they differ",
    )  # fmt: skip
    parser.set_defaults(run=plan_accuracy)

    parser = commands.add_parser(
        "stability", help="change a CT's kernel, slices, pose and storage, and see what moves"
    )
    parser.add_argument(
        "input", type=Path, metavar="INPUT",
        help="a CT as for segment; or a manifest (.csv, .tsv) or a dataset's folder: all its CTs",
    )  # fmt: skip
    parser.add_argument("--cases", type=names, metavar="A,B", help="of a manifest or dataset")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    add_device(parser, model=True)
    parser.set_defaults(run=stability)

    parser = commands.add_parser(
        "compare", help="compare the ears in two CTs of one patient, such as two kernels of a scan"
    )
    parser.add_argument("first", type=Path, metavar="CT", help="as for segment")
    parser.add_argument("second", type=Path, metavar="CT", help="of the same frame of reference")
    add_device(parser, model=True)
    parser.set_defaults(run=compare)


def evaluate(options: argparse.Namespace) -> int:
    """Print each case and the summary, and write tables, plots and pictures."""
    from ..io.manifest import read_dataset
    from ..io.result_folder import ResultFolder

    with packages_of("evaluation", "evaluate"):
        import scipy  # noqa: F401

        from ..evaluation.evaluate import by_scan, by_training, evaluate, write_tables
        from ..evaluation.plots import PICTURES, Extremes, draw_plots
        from ..evaluation.simulated_scans import AS_SCANNED, SCANS
    output = ResultFolder(options.output)
    cases = read_dataset(options.dataset).readers
    bundle = chosen_model(options)
    extremes = Extremes(cases)
    rows, failed = evaluate(
        cases, bundle, options.cases, say, None if options.no_pictures else extremes.look,
        SCANS if options.scans else (AS_SCANNED,),
    )  # fmt: skip
    if not rows:
        raise _nothing_measured(failed)
    command = ["innerearseg", "evaluate", str(options.dataset)]
    command += ["--cases", ",".join(options.cases)] if options.cases else []
    command += ["--model", str(options.model)] if options.model else []
    command += ["--scans"] if options.scans else []
    command += ["--output", str(options.output)]
    model = f"{bundle.identity.name} {bundle.identity.version}, SHA-256 {bundle.identity.sha256}"
    with output.adding(obsolete=PICTURES) as new:
        write_tables(
            rows, new, shlex.join(command), model=model,
            weights_sha256=bundle.card.get("weights_sha256"), not_measured=failed,
        )  # fmt: skip
    interrupts.left = f"cases.csv and summary.json are in {options.output}, without pictures"
    if not options.no_pictures:
        with output.adding() as new:
            draw_plots(by_scan(by_training(rows)[0] or rows)[AS_SCANNED], new)
            extremes.draw(new)
    interrupts.left = f"the files are in {options.output}"
    say("\n".join([*_figures(rows), *output.sentences, f"Files: {options.output}"]))
    return _status(failed)


def _figures(rows: list) -> list[str]:
    """The summary in lines, cases that the model was trained on apart from the others."""
    from ..evaluation.evaluate import by_training, lines_of

    others, trained_on = by_training(rows)
    lines = lines_of(others)
    if trained_on:
        names = ", ".join(dict.fromkeys(row["case"] for row in trained_on))
        lines.append(
            f"Warning: the model was trained on {names}, as its card says; figures of these, which "
            "are kept apart, say nothing about others:"
        )
        lines += [f"  {line}" for line in lines_of(trained_on)]
    return lines


def _nothing_measured(failed: Mapping[str, str]) -> UnusableInput:
    name, reason = next(iter(failed.items()))
    return UnusableInput(f"No case could be measured; {name}: {reason}")


def _status(failed: Mapping[str, str]) -> int:
    """The exit status, 4 if some cases were not measured, after a line on each of these."""
    for name, reason in failed.items():
        say(f"Not measured: {name}: {reason}")
    return SOME_FAILED if failed else 0


def plan_accuracy(options: argparse.Namespace) -> int:
    """Measure cochleae, and print each case and the summary."""
    from ..evaluation import measurement_errors as errors_of
    from ..io.manifest import read_dataset

    cases = read_dataset(options.dataset).readers
    if options.displace is not None:
        how = options.displace, options.draws
        errors, failed = errors_of.displaced_errors(cases, options.cases, *how, say)
        _say_summary(errors, failed, set())
        return _status(failed)
    find, trained_on = _finder(options)
    scans = SIMULATED if options.scan == "all" else (options.scan,)
    by_scan: dict[str, list[MeasurementErrors]] = {}
    failed = {}
    for scan in scans:
        if len(scans) > 1:
            say(f"{scan or 'as scanned'}:")
        of_scan = partial(find, scan)
        by_scan[scan or ""], more = errors_of.segmented_errors(cases, options.cases, of_scan, say)
        failed |= more
        _say_summary(by_scan[scan or ""], failed, trained_on)
    if len(scans) > 1:
        pooled = [error for errors in by_scan.values() for error in errors]
        say("\n".join(["all scans:", *errors_of.coverage(pooled)]))
        say("\n".join(errors_of.kernels_apart(by_scan["bone"], by_scan["soft"])))
    return _status(failed)


SIMULATED = (None, "bone", "soft")
"""Scans of ``plan-accuracy --scan all``; None: as scanned."""


def _finder(
    options: argparse.Namespace,
) -> tuple[Callable[[str | None, Case], Ear | None], set[str]]:
    """What finds the ear of a case in one of SIMULATED, and which of them it was trained on."""
    from ..evaluation.held_out import HeldOut
    from ..evaluation.metrics import ear_of
    from ..evaluation.simulated_scans import with_kernel
    from ..io.fingerprint import fingerprint
    from ..model.provenance import knows
    from ..segmentation.pipeline import segment

    def seen_by(scan: str | None, case: Case) -> Case:
        return case if scan is None else replace(case, ct=with_kernel(case.ct, scan))

    if options.crossval is not None:
        if options.model is not None:
            raise UnusableInput("--crossval has models of its own: leave --model out.")
        held_out = HeldOut.of(options.crossval)
        say("\n".join(held_out.whose))
        return lambda scan, case: held_out.find(seen_by(scan, case), options.device), held_out.seen
    bundle = chosen_model(options)
    trained_on: set[str] = set()
    hashed: set[str] = set()

    def find(scan: str | None, case: Case) -> Ear | None:
        if case.name not in hashed and knows(bundle.card, case.name, fingerprint(case.ct.array)):
            trained_on.add(case.name)
        hashed.add(case.name)  # once for all scans
        if case.name in trained_on:
            say("(trained on) ", end="")
        return ear_of(segment(seen_by(scan, case).ct, bundle), case)

    return find, trained_on


def _say_summary(
    errors: Sequence[MeasurementErrors], failed: Mapping[str, str], trained_on: set[str]
) -> None:
    """Print the summary, cases that the model was trained on apart from the others."""
    from ..evaluation.measurement_errors import summary

    if not errors and failed:
        raise _nothing_measured(failed)
    if not errors:
        raise UnusableInput("None of these cases has labels and a cochlear frame to compare with.")
    title = "Trained on, which says nothing about other ears:"
    for seen in (False, True):
        those = [error for error in errors if (error.case in trained_on) == seen]
        if those:
            say("\n".join([*([title] if seen else []), *summary(those)]))


def stability(options: argparse.Namespace) -> int:
    """Print a line a change and ear, then the largest shift, and write all to a JSON file."""
    from ..evaluation.evaluate import each_case
    from ..evaluation.perturbations import Shift, stability
    from ..io.manifest import is_dataset, read_dataset
    from ..io.result_folder import ResultFolder
    from ..io.volume import read_ct
    from .segment import NO_EAR

    output = ResultFolder(options.output)
    rows: list[tuple[str, Shift]] = []
    failed: dict[str, str] = {}
    if is_dataset(options.input):
        dataset, bundle = read_dataset(options.input), chosen_model(options)

        def change(case: Case) -> None:
            found = stability(case.ct, bundle, lambda line: say(f"{case.name}: {line}"))
            if not found:
                raise UnusableInput("No inner ear was found.")
            rows.extend((case.name, row) for row in found)

        failed = each_case(dataset.readers, options.cases, change, say)
        if not rows and failed:
            raise _nothing_measured(failed)
    elif options.cases is not None:
        raise UnusableInput("--cases needs a manifest or the folder of a dataset.")
    else:
        bundle = chosen_model(options)
        rows = [("", row) for row in stability(read_ct(options.input), bundle, say)]
    if not rows:
        say("No inner ear was found.")
        return NO_EAR
    largest = max((mm for _, row in rows for mm in row.shifts_mm.values()), default=0.0)
    lost = sum(not row.found for _, row in rows)
    say(f"{len(rows)} ears, {lost} not found again; largest shift {largest:.2f} mm")
    written = [({"case": case} if case else {}) | vars(row) for case, row in rows]
    content = {"input": options.input.name, "rows": written}
    with output.adding() as new:
        (new / "stability.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    for sentence in output.sentences:
        say(sentence)
    return _status(failed)


def compare(options: argparse.Namespace) -> int:
    """Print a line a CT and ear."""
    from ..evaluation.perturbations import compare
    from ..io.volume import read_ct
    from .segment import NO_EAR

    first, second = (read_ct(path) for path in (options.first, options.second))
    rows = compare(first, second, chosen_model(options), say)
    if not rows:
        say("No inner ear was found in either CT.")
        return NO_EAR
    if any(row.dice == 0.0 for row in rows):
        say("Ears of one side do not overlap: the CTs are probably of two frames of reference.")
    return 0
