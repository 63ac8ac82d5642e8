"""What the library works on and finds, as plain objects: volumes in RAS mm, ears, landmarks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4 x 4 matrix between LPS (ITK, DICOM) and RAS (MRML, NIfTI); its own inverse."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of a volume of shape (k, j, i).

    ``ijk_to_ras`` is the 4 x 4 affine from IJK index (voxel centres at integers) to RAS mm.
    """

    ijk_to_ras: NDArray[np.float64]
    shape: tuple[int, int, int]

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size (i, j, k) in mm."""
        return np.asarray(np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0), np.float64)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3])))

    @property
    def center(self) -> NDArray[np.float64]:
        """RAS mm of the middle of the grid."""
        return self.to_ras((np.array(self.shape[::-1]) - 1) / 2.0)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(8, 3) RAS mm of the outer corners, half a voxel beyond the corner voxels' centres."""
        size = np.array(self.shape[::-1])
        unit = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, 8).T
        return self.to_ras(unit * size - 0.5)

    def to_ras(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """RAS mm of IJK indices, both (..., 3)."""
        return apply_affine(self.ijk_to_ras, ijk)

    def to_ijk(self, ras: ArrayLike) -> NDArray[np.float64]:
        """Continuous IJK indices of RAS mm, both (..., 3)."""
        return apply_affine(np.linalg.inv(self.ijk_to_ras), ras)

    def contains(self, ras: ArrayLike, margin: float = 0.0) -> NDArray[np.bool_]:
        """Whether RAS points (..., 3) lie inside the field of view shrunk by ``margin`` mm."""
        ijk = self.to_ijk(ras)
        inset = margin / self.spacing
        upper = np.array(self.shape[::-1]) - 0.5
        inside = (ijk >= -0.5 + inset) & (ijk <= upper - inset)
        return np.asarray(np.all(inside, axis=-1), np.bool_)

    def part(self, first: ArrayLike, shape: Sequence[int]) -> Geometry:
        """Grid of shape (k, j, i) with the same voxels, whose first has this IJK index here."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] = self.to_ras(first)
        k, j, i = (int(size) for size in shape)
        return Geometry(matrix, (k, j, i))


def apply_affine(matrix: NDArray[Any], points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 3) mapped by a 4 x 4 affine."""
    points = np.asarray(points, dtype=np.float64)
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3], np.float64)


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT [k, j, i] in Hounsfield units (or a label map) and where it lies in RAS mm.

    ``name`` is for the scene; ``warnings`` are what the reader noticed, one sentence each;
    ``slice_mm`` is the thickness of the slices where the header tells it: they may overlap.
    """

    array: NDArray[Any]
    geometry: Geometry
    name: str = "CT"
    warnings: tuple[str, ...] = ()
    slice_mm: float | None = None


Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")

HELICOTREMA = "helicotrema"
OVAL_WINDOW = "oval window"
ROUND_WINDOW = "round window"
LANDMARKS = (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)
"""The three landmarks of the product, in the order in which they are shown."""

BASAL_TURN = "basal turn centre"
VESTIBULE = "vestibule centre"
AUXILIARY = (BASAL_TURN, VESTIBULE)
"""Auxiliary landmarks: they help to find the pose, fix the cochlea's axes, and are not shown."""

LANDMARK_DEFINITIONS = {
    HELICOTREMA: "Apex of the cochlea, where scala vestibuli and scala tympani meet.",
    OVAL_WINDOW: "Centre of the oval window, the footplate's opening into the vestibule.",
    ROUND_WINDOW: "Centre of the round window, at the base of the scala tympani.",
}


Point = tuple[float, float, float]
"""RAS mm."""

AUTOMATIC: Final = "automatic"
CONFIRMED: Final = "confirmed"
CORRECTED: Final = "corrected"
PLACED: Final = "placed by hand"
REMOVED: Final = "removed by hand"
NOT_FOUND: Final = "not found"

BY_HAND = (CORRECTED, PLACED, REMOVED)
"""States of a landmark whose automatic position and radius no longer count."""

EDITED: Final = "edited"
SEGMENT_REMOVED: Final = "removed"
"""States of a segment, beside AUTOMATIC."""

REVIEWED: Final = "reviewed"
"""What measurements are of, else AUTOMATIC."""

SAME_MM = 0.005
"""Positions are stored with four decimals; closer ones are the same."""

LOW_CONFIDENCE = 0.5

_AS_FOUND: Any = object()


@dataclass(frozen=True)
class Landmark:
    """One landmark of one ear, with what the user made of it.

    Its state is derived from the positions, never stored, so that the two cannot disagree.

    Attributes:
        name: one of LANDMARKS or AUXILIARY.
        ras: present position in RAS mm of the input CT; None where there is none.
        confidence: of the automatic position, 0 (none) to 1; falls when the heatmap is weak, wide
            or split.
        radius_mm: of the ball around the automatic position that should hold the true point in
            90 % of cases, by the model's cross-validation; None without a position or a calibrated
            model.
        automatic_ras: where the network found it; None where it did not. By default ``ras``.
        confirmed: whether the user confirmed what is there now, also that nothing is.
    """

    name: str
    ras: Point | None
    confidence: float
    radius_mm: float | None = None
    automatic_ras: Point | None = _AS_FOUND
    confirmed: bool = False

    def __post_init__(self) -> None:
        """Take a landmark as found automatically unless told otherwise."""
        if self.automatic_ras is _AS_FOUND:
            object.__setattr__(self, "automatic_ras", self.ras)

    @property
    def state(self) -> str:
        """AUTOMATIC, CONFIRMED, CORRECTED, PLACED, REMOVED or NOT_FOUND."""
        if self.ras is None:
            return NOT_FOUND if self.automatic_ras is None else REMOVED
        if self.automatic_ras is None:
            return PLACED
        if math.dist(self.ras, self.automatic_ras) > SAME_MM:
            return CORRECTED
        return CONFIRMED if self.confirmed else AUTOMATIC

    @property
    def moved_mm(self) -> float | None:
        """Distance from the automatic position; None where one of the two is missing."""
        if self.ras is None or self.automatic_ras is None:
            return None
        return math.dist(self.ras, self.automatic_ras)

    @property
    def doubtful(self) -> bool:
        """Whether the user should look here first."""
        return not self.reviewed and (self.ras is None or self.confidence < LOW_CONFIDENCE)

    @property
    def reviewed(self) -> bool:
        """Whether the user confirmed, moved, placed or removed it."""
        return self.confirmed or self.state in BY_HAND

    def to_json(self) -> dict[str, Any]:
        """As in ``result.json``, which holds what was found automatically."""
        return {
            "name": self.name,
            "ras_mm": rounded(self.ras, 4),
            "confidence": round(self.confidence, 4),
            "radius_90_mm": rounded(self.radius_mm, 3),
        }

    def review_to_json(self) -> dict[str, Any]:
        """As in ``measurements.json``, which says what was measured; the radius is of ``ras``."""
        by_hand = {"radius_90_mm": None} if self.state in BY_HAND else {}
        return {
            **self.to_json(),
            **by_hand,
            "automatic_ras_mm": rounded(self.automatic_ras, 4),
            "state": self.state,
            "confirmed": self.confirmed,
            "moved_mm": rounded(self.moved_mm, 3),
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Landmark:
        """Read either form."""
        now, found = (item.get(key, item["ras_mm"]) for key in ("ras_mm", "automatic_ras_mm"))
        ras, automatic = (None if place is None else tuple(place) for place in (now, found))
        name, confidence, radius = item["name"], item["confidence"], item["radius_90_mm"]
        return cls(name, ras, confidence, radius, automatic, item.get("confirmed", False))


def rounded(value: Any, digits: int) -> Any:
    """A number, or a list of them, with so many decimals; None stays None."""
    if isinstance(value, (tuple, list)):
        return [round(each, digits) for each in value]
    return None if value is None else round(value, digits)


Verdict = Literal["good", "check", "poor"]
GOOD: Final = "good"
CHECK: Final = "check"
POOR: Final = "poor"


@dataclass(frozen=True)
class Quality:
    """How far one ear's result can be trusted, in words.

    Attributes:
        verdict: "good": nothing stands out. "check": something wants a look before it is used.
            "poor": do not plan on it.
        reasons: one sentence each, for the user; none for "good".
    """

    verdict: Verdict = GOOD
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"verdict": self.verdict, "reasons": list(self.reasons)}


CANALS = 3
"""Semicircular canals of an ear: rings behind the oval window."""

MIN_METAL_MM3 = 1.0
"""Bone as bright as metal has 0.5 mm³ at most beside a labyrinth in the specimens' own scans; an
electrode array in a cochlea has about 10 mm³."""


@dataclass(frozen=True)
class Findings:
    """What was measured of one ear's automatic result and of the CT there; the verdict's grounds.

    None is not known: a landmark was missing, or the result was made before this was measured.

    Attributes:
        closed_canals: how many semicircular canals are closed rings: 3 in a whole labyrinth. The
            first Betti number of the labyrinth behind the oval window, and at most three less
            the open canals: another ring may stand in for one.
        open_canals: names of those that are not.
        completed_canals: names of those that were completed where the CT hardly shows them.
        parts: in how many pieces the labyrinth is drawn.
        turns_apart: whether bone parts the turns of the cochlea.
        edge_width_mm: width of the edge between bone and lumen in the CT: its sharpness there.
        slice_mm: thickness of the CT's slices by its header.
        metal_mm3: of the largest piece of metal in or beside the labyrinth.
        agreement: Dice of two networks' drawings in canonical pose.
        atypicality: distance from normal anatomy; above 1, no normal ear is as unusual.
    """

    closed_canals: int | None = None
    open_canals: tuple[str, ...] = ()
    completed_canals: tuple[str, ...] = ()
    parts: int = 1
    turns_apart: bool | None = None
    edge_width_mm: float | None = None
    slice_mm: float | None = None
    metal_mm3: float = 0.0
    agreement: float | None = None
    atypicality: float | None = None

    @property
    def canals(self) -> str:
        """How many canals are closed, as "3 of 3"; empty if not known, or with rings too many."""
        known = self.closed_canals is not None and self.closed_canals <= CANALS
        return f"{self.closed_canals} of {CANALS}" if known else ""

    @property
    def metal(self) -> bool:
        """Whether metal lies in or beside the labyrinth, and not just dense bone."""
        return self.metal_mm3 >= MIN_METAL_MM3

    def to_json(self) -> dict[str, Any]:
        """Plain values, to three decimals."""
        values = asdict(self).items()
        return {name: round(x, 3) if isinstance(x, float) else x for name, x in values}

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Findings:
        """Read what ``to_json`` made; KeyError or TypeError if something is missing or unknown."""
        names = {name: tuple(item[name]) for name in ("open_canals", "completed_canals")}
        return cls(**{**item, **names})


@dataclass(frozen=True, eq=False)
class Ear:
    """One inner ear, as it was found or as it is after review.

    Attributes:
        side: from the handedness of the anatomy, not from the position in the volume.
        labyrinth: uint8 [k, j, i], 1 inside the bony labyrinth, on ``geometry``; may be empty
            after review.
        geometry: grid of ``labyrinth``, in RAS mm of the input CT.
        landmarks: in the order of LANDMARKS, each exactly once.
        volume_mm3: of the labyrinth.
        quality: how far to trust it, as found automatically.
        auxiliary: further landmarks, not shown as such: BASAL_TURN and VESTIBULE. They fix the
            cochlea's own axes. Empty where a result was made without them.
        uncertainty: spread in mm of each landmark's heatmap (see ``model.calibration``).
        segment: AUTOMATIC, EDITED or SEGMENT_REMOVED.
        findings: what ``quality`` rests on, of the automatic result; None in older results.
    """

    side: Side
    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    landmarks: tuple[Landmark, ...]
    volume_mm3: float
    quality: Quality = Quality()
    auxiliary: tuple[Landmark, ...] = ()
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    segment: str = AUTOMATIC
    findings: Findings | None = None

    @property
    def reviewed(self) -> bool:
        """Whether the user changed, placed or confirmed anything of it."""
        return self.segment != AUTOMATIC or any(x.reviewed for x in self.landmarks)

    @property
    def points(self) -> dict[str, Point]:
        """RAS mm by name of all landmarks that are there, auxiliary ones too."""
        every = (*self.landmarks, *self.auxiliary)
        return {x.name: x.ras for x in every if x.ras is not None}

    def review_to_json(self) -> dict[str, Any]:
        """What the user made of it, as in ``measurements.json``."""
        landmarks = [landmark.review_to_json() for landmark in self.landmarks]
        return {"segment": self.segment, "landmarks": landmarks}


@dataclass(frozen=True)
class ModelIdentity:
    """Which network made a result."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Segmentation:
    """All that one run of the library found in one CT.

    Attributes:
        ears: none, one or two.
        model: which network.
        device: where it ran, as torch names it ("cpu", "cuda:0", ...).
        seconds: wall-clock seconds per stage.
        warnings: one sentence each; the reader's and the library's.
    """

    ears: tuple[Ear, ...]
    model: ModelIdentity
    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The content of ``result.json``: plain lists, numbers and strings."""
        return {
            "schema_version": RESULT_SCHEMA_VERSION,
            "ears": [
                {
                    "side": ear.side,
                    "labyrinth_volume_mm3": round(ear.volume_mm3, 2),
                    "landmarks": [landmark.to_json() for landmark in ear.landmarks],
                    "auxiliary_landmarks": [landmark.to_json() for landmark in ear.auxiliary],
                    "quality": ear.quality.to_json(),
                    "findings": ear.findings and ear.findings.to_json(),
                }
                for ear in self.ears
            ],
            "model": asdict(self.model),
            "device": self.device,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "warnings": list(self.warnings),
        }

    def review_to_json(self) -> dict[str, Any]:
        """``to_json`` with what the user made of each ear; ``io.result_files`` reads both."""
        content = self.to_json()
        for item, ear in zip(content["ears"], self.ears, strict=True):
            item |= ear.review_to_json()
        return content


RESULT_SCHEMA_VERSION = 4
