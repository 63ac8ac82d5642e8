"""Synthetic ears as files, in the layout of the human bony labyrinth dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..reading.dataset import KEYS
from ..reading.image import image_of
from .ear import Filling, SyntheticEar, make_ear
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
