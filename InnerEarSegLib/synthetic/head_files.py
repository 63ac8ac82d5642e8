"""Synthetic heads as files.

    ROOT/H01/H01_CT.nrrd             the CT
    ROOT/H01/H01_LEFT_LABELS.nrrd    1 in the left bony labyrinth, on its own grid of 30 mm
    ROOT/H01/H01_RIGHT_LABELS.nrrd   the same of the right one
    ROOT/H01/H01_DESC.json           landmarks of both ears in RAS mm, and how the head was scanned

Landmarks are keyed as in the human bony labyrinth dataset (RW, OW, A, C, V).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import SimpleITK as sitk

from ..geometry import Volume
from ..reading.dataset import KEYS
from ..reading.image import image_of
from .head import SyntheticHead, random_head
from .head_scan import HeadScan, random_scan


def write_head(head: SyntheticHead, root: Path, case: str) -> None:
    """Write root/CASE/..., as the module describes.

    Raises:
        OSError: if the folder cannot be made or the description not written.
        RuntimeError: if SimpleITK cannot write an image.
    """
    folder = Path(root) / case
    folder.mkdir(parents=True, exist_ok=True)
    _write(head.ct, folder / f"{case}_CT.nrrd")
    ears = {}
    for side, ear in head.ears.items():
        _write(ear.labels, folder / f"{case}_{side.upper()}_LABELS.nrrd")
        ears[side.upper()] = {
            "CENTER": [round(value, 4) for value in ear.center],
            "LANDMARKS": {
                key: [round(value, 4) for value in ear.landmarks[name]]
                for key, name in KEYS.items()
            },
        }
    description = {"ID": case, "EARS": ears, "SCAN": asdict(head.scan)}
    (folder / f"{case}_DESC.json").write_text(
        json.dumps(description, indent="\t") + "\n", encoding="utf-8"
    )


def write_heads(
    root: Path, count: int, seed: int, *, spacing: float | None = None, varied: bool = False
) -> list[str]:
    """Write ``count`` heads and return the names of the cases.

    Args:
        root: folder.
        count: how many.
        seed: of the series.
        spacing: voxel edge in mm; None takes 0.488 x 0.488 x 0.625, or what ``varied`` draws.
        varied: whether pose, kernel, padding, metal and storage order differ from head to head.
    """
    cases = []
    for index in range(count):
        case = f"H{index + 1:02d}"
        if varied:
            scan = random_scan(seed, index, spacing=spacing)
        else:
            scan = HeadScan() if spacing is None else HeadScan(spacing=(spacing,) * 3)
        write_head(random_head(seed, index, scan), root, case)
        cases.append(case)
    return cases


def _write(volume: Volume, path: Path) -> None:
    image = image_of(volume.array, volume.geometry)
    sitk.WriteImage(image, str(path), True)  # Compressed: half of a head scan is air.
