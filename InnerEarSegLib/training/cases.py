"""Specimens to train on, from a dataset or a packed file that needs torch and numpy alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Geometry, Side

if TYPE_CHECKING:
    from ..io.dataset import Case


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """A specimen, real or synthetic, ready to be sampled.

    ``ct`` is int16 [k, j, i] in HU; ``labels`` uint8 on the same grid, 1 = labyrinth, or None;
    ``landmarks`` are RAS mm by name.
    """

    name: str
    ct: NDArray[np.int16]
    labels: NDArray[np.uint8] | None
    geometry: Geometry
    landmarks: dict[str, NDArray[np.float64]]
    side: Side
    synthetic: bool = False


def training_case(case: Case) -> TrainingCase:
    """Return a dataset's case with its labels cut to the slices that the CT really has."""
    labels = None if case.labels is None else case.labels[: case.ct.array.shape[0]]
    ct = np.clip(case.ct.array, -32768, 32767).astype(np.int16)
    return TrainingCase(case.name, ct, labels, case.ct.geometry, case.landmarks, case.stated_side)


def pack(cases: Sequence[TrainingCase], path: Path) -> None:
    """Write cases into one compressed file."""
    arrays: dict[str, NDArray] = {}
    index = []
    for case in cases:
        arrays[f"{case.name}/ct"] = case.ct
        if case.labels is not None:
            arrays[f"{case.name}/labels"] = np.packbits(case.labels)
        index.append(
            {"name": case.name, "shape": list(case.ct.shape),
             "ijk_to_ras": case.geometry.ijk_to_ras.tolist(),
             "landmarks": {name: list(map(float, p)) for name, p in case.landmarks.items()},
             "side": case.side, "synthetic": case.synthetic}
        )  # fmt: skip
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    path.write_bytes(buffer.getvalue())


def unpack(path: Path) -> list[TrainingCase]:
    """Read what ``pack`` wrote, or raise UnusableInput."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = json.loads(bytes(arrays["index"]).decode())
            return [_unpack_case(item, arrays) for item in index]
    except Exception:  # NumPy, zipfile and zlib raise many kinds on damaged files
        raise UnusableInput(f"{path} was not written by `innerearseg pack`.") from None


def _unpack_case(item: dict, arrays: np.lib.npyio.NpzFile) -> TrainingCase:
    name, shape, labels = item["name"], tuple(item["shape"]), None
    if f"{name}/labels" in arrays:
        labels = np.unpackbits(arrays[f"{name}/labels"], count=int(np.prod(shape))).reshape(shape)
    geometry = Geometry(np.array(item["ijk_to_ras"]), shape)
    landmarks = {name: np.array(point) for name, point in item["landmarks"].items()}
    return TrainingCase(
        name, arrays[f"{name}/ct"], labels, geometry, landmarks, item["side"], item["synthetic"]
    )


def synthetic_cases(count: int, seed: int) -> list[TrainingCase]:
    """Generate the first ears of a series; none that a test or the demo shows.

    The demo and ``innerearseg synthesize`` use small seeds; the offset keeps them apart.
    """
    from ..synthetic.files import random_ear  # needs SimpleITK, which a GPU server may lack

    cases = []
    for index in range(count):
        ear = random_ear(seed + 1_000_000, index)
        points = {name: np.array(point) for name, point in ear.landmarks.items()}
        cases.append(
            TrainingCase(
                f"synthetic {index}", ear.ct.array, ear.labels.array, ear.ct.geometry, points,
                ear.side, True,
            )
        )  # fmt: skip
    return cases


def load_cases(
    source: Path, synthetic: int, seed: int, say: Callable[[str], None]
) -> list[TrainingCase]:
    """Read specimens from a dataset folder or packed file, with this many synthetic ears.

    A packed file already holds its synthetic ears.
    Raise UnusableInput if there is no such file or folder, no specimen in it, or the packed file
    has other synthetic ears.
    """
    if not source.exists():
        raise UnusableInput(f"The data {source} does not exist.")
    if source.is_file():
        cases = unpack(source)
        packed = sum(case.synthetic for case in cases)
        if packed != synthetic:
            raise UnusableInput(
                f"{source} holds {packed} synthetic ears, the config asks for {synthetic}; pack "
                f"again with --synthetic {synthetic}."
            )
        return cases
    from ..io.dataset import case_names, read_case

    read = [read_case(source, name) for name in case_names(source)]
    for case in read:
        for remark in case.remarks:
            say(remark)
    return [training_case(case) for case in read] + synthetic_cases(synthetic, seed)
