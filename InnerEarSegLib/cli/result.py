"""A result that a command reads: the folder of `innerearseg segment`, or a scene of 3D Slicer."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..process import end_with_stdin
from .arguments import note

if TYPE_CHECKING:
    from ..cochlea.arrays import ChosenArray
    from ..report.subject import Subject

SCENES = (".mrb", ".mrml")


def add_result(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the positional DIR, and ``--ct``."""
    parser.add_argument(
        "input", type=Path, metavar="DIR", nargs="?" if optional else None,
        help="folder of `innerearseg segment`, or a scene that 3D Slicer saved (.mrb, .mrml)",
    )  # fmt: skip
    parser.add_argument("--ct", metavar="NAME", help="where a scene has results of several CTs")


def add_handed_over(parser: argparse.ArgumentParser) -> None:
    """Add ``--handed-over``, which the panel gives."""
    parser.add_argument(
        "--handed-over", action="store_true", help="DIR is what the panel wrote for this command"
    )


def end_with_panel(options: argparse.Namespace) -> None:
    """End this process with the panel, if it was started from there."""
    if options.handed_over:
        end_with_stdin()
        print(flush=True)  # tells the panel that the end of stdin is heard from now on


def typed(options: argparse.Namespace, name: str, otherwise: str) -> str:
    """Return what the user typed in the panel, from a file of this name, else the option."""
    file = options.input / name
    if not options.handed_over or not file.is_file():
        return otherwise
    text = file.read_text(encoding="utf-8")
    file.unlink()  # so that a name does not stay behind if the panel ends
    return str(text)


def handed_over_arrays(options: argparse.Namespace) -> list[ChosenArray]:
    """Return the electrode arrays that the user chose in the panel."""
    from ..cochlea.arrays import chosen_from_text
    from ..report.subject import CHOSEN_ARRAYS

    file = options.input / CHOSEN_ARRAYS
    if not options.handed_over or not file.is_file():
        return []
    return chosen_from_text(file.read_text(encoding="utf-8"), str(file))


def folder_of(options: argparse.Namespace) -> Path:
    """Return the folder of ``--output``, by default the result's, or the scene's."""
    given: Path = options.input
    return options.output or (given if given.is_dir() else given.parent)


def read_handed_over(options: argparse.Namespace) -> tuple[Subject, list[str]]:
    """Read what the panel handed over, or else as ``read_result`` does."""
    from ..report.subject import read_subject

    return (read_subject(options.input), []) if options.handed_over else read_result(options)


def read_result(options: argparse.Namespace) -> tuple[Subject, list[str]]:
    """Read the chosen result and print what was left out of it, and the notes.

    Raise UnusableInput as of ``subject_of_result``.
    """
    subject, notes = subject_of_result(options.input, options.ct)
    for sentence in (*subject.left_out, *notes):
        note(sentence)
    return subject, notes


def subject_of_result(path: Path, ct: str | None = None) -> tuple[Subject, list[str]]:
    """Read a scene, or a folder's with the corrections in files beside it, and notes on these.

    Raise UnusableInput if there are no results of InnerEarSeg, or of several CTs.
    """
    from ..io.result_folder import CORRECTABLE, SCENE_FILE, known_as
    from ..mrml.corrections import take_corrections
    from ..mrml.results import find_results
    from ..mrml.scene import headless_scene
    from ..mrml.subject import cts_with_results, open_scene, subject_of

    if not path.exists():
        raise UnusableInput(f"{path} does not exist.")
    scene_file = path / SCENE_FILE if path.is_dir() else path
    if path.is_dir() and not scene_file.is_file():
        raise UnusableInput(
            f"{path} holds no {SCENE_FILE}: it is no result of `innerearseg segment`, or no ear "
            "was found."
        )
    if scene_file.suffix.lower() not in SCENES:
        raise UnusableInput(f"{path} is neither a folder nor a Slicer scene (.mrb, .mrml).")
    beside = [path / name for name in CORRECTABLE] if path.is_dir() else []
    # Before they are read: what is saved meanwhile is seen the next time.
    sources = {each.name: known_as(each) for each in beside if each.is_file()}
    with headless_scene() as session:
        open_scene(session.scene, scene_file)
        found = cts_with_results(session.scene)
        if ct is not None:
            found = [v for v in found if ct in (v.GetName(), v.GetID())]
        if not found:
            named = "" if ct is None else f" for a CT named {ct!r}"
            raise UnusableInput(f"{scene_file} holds no results of InnerEarSeg{named}.")
        if len(found) > 1:
            names = ", ".join(f"{volume.GetName()!r} ({volume.GetID()})" for volume in found)
            raise UnusableInput(
                f"{scene_file} holds results of {len(found)} CTs; choose one with --ct, by its "
                f"name or what stands in brackets: {names}."
            )
        notes = []
        if path.is_dir():
            results = find_results(session.scene, found[0])
            corrections = take_corrections(session.scene, found[0], results, path)
            notes = corrections.notes
            for name in corrections.unused:  # not counted yet: the next run must read them
                sources.pop(name, None)
        return replace(subject_of(session.scene, found[0]), sources=sources), notes
