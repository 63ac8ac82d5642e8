"""Synthetic ears and heads as files."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .. import interrupts
from ..io.landmarks import KEYS
from ..process import quiet
from ..segmentation.pose import random_rotation
from ..types import Volume
from .ear import Filling, SyntheticEar, make_ear, triple
from .head import SyntheticHead, random_head
from .parameters import random_parameters
from .scan import HeadScan, random_scan


def write_case(ear: SyntheticEar, root: Path, case: str) -> None:
    """Write root/CASE/CT/CASE_CT_RAW.nii, CASE_CT_LABELS.nii and root/CASE/CASE_DESC.json.

    Raises:
        OSError: if the disk does not take them; a new case leaves nothing behind.
    """
    about = {"ID": case, "SIDE": ear.side.upper(), "LANDMARKS": _landmarks(ear.landmarks)}
    with _whole(Path(root) / case) as folder:
        (folder / "CT").mkdir(exist_ok=True)
        _write(ear.ct, folder / "CT" / f"{case}_CT_RAW.nii")
        _write(ear.labels, folder / "CT" / f"{case}_CT_LABELS.nii")
        _describe(folder, about)


def write_dataset(root: Path, count: int, seed: int) -> list[str]:
    """Write ``count`` varied ears, sides in turn, and return the names of the cases."""
    cases = [f"S{index + 1:02d}" for index in range(count)]
    for index, case in enumerate(cases):
        write_case(random_ear(seed, index), root, case)
    return cases


def random_ear(seed: int, index: int) -> SyntheticEar:
    """Draw the ear ``index`` of the series ``seed``: any pose, filling and spacing."""
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
        size_mm=triple(random.uniform(21.0, 24.0, 3)),
        center=triple(center),
        view_center=triple(view),
        filling=fillings[int(random.choice(3, p=[0.5, 0.35, 0.15]))],
        noise_hu=float(random.uniform(30.0, 110.0)),
        blur_mm=float(random.uniform(0.12, 0.3)),
        seed=own_seed,
    )


def write_head(head: SyntheticHead, root: Path, case: str) -> None:
    """Write root/CASE/CASE_CT.nrrd, CASE_LEFT_LABELS.nrrd, CASE_RIGHT_LABELS.nrrd, CASE_DESC.json.

    Raises:
        OSError: if the disk does not take them; a new case leaves nothing behind.
    """
    with _whole(Path(root) / case) as folder:
        _write(head.ct, folder / f"{case}_CT.nrrd")
        ears = {}
        for side, ear in head.ears.items():
            _write(ear.labels, folder / f"{case}_{side.upper()}_LABELS.nrrd")
            center = [round(value, 4) for value in ear.center]
            ears[side.upper()] = {"CENTER": center, "LANDMARKS": _landmarks(ear.landmarks)}
        _describe(folder, {"ID": case, "EARS": ears, "SCAN": asdict(head.scan)})


def write_heads(
    root: Path, count: int, seed: int, *, spacing: float | None = None, varied: bool = False
) -> list[str]:
    """Write ``count`` heads of the series ``seed`` and return the names of the cases.

    ``spacing`` is the voxel edge in mm; None takes 0.488 x 0.488 x 0.625, or what ``varied`` draws.
    With it, pose, kernel, padding, metal and storage order differ from head to head.
    """
    cases = [f"H{index + 1:02d}" for index in range(count)]
    for index, case in enumerate(cases):
        if varied:
            scan = random_scan(seed, index, spacing=spacing)
        else:
            scan = HeadScan() if spacing is None else HeadScan(spacing=(spacing,) * 3)
        write_head(random_head(seed, index, scan), root, case)
    return cases


def _landmarks(landmarks: Mapping[str, tuple[float, ...]]) -> dict[str, list[float]]:
    return {key: [round(x, 4) for x in landmarks[name]] for key, name in KEYS.items()}


def _describe(folder: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent="\t") + "\n"
    (folder / f"{folder.name}_DESC.json").write_text(text, encoding="utf-8")


def _write(volume: Volume, path: Path) -> None:
    """Write an image; OSError if it is not there whole, which SimpleITK hides of NIfTI."""
    try:
        with quiet():
            image = volume.to_sitk()
            sitk.WriteImage(image, str(path), path.suffix == ".nrrd")
    except RuntimeError:
        raise OSError(errno.EIO, f"{path.name} could not be written, as on a full disk") from None
    if path.suffix == ".nii" and path.stat().st_size < volume.array.nbytes:
        raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Make a case's folder; what is new of it is removed if the case does not become whole."""
    made = [x for x in (folder, *folder.parents) if not x.exists()][-1:]

    def remove() -> None:
        for place in made:
            shutil.rmtree(place, ignore_errors=True)

    with interrupts.undone(remove):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        except BaseException:
            remove()
            raise
    interrupts.wrote(folder.parent)
