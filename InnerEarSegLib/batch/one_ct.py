"""One CT to a folder of files: the heart of ``innerearseg segment`` and of ``batch``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..io.result_files import write_plain
from ..io.result_folder import LAST, Output
from ..io.volume import read_ct
from ..process import quiet
from ..progress import Progress
from ..segmentation.pipeline import segment
from ..types import Segmentation
from .source import Source

if TYPE_CHECKING:
    from ..model.bundle import Model


def segment_to_folder(
    source: Source,
    output: Output,
    bundle: Callable[[], Model],
    progress: Progress,
    *,
    plain: bool = False,
    also_write: Callable[[Path, Segmentation], None] | None = None,
) -> Segmentation:
    """Read, segment, and write; all files appear or none.

    Args:
        source: which CT.
        output: where its files go.
        bundle: gives the model, asked for once the CT is read.
        progress: told of each stage.
        plain: numpy arrays instead of Slicer's files.
        also_write: called with the folder in which all these files are and what was found; what
            it writes appears with them.

    Returns:
        What was found.

    Raises:
        UnusableInput: the CT, the region or the output folder cannot be used.
        Cancelled: if the caller asked to stop.
    """
    progress.stage("read", 0.02, f"Reading {source.path}")
    ct = read_ct(source.path, source.series)
    if not plain:
        output.check_room(ct.array.nbytes // 20)  # the scene holds the CT, compressed
    progress.stage("load", 0.06, "Loading the model")
    result = segment(ct, bundle(), region=source.region, progress=progress)
    said = tuple(w for w in progress.warnings if w not in result.warnings)
    result = replace(result, warnings=result.warnings + said)
    with output.staging() as folder:
        if plain:
            progress.stage("write", 0.8, "Writing the arrays")
            write_plain(result, folder)
        elif result.ears:
            progress.stage("write", 0.8, "Writing the scene")
            from ..mrml.files import write_scene

            with quiet():  # what VTK and MRML print of a full disk; it is said in a sentence
                write_scene(ct, result, folder)
        progress.finish()
        result.seconds.update(progress.seconds)
        text = json.dumps(result.to_json(), indent=2)
        (folder / LAST).write_text(text, encoding="utf-8")
        if also_write is not None:
            also_write(folder, result)
        progress.check()
    return result
