"""Cases to train on, from a dataset or a packed file that needs torch and numpy alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UnusableInput
from ..io.case import Case, DataSource
from ..segmentation.pose import Pose, fit_orthonormal, fit_pose
from ..types import Geometry, Side, side_sign
from .auxiliary import auxiliary_landmarks

PACKED = ".npz"

REACH_MM = 35.0
"""So far around the landmarks a CT is sampled; a patch of ``locate`` reaches 21 mm from its middle
to a corner, and is shifted by a few."""


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """A case, real or synthetic, ready to be sampled.

    Attributes:
        ct: int16 [k, j, i] in HU.
        labels: uint8 on the same grid, 1 = labyrinth, or None.
        landmarks: RAS mm by name, those that there are; three at least.
        group: what is not divided among folds, such as the patient; "" if the data do
            not say.
        source: where the data come from.
        fingerprint: tells the CT by its voxels (see ``io.fingerprint``).
        computed: landmarks that are not the reference's (see ``training.auxiliary``).
    """

    name: str
    ct: NDArray[np.int16]
    labels: NDArray[np.uint8] | None
    geometry: Geometry
    landmarks: dict[str, NDArray[np.float64]]
    side: Side
    synthetic: bool = False
    group: str = ""
    source: DataSource = field(default_factory=DataSource)
    fingerprint: str = ""
    computed: tuple[str, ...] = ()

    def pose(self, template: Mapping[str, ArrayLike]) -> Pose:
        """Return where the canonical ear (mm by landmark) lies in the CT.

        Three landmarks do not tell the side; that of the case counts then.
        """
        names = [name for name in template if name in self.landmarks]
        if len(names) > 3:
            return fit_pose(template, self.landmarks)
        source, target = (np.array([of[n] for n in names]) for of in (template, self.landmarks))
        return fit_orthonormal(source, target, side_sign(self.side))

    def around_ear(self, reach_mm: float = REACH_MM) -> TrainingCase:
        """Return the case with no more of its CT than this far around its landmarks.

        A whole head takes much memory, and would be scanned again for each simulated scan.
        """
        ijk = self.geometry.to_ijk(np.array(list(self.landmarks.values())))
        reach = reach_mm / self.geometry.spacing
        last = np.array(self.geometry.shape[::-1]) - 1
        low = np.clip(np.floor(ijk.min(axis=0) - reach), 0, last).astype(int)
        high = np.clip(np.ceil(ijk.max(axis=0) + reach), 0, last).astype(int)
        box = tuple(slice(a, b + 1) for a, b in zip(low[::-1], high[::-1], strict=True))
        ct = self.ct[box]
        labels = None if self.labels is None else self.labels[box]
        return replace(self, ct=ct, labels=labels, geometry=self.geometry.part(low, ct.shape))

    @property
    def reference(self) -> dict[str, NDArray[np.float64]]:
        """The landmarks without the computed ones, for measuring against them."""
        return {name: at for name, at in self.landmarks.items() if name not in self.computed}


def training_case(case: Case) -> TrainingCase:
    """Return a dataset's case with its labels on the grid of the CT, nearest voxel.

    Raise UnusableInput if its side is not stated, it has fewer than three landmarks, or these or
    its labels lie outside the CT.
    """
    from ..io.fingerprint import fingerprint

    if case.outside_ct:
        raise UnusableInput(
            f"Its {case.outside_ct} lie outside the CT: they may be in other coordinates (RAS or "
            "LPS), or of another CT."
        )
    side = case.stated_side
    ct = case.ct.array
    if ct.dtype != np.int16:
        ct = np.clip(np.rint(ct), -32768, 32767).astype(np.int16)
    computed = auxiliary_landmarks(case)
    return TrainingCase(
        case.name, ct, case.labels_on_ct, case.ct.geometry, case.landmarks | computed, side,
        group=case.group or "", source=case.source, fingerprint=fingerprint(case.ct.array),
        computed=tuple(computed),
    )  # fmt: skip


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
             "side": case.side, "synthetic": case.synthetic, "group": case.group,
             "source": asdict(case.source), "fingerprint": case.fingerprint,
             "computed": case.computed}
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
        raise UnusableInput(
            f"{path} was not written by `innerearseg pack` of this version; pack the data again."
        ) from None


def _unpack_case(item: dict, arrays: np.lib.npyio.NpzFile) -> TrainingCase:
    name, shape, labels = item["name"], tuple(item["shape"]), None
    if f"{name}/labels" in arrays:
        labels = np.unpackbits(arrays[f"{name}/labels"], count=int(np.prod(shape))).reshape(shape)
    geometry = Geometry(np.array(item["ijk_to_ras"]), shape)
    landmarks = {name: np.array(point) for name, point in item["landmarks"].items()}
    return TrainingCase(
        name, arrays[f"{name}/ct"], labels, geometry, landmarks, item["side"], item["synthetic"],
        item["group"], DataSource(**item["source"]), item["fingerprint"],
        tuple(item["computed"]),
    )  # fmt: skip


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
    source: Path, synthetic: int, seed: int, say: Callable[[str], None], whole: bool = True
) -> list[TrainingCase]:
    """Read cases from a dataset or packed file, with this many synthetic ears.

    ``source`` is a dataset's folder, a manifest (see ``io.manifest.read_dataset``) or a file of
    ``pack``, which already holds its synthetic ears. If not ``whole``, no more of a CT is kept in
    memory than training needs.

    Raise UnusableInput if there is no such file or folder, no specimen in it, one that cannot be
    used, all of which are then named, or the packed file has other synthetic ears.
    """
    if not source.exists():
        raise UnusableInput(f"The data {source} does not exist.")
    if source.suffix.lower() == PACKED or zipfile.is_zipfile(source):
        cases = unpack(source)
        packed = sum(case.synthetic for case in cases)
        if packed != synthetic:
            raise UnusableInput(
                f"{source} holds {packed} synthetic ears, the config asks for {synthetic}; pack "
                f"again with --synthetic {synthetic}."
            )
        return cases
    from ..io.manifest import read_dataset

    cases, unusable = [], []
    for listed in read_dataset(source).cases:
        try:
            case = listed.read()
            usable = training_case(case)
            cases.append(usable if whole else usable.around_ear())
        except UnusableInput as error:
            unusable.append(f"{listed.name}: {error}")
            say(unusable[-1])
            continue
        for remark in case.remarks:
            say(remark if case.name in remark else f"{case.name}: {remark}")
    if unusable:
        raise UnusableInput(
            f"{len(unusable)} of {len(unusable) + len(cases)} cases cannot be used: "
            f"{' '.join(unusable)}"
        )
    if synthetic:
        say(f"Generating {synthetic} synthetic ears")
    return cases + synthetic_cases(synthetic, seed)
