"""Synthetic ears and heads as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..io.dataset import KEYS
from ..io.volume import image_of
from ..types import Volume
from .ear import Filling, SyntheticEar, make_ear
from .head import SyntheticHead, random_head
from .head_scan import HeadScan, random_scan
from .parameters import random_parameters


def write_case(ear: SyntheticEar, root: Path, case: str) -> None:
    """Write root/CASE/CT/CASE_CT_RAW.nii, CASE_CT_LABELS.nii and root/CASE/CASE_DESC.json."""
    folder = Path(root) / case
    (folder / "CT").mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(
        image_of(ear.ct.array, ear.ct.geometry), str(folder / "CT" / f"{case}_CT_RAW.nii")
    )
    sitk.WriteImage(
        image_of(ear.labels.array, ear.labels.geometry),
        str(folder / "CT" / f"{case}_CT_LABELS.nii"),
    )
    description = {
        "ID": case,
        "SIDE": ear.side.upper(),
        "LANDMARKS": {
            key: [round(value, 4) for value in ear.landmarks[name]] for key, name in KEYS.items()
        },
    }
    (folder / f"{case}_DESC.json").write_text(
        json.dumps(description, indent="\t") + "\n", encoding="utf-8"
    )


def write_dataset(root: Path, count: int, seed: int) -> list[str]:
    """Write ``count`` varied ears, sides in turn, and return the names of the cases."""
    cases = []
    for index in range(count):
        case = f"S{index + 1:02d}"
        write_case(random_ear(seed, index), root, case)
        cases.append(case)
    return cases


def random_ear(seed: int, index: int) -> SyntheticEar:
    """The ear ``index`` of the endless series ``seed``: any pose, filling and voxel size."""
    random = np.random.default_rng([3, seed, index])
    own_seed = int(random.integers(2**31))
    fillings: tuple[Filling, ...] = ("fluid", "air", "mixed")
    in_plane = float(random.uniform(0.15, 0.3))
    slices = float(np.clip(in_plane * random.uniform(1.0, 1.4), 0.15, 0.35))
    center = random.uniform(-60.0, 60.0, 3)
    view = center + random.uniform(-1.0, 1.0, 3)
    return make_ear(
        random_parameters(own_seed),
        side="left" if index % 2 == 0 else "right",
        rotation=random_rotation(random),
        spacing=(in_plane, in_plane, slices),
        size_mm=_triple(random.uniform(21.0, 24.0, 3)),
        center=_triple(center),
        view_center=_triple(view),
        filling=fillings[int(random.choice(3, p=[0.5, 0.35, 0.15]))],
        noise_hu=float(random.uniform(30.0, 110.0)),
        blur_mm=float(random.uniform(0.12, 0.3)),
        seed=own_seed,
    )


def random_rotation(random: np.random.Generator) -> NDArray[np.float64]:
    """3 x 3, uniform over all rotations."""
    w, x, y, z = (q := random.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


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
