"""One inner ear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry
from .landmark import AUTOMATIC, Landmark, Point
from .quality import Findings, Quality
from .volume import Volume

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")


def side_sign(side: Side) -> float:
    """Return 1 for right ears and -1 for left ones, their mirror images.

    So it is the determinant of what maps canonical pose or cochlear frame to RAS, and the sign of
    R towards the outside of the head.
    """
    return 1.0 if side == "right" else -1.0


EDITED: Final = "edited"
SEGMENT_REMOVED: Final = "removed"
"""States of a segment, beside AUTOMATIC."""

REVIEWED: Final = "reviewed"
"""What measurements are of, else AUTOMATIC."""


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made a result."""

    name: str
    version: str
    sha256: str


UNKNOWN_MODEL: Final = ModelIdentity("unknown", "", "")


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
        model: which drew its segment. In a ``Segmentation`` it is that of the run unless given, as
            where the other ear comes from another run.
    """

    side: Side
    labyrinth: NDArray[np.uint8] = field(repr=False)
    geometry: Geometry
    landmarks: tuple[Landmark, ...]
    volume_mm3: float
    quality: Quality = field(default_factory=Quality)
    auxiliary: tuple[Landmark, ...] = ()
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    segment: str = AUTOMATIC
    findings: Findings | None = None
    model: ModelIdentity = UNKNOWN_MODEL

    def mask(self, grid: Geometry | None = None) -> Volume:
        """Return the labyrinth mask: uint8, 1 inside, on its own grid or on another one.

        Its own grid has the CT's axes, is cropped to the ear and divides long voxel edges, so that
        it is finer than a CT of coarse voxels. On the CT's grid, ``result.ct.geometry``, voxels
        fit those of the CT one by one; there a mask loses what the CT's voxels cannot show. It is
        sampled at the middles of the other grid's voxels, linear between its own.
        """
        own = Volume(self.labyrinth, self.geometry, f"Labyrinth {self.side}")
        if grid is None:
            return own
        sampled = replace(own, array=self.labyrinth.astype(np.float32)).on(grid)
        return replace(sampled, array=(sampled.array >= 0.5).astype(np.uint8))

    def to_nibabel(self, grid: Geometry | None = None) -> Any:
        """Return ``mask`` as a nibabel.Nifti1Image: [i, j, k], with its affine to RAS mm."""
        return self.mask(grid).to_nibabel()

    def to_sitk(self, grid: Geometry | None = None) -> Any:
        """Return ``mask`` as a SimpleITK.Image, which is in LPS mm as all of SimpleITK is."""
        return self.mask(grid).to_sitk()

    @property
    def reviewed(self) -> bool:
        """Whether the user changed, placed or confirmed anything of it."""
        return self.segment != AUTOMATIC or any(x.reviewed for x in self.landmarks)

    @property
    def metal(self) -> bool:
        """Whether metal was found in or beside it; what that hides is not measured."""
        return self.findings is not None and self.findings.metal

    @property
    def points(self) -> dict[str, Point]:
        """RAS mm by name of all landmarks that are there, auxiliary ones too."""
        every = (*self.landmarks, *self.auxiliary)
        return {x.name: x.ras for x in every if x.ras is not None}

    def review_to_json(self) -> dict[str, Any]:
        """What the user made of it, as in ``measurements.json``."""
        landmarks = [landmark.review_to_json() for landmark in self.landmarks]
        return {"model": asdict(self.model), "segment": self.segment, "landmarks": landmarks}


def common_model(ears: Iterable[Ear]) -> ModelIdentity:
    """Return the model of all ears; UNKNOWN_MODEL where they come from several."""
    models = {ear.model for ear in ears}
    return models.pop() if len(models) == 1 else UNKNOWN_MODEL
