"""Segment one CT and write its result folder: the heart of ``segment`` and of ``batch``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..io.region import Region
from ..io.result_files import write_plain
from ..io.result_folder import RESULT_JSON, THUMBNAILS, ResultFolder
from ..io.volume import read_ct
from ..process import quiet
from ..progress import Progress
from ..types import Segmentation, Volume, rounded

if TYPE_CHECKING:
    from ..model.bundle import Model

WriteScene = Callable[[Volume, Segmentation, Path], object]
"""Writes a result's scene into a folder; see ``mrml.files.write_scene``."""


@dataclass(frozen=True)
class Source:
    """A CT's file or DICOM folder, its SeriesInstanceUID, and where to look for ears."""

    path: Path
    series: str | None = None
    region: Region | None = None


def segment_case(
    source: Source,
    output: ResultFolder,
    model: Callable[[], Model],
    progress: Progress,
    write_scene: WriteScene | None,
    *,
    about: Mapping[str, Any] | None = None,
    measure: bool = False,
) -> Segmentation:
    """Read, segment, and write; all files appear or none.

    Args:
        model: called for the model once the CT is read.
        write_scene: with None, masks are written as numpy arrays instead.
        about: what the manifest says of the result besides the CT's and the model's SHA-256.
        measure: whether to write the measurements and thumbnails, too.

    Raises:
        UnusableInput: the CT, the region or the output folder cannot be used.
        Cancelled: the caller asked to stop.
    """
    from ..segmentation.pipeline import segment  # loads torch, for workers alone

    progress.stage("read", 0.02, f"Reading {source.path}")
    ct = read_ct(source.path, source.series)
    if write_scene is not None:
        output.check_room(ct.array.nbytes)  # the scene holds the CT
    progress.stage("load", 0.06, "Loading the model")
    result = segment(ct, model(), region=source.region, progress=progress)
    said = tuple(w for w in progress.warnings if w not in result.warnings)
    result = replace(result, warnings=result.warnings + said)
    model_sha256 = result.model.sha256
    made = {**(about or {}), "ct_sha256": ct_sha256(ct), "model": model_sha256, "ct": about_ct(ct)}
    with output.replacing(made) as folder:
        if write_scene is None:
            progress.stage("write", 0.8, "Writing the arrays")
            write_plain(result, folder)
        elif result.ears:
            progress.stage("write", 0.8, "Writing the scene")
            with quiet():  # VTK and MRML print of a full disk; a sentence follows
                write_scene(ct, result, folder)
        progress.finish()
        result.seconds.update(progress.seconds)
        text = json.dumps(result.to_json(), indent=2)
        (folder / RESULT_JSON).write_text(text, encoding="utf-8")
        if measure and result.ears:
            from ..cochlea import measurements
            from ..report.tables import write_measurements
            from ..report.thumbnail import write_thumbnail

            measured = {ear.side: measurements.measure(ear) for ear in result.ears}
            write_measurements(measured, result.ears, folder)
            for ear in result.ears:
                write_thumbnail(ct, ear, measured[ear.side], folder / THUMBNAILS[ear.side])
        progress.check()
    return result


def about_ct(ct: Volume) -> dict[str, Any]:
    """Return what a manifest says of a CT: its spacing and what its header names; no patient."""
    return {
        "spacing_mm": [round(float(step), 4) for step in ct.geometry.spacing],
        "slice_mm": rounded(ct.slice_mm, 4),
        "manufacturer": ct.scanner.manufacturer,
        "scanner": ct.scanner.model,
        "kernel": ct.scanner.kernel,
    }


def ct_sha256(ct: Volume) -> str:
    """Return the SHA-256 of a CT's voxels and geometry, whatever files it came from."""
    digest = hashlib.sha256(ct.geometry.ijk_to_ras.tobytes())
    digest.update(repr((ct.array.shape, ct.array.dtype.str)).encode())
    digest.update(np.ascontiguousarray(ct.array).data)
    return digest.hexdigest()
