"""Find the ears of a scan: none, one, or one of each side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..io.region import Region
from ..model.bundle import PatchNetwork
from ..types import Geometry
from .candidates import centers_beside, search_centers
from .pose import Pose
from .prediction import EarPrediction, Predictor

MIN_BONE_VOXELS = 50
MAX_TURNED_RESIDUAL_MM = 3.0
SAME_EAR_MM = 12.0
CENTRED = 6
"""Candidates that are predicted again from their own centre."""

ONE_EAR_MM = 60.0
"""A scan up to this size shows one ear: their centres are 65 mm apart or more."""

HEAD_MM = 110.0
"""A scan of this size shows both. Between the two it may show one or both."""

OTHER_EAR_MM = 45.0
"""Least distance of the other ear, in small children too."""

FIRST_CENTERS = 8
"""Searched before all others; nearly always enough for both ears."""

MAX_TRIES = 3
"""Candidates of a round that are oriented; ears are nearly always the first two."""

MIN_SCORE = 0.35
TURNED_SCORE = 0.5
"""Least score of a candidate to be oriented, and to be searched through turned patches where that
found nothing, which costs as much as all the rest. Ears of specimens and of a head have 0.65 to
0.87; other anatomy (in that head, and synthetic chests, jaws, vertebrae and noise) at most 0.46.
It lets the search of a scan without ears end soon."""

CLEAR_SCORE = 0.6
"""Least score of a candidate to be oriented before it is predicted from its own centre. Patches
beside ears of five specimens and two heads had 0.65 to 0.87, other anatomy in the heads up to 0.44.
"""

MISSED = 2
"""Centres whose neighbours are searched if fewer ears were found than a scan of its size shows."""

SURE_RESIDUAL_MM = 0.3
"""Largest misfit at which one orientation settles pose and side; above, turned patches are
searched. Ears of specimens and of a head have 0.09 to 0.21."""


def find_ears(predictor: Predictor, region: Region | None) -> list[EarPrediction]:
    """Search a scan, or a region of it, for ears, coarse to fine.

    Returns:
        At most one oriented ear of each side, the surer one first.
    """
    geometry, network = predictor.geometry, predictor.model.locate
    patch_mm = np.array(network.shape[::-1]) * network.spacing_mm
    centers = search_centers(predictor.ct, geometry, patch_mm, region)
    rounds = [centers[:FIRST_CENTERS], centers[FIRST_CENTERS:], centers_beside(centers[:MISSED])]
    extent = float(max(geometry.spacing * geometry.shape[::-1]))
    if region is not None:
        extent = min(extent, 2.0 * float(max(region.half_mm)))
    least, most = (2 if extent > size else 1 for size in (HEAD_MM, ONE_EAR_MM))
    ears: list[EarPrediction] = []
    for number, around in enumerate(rounds):
        # If one or both ears may be visible, all centres are searched, but not their neighbours.
        if _sides(ears) >= (most if number < len(rounds) - 1 else least):
            break
        distance = OTHER_EAR_MM if _sides(ears) >= least else 2.0 * SAME_EAR_MM
        around = np.array([c for c in around if _is_apart(c, ears, distance)])
        if len(around) == 0:
            continue
        message = f"Looking for ears in {len(around)} place{'s' if len(around) > 1 else ''}"
        predictor.progress.step(0.1 + 0.1 * number, message)
        for candidate in candidates_near(predictor, around):
            distance = OTHER_EAR_MM if _sides(ears) >= least else SAME_EAR_MM
            if not _is_apart(candidate.pose.center, ears, distance):
                continue
            ear = _orient(predictor, candidate)
            if ear is None or (region is not None and not region.holds(ear.pose.center)):
                continue
            if _is_apart(ear.pose.center, ears, SAME_EAR_MM):
                ears.append(ear)
            if _sides(ears) >= most:
                break
    ears.sort(key=lambda ear: ear.presence * np.exp(-ear.pose.residual), reverse=True)
    best: dict[str, EarPrediction] = {}
    for ear in ears:
        best.setdefault(ear.pose.side, ear)
    return list(best.values())[:most]


def _sides(ears: list[EarPrediction]) -> int:
    return len({ear.pose.side for ear in ears})


def _is_apart(point: NDArray[np.float64], ears: list[EarPrediction], distance_mm: float) -> bool:
    """Return whether a RAS point is further than this from all ears."""
    return all(np.linalg.norm(point - ear.pose.center) > distance_mm for ear in ears)


def candidates_near(predictor: Predictor, centers: NDArray[np.float64]) -> Iterator[EarPrediction]:
    """Predict candidates around some centres (n, 3), at low resolution.

    A patch may show half an ear. That is enough to tell its centre, so the best candidates are
    predicted again from there. Yield the clear ones before that, so that a caller who then has
    enough saves it, and afterwards the best prediction of each ear; each time the best ear first.
    """
    first = _best_apart(_locate(predictor, centers))
    yield from [candidate for candidate in first if candidate.score >= CLEAR_SCORE][:MAX_TRIES]
    again = _locate(predictor, [candidate.pose.center for candidate in first[:CENTRED]])
    best = _best_apart([*first, *again])[:MAX_TRIES]
    yield from (candidate for candidate in best if candidate.score >= MIN_SCORE)


def _locate(
    predictor: Predictor, centers: NDArray[np.float64] | list[NDArray[np.float64]]
) -> list[EarPrediction]:
    network = predictor.model.locate
    patches = [upright_patch(center, network) for center in centers]
    return predictor.predict(patches, network, MIN_BONE_VOXELS)


def _best_apart(candidates: list[EarPrediction]) -> list[EarPrediction]:
    """Return the best candidate of each place, the best place first."""
    kept: list[EarPrediction] = []
    for candidate in sorted(candidates, key=lambda c: c.score, reverse=True):
        if _is_apart(candidate.pose.center, kept, SAME_EAR_MM):
            kept.append(candidate)
    return kept


def _orient(predictor: Predictor, candidate: EarPrediction) -> EarPrediction | None:
    """Orient a candidate, through turned patches if its pose is not sure."""
    ear = predictor.orient(candidate.poses)
    sure = ear is not None and ear.pose.residual <= SURE_RESIDUAL_MM
    if sure or (ear is None and candidate.score < TURNED_SCORE):
        return ear
    poses = turned_poses(predictor, candidate)
    tries = [ear, predictor.orient(poses) if poses else None]
    found = [each for each in tries if each is not None]
    return min(found, key=lambda each: each.pose.residual, default=None)


def turned_poses(predictor: Predictor, candidate: EarPrediction) -> list[Pose]:
    """Predict the poses of a candidate from patches that are turned and mirrored around it.

    The network recognises an ear better in some directions; the landmarks' fit tells which. Return
    the best pose of each side that fits, the better one first; ``orient`` decides on the side.
    """
    network = predictor.model.locate
    turned = [upright_patch(candidate.pose.center, network, turn) for turn in turns_and_mirrors()]
    found = predictor.predict(turned, network, MIN_BONE_VOXELS)
    poses = [pose for prediction in [candidate, *found] for pose in prediction.poses]
    best = [
        min((pose for pose in poses if pose.side == side), key=lambda pose: pose.residual)
        for side in ("left", "right")
    ]
    fitting = [pose for pose in best if pose.residual <= MAX_TURNED_RESIDUAL_MM]
    return sorted(fitting, key=lambda pose: pose.residual)


def turns_and_mirrors() -> list[NDArray[np.float64]]:
    """Return the 12 rotations of a tetrahedron, every other one mirrored: 3 x 3 matrices.

    They spread evenly over all directions and map the axes onto each other, so that turned
    patches lie on the same lattice.
    """
    flips = [(1, 1), (-1, -1), (1, -1), (-1, 1)]
    turns = [
        np.roll(np.eye(3), shift, axis=0) @ np.diag([a, b, a * b])
        for shift in range(3)
        for a, b in flips
    ]
    return [turn * (-1.0 if n % 2 else 1.0) for n, turn in enumerate(turns)]


def upright_patch(
    center: NDArray[np.float64], network: PatchNetwork, turn: NDArray[np.float64] | None = None
) -> Geometry:
    """Return a patch along RAS, or turned by a 3 x 3 matrix, around a point in RAS mm.

    It is snapped to a fixed lattice, on which the same anatomy falls on the same voxels in any
    storage order of the file.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) if turn is None else turn
    matrix[:3, 3] = np.round(np.asarray(center) / network.spacing_mm) * network.spacing_mm
    return Pose(matrix).patch(network.spacing_mm, network.shape)
