"""A report's subject as plain files, from the panel to the worker, and to the one that draws in 3D.

Numpy and json alone, as in ``exchange``; no name of a patient or file is in them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnusableInput
from ..geometry import Geometry, Volume
from ..results import ModelIdentity, Quality
from .subject import ReviewedEar, ReviewedLandmark, Subject

SUBJECT = "subject.json"
PATIENT = "patient.txt"
"""What the user typed. In a file: the arguments of a process can be read by others."""


def write_subject(subject: Subject, folder: Path) -> None:
    """Write a subject into an existing folder.

    Raises:
        UnusableInput: it cannot be written.
    """
    content: dict[str, Any] = {
        "model": asdict(subject.model),
        "warnings": list(subject.warnings),
        "spacing_mm": list(subject.spacing_mm),
        "left_out": list(subject.left_out),
        "ears": [],
    }
    try:
        for ear in subject.ears:
            np.savez(
                folder / f"{ear.side}.npz",
                ct=ear.ct.array,
                ct_ijk_to_ras=ear.ct.geometry.ijk_to_ras,
                labyrinth=ear.labyrinth,
                ijk_to_ras=ear.geometry.ijk_to_ras,
            )
            content["ears"].append(
                {
                    "side": ear.side,
                    "landmarks": [asdict(landmark) for landmark in ear.landmarks],
                    "auxiliary": ear.auxiliary,
                    "radii": ear.radii,
                    "quality": asdict(ear.quality),
                    "segment": ear.segment,
                }
            )
        (folder / SUBJECT).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise UnusableInput(
            f"The report's data cannot be written to {folder}: {error.strerror or error}."
        ) from None


def read_subject(folder: Path) -> Subject:
    """Read what ``write_subject`` wrote.

    Raises:
        UnusableInput: the folder holds no whole subject.
    """
    try:
        content = json.loads((folder / SUBJECT).read_text(encoding="utf-8"))
        return Subject(
            ears=tuple(_ear(item, folder) for item in content["ears"]),
            model=ModelIdentity(**content["model"]),
            warnings=tuple(content["warnings"]),
            spacing_mm=tuple(content["spacing_mm"]),
            left_out=tuple(content["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"The report's data in {folder} cannot be read: {error}.") from None


def _ear(item: dict[str, Any], folder: Path) -> ReviewedEar:
    with np.load(folder / f"{item['side']}.npz", allow_pickle=False) as arrays:
        ct, labyrinth = arrays["ct"], arrays["labyrinth"]
        grids = (arrays["ct_ijk_to_ras"], arrays["ijk_to_ras"])
    quality = item["quality"]
    return ReviewedEar(
        side=item["side"],
        ct=Volume(ct, Geometry(grids[0], ct.shape)),
        labyrinth=labyrinth,
        geometry=Geometry(grids[1], labyrinth.shape),
        landmarks=tuple(_landmark(landmark) for landmark in item["landmarks"]),
        auxiliary={name: tuple(ras) for name, ras in item["auxiliary"].items()},
        radii=item["radii"],
        quality=Quality(quality["verdict"], tuple(quality["reasons"]), quality["expected_dice"]),
        segment=item["segment"],
    )


def _landmark(item: dict[str, Any]) -> ReviewedLandmark:
    ras = item.pop("ras")
    return ReviewedLandmark(ras=None if ras is None else tuple(ras), **item)
