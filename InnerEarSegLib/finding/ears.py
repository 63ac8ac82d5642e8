"""All ears of a scan: none, one, or one of each side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..progress import Progress
from .canonical_look import Seen
from .locate import SAME_EAR_MM, sightings_near, turned_poses
from .orient import orient
from .places import beside, places_to_look
from .region import Region

ONE_EAR_MM = 60.0
"""No scan smaller than this shows both ears: their middles are 65 mm apart or more."""

HEAD_MM = 110.0
"""A scan of this size shows both. Between the two it may show one or both."""

OTHER_EAR_MM = 45.0
"""No other ear is nearer to one that was found; small children's included."""

FIRST_PLACES = 8
"""Looked at before all others; both ears are nearly always among them."""

MAX_TRIES = 3
"""Sightings of a round that are looked at closely; ears are nearly always the first two."""

MIN_SCORE = 0.35
TURNED_SCORE = 0.5
"""What a sighting needs for a closer look, and for one through turned windows where nothing was
seen on that, which costs as much as all the rest. Ears of specimens and of a head have 0.65 to
0.87, what is none (in that head, and synthetic chests, jaws, vertebrae and noise) at most 0.46.
It is what lets a scan without ears end soon."""

MISSED = 2
"""Places beside which to look where fewer ears were found than a scan of its size shows."""

SURE_RESIDUAL_MM = 0.3
"""Misfit up to which a first look settles the pose and the side; above, turned windows are looked
through. Ears of specimens and of a head have 0.09 to 0.21."""


def find_ears(
    ct: Tensor, geometry: Geometry, bundle: Bundle, region: Region | None, progress: Progress
) -> list[Seen]:
    """Search a scan for ears, coarse to fine.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        bundle: the model.
        region: where the user said to look; None for everywhere.
        progress: told how far the search is.

    Returns:
        At most one ear of each side, the surer one first.
    """
    places = places_to_look(ct, geometry, bundle.locate, region)
    rounds = [places[:FIRST_PLACES], places[FIRST_PLACES:], beside(places[:MISSED])]
    least, most = _number_of_ears(geometry, region)
    ears: list[Seen] = []
    for number, centres in enumerate(rounds):
        # What may show one ear or both is searched in all places, but beside them for one alone.
        if _sides(ears) >= (most if number < len(rounds) - 1 else least):
            break
        known = [ear.pose.center for ear in ears]
        apart = OTHER_EAR_MM if _sides(ears) >= least else 2.0 * SAME_EAR_MM
        centres = np.array([c for c in centres if _is_apart(c, known, apart)])
        if len(centres) == 0:
            continue
        progress.step(0.1 + 0.1 * number, f"Looking for ears in {len(centres)} places")
        ears += _ears_at(ct, geometry, centres, ears, bundle, region, progress)
    return _one_a_side(ears)[:most]


def _is_apart(
    point: NDArray[np.float64], others: list[NDArray[np.float64]], distance_mm: float
) -> bool:
    """Whether a point is further than this from all others."""
    return all(np.linalg.norm(point - other) > distance_mm for other in others)


def _extent(geometry: Geometry, region: Region | None) -> float:
    """The longest edge in mm of what is searched."""
    size = geometry.spacing * geometry.shape[::-1]
    return float(max(size) if region is None else min(max(size), 2.0 * max(region.half_mm)))


def _number_of_ears(geometry: Geometry, region: Region | None) -> tuple[int, int]:
    """How many ears a scan of this size shows, at least and at most."""
    extent = _extent(geometry, region)
    return (2 if extent > HEAD_MM else 1), (2 if extent > ONE_EAR_MM else 1)


def _sides(ears: list[Seen]) -> int:
    """Of how many sides there are ears."""
    return len({ear.pose.side for ear in ears})


def _ears_at(
    ct: Tensor,
    geometry: Geometry,
    places: NDArray[np.float64],
    known: list[Seen],
    bundle: Bundle,
    region: Region | None,
    progress: Progress,
) -> list[Seen]:
    """Unknown ears around some places (n, 3), until as many are found as the scan may show."""
    ears: list[Seen] = []
    sightings = sightings_near(ct, geometry, places, bundle, progress)
    hopeful = [sighting for sighting in sightings[:MAX_TRIES] if sighting.score >= MIN_SCORE]
    least, most = _number_of_ears(geometry, region)
    for sighting in hopeful:
        progress.check()
        others = [other.pose.center for other in [*known, *ears]]
        enough = _sides([*known, *ears]) >= least
        if enough and not _is_apart(sighting.pose.center, others, OTHER_EAR_MM):
            continue
        ear = orient(ct, geometry, sighting.poses, bundle, progress)
        sure = ear is not None and ear.pose.residual <= SURE_RESIDUAL_MM
        if not sure and (ear is not None or sighting.score >= TURNED_SCORE):
            poses = turned_poses(ct, geometry, sighting, bundle, progress)
            ears_seen = [ear, orient(ct, geometry, poses, bundle, progress) if poses else None]
            ear = min(
                (seen for seen in ears_seen if seen is not None),
                key=lambda seen: seen.pose.residual,
                default=None,
            )
        if ear is None or (region is not None and not region.holds(ear.pose.center)):
            continue
        if _is_apart(ear.pose.center, others, SAME_EAR_MM):
            ears.append(ear)
        if _sides([*known, *ears]) >= most:
            break
    return ears


def _one_a_side(ears: list[Seen]) -> list[Seen]:
    """The surer ear of each side."""
    ranked = sorted(ears, key=lambda ear: ear.presence * np.exp(-ear.pose.residual), reverse=True)
    best: dict[str, Seen] = {}
    for ear in ranked:
        best.setdefault(ear.pose.side, ear)
    return list(best.values())
