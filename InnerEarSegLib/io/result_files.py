"""A result as plain files, between the worker process and the program that started it.

Written and read with numpy and json alone: the worker has torch and no scene, the panel has a
scene and must not load torch.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import (
    AUTOMATIC,
    UNKNOWN_MODEL,
    Ear,
    Findings,
    Geometry,
    Landmark,
    ModelIdentity,
    Quality,
    Segmentation,
)
from .result_folder import RESULT_JSON

ARRAYS = {"left": "labyrinth_left.npz", "right": "labyrinth_right.npz"}


def write_plain(result: Segmentation, folder: Path) -> None:
    """Write a mask file for each ear; ``result.json`` is the caller's."""
    for ear in result.ears:
        path, ijk_to_ras = folder / ARRAYS[ear.side], ear.geometry.ijk_to_ras
        np.savez_compressed(path, labyrinth=ear.labyrinth, ijk_to_ras=ijk_to_ras)


def read_plain(folder: Path) -> Segmentation:
    """Read what ``innerearseg segment --plain`` wrote; UnusableInput if it is no whole result."""
    folder = Path(folder)
    try:
        content = json.loads((folder / RESULT_JSON).read_text(encoding="utf-8"))
        return segmentation_from_json(content, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"The result in {folder} cannot be read: {error}.") from None


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Return arrays of a .npz file.

    Raise ValueError if it is damaged, OSError or KeyError if it or an array is missing.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise ValueError(f"{path.name} is damaged") from None


def segmentation_from_json(content: dict[str, Any], folder: Path) -> Segmentation:
    """Put together what ``Segmentation.to_json`` or ``review_to_json`` made.

    Raise OSError, ValueError, KeyError or TypeError if something is missing or malformed.
    """
    ears = []
    for item in content["ears"]:
        path = folder / ARRAYS[item["side"]]
        labyrinth, ijk_to_ras = read_arrays(path, "labyrinth", "ijk_to_ras")
        quality, findings = item["quality"], item.get("findings")  # not in schema 3
        ear = Ear(
            side=item["side"],
            labyrinth=labyrinth,
            geometry=Geometry(ijk_to_ras, labyrinth.shape),
            landmarks=tuple(map(Landmark.from_json, item["landmarks"])),
            volume_mm3=item["labyrinth_volume_mm3"],
            quality=Quality(quality["verdict"], tuple(quality["reasons"])),
            auxiliary=tuple(map(Landmark.from_json, item["auxiliary_landmarks"])),
            segment=item.get("segment", AUTOMATIC),
            findings=None if findings is None else Findings.from_json(findings),
            # The run's, in results of earlier versions.
            model=ModelIdentity(**item["model"]) if "model" in item else UNKNOWN_MODEL,
        )
        ears.append(ear)
    return Segmentation(
        ears=tuple(ears),
        model=ModelIdentity(**content["model"]),
        device=content["device"],
        seconds=content["seconds"],
        warnings=tuple(content["warnings"]),
    )
