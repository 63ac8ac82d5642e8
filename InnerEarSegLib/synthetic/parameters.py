"""What differs from one synthetic ear to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..types import Side


def _drawn(default: Any, draw: Callable[[np.random.Generator], Any]) -> Any:
    """A field with a typical value and a way to draw others."""
    return field(default=default, metadata={"draw": draw})


def _varied(default: Any, spread: Any, around: float | None = None) -> Any:
    """A field, or one of three numbers, drawn from a normal distribution clipped at two spreads.

    Its mean is ``around``, by default the typical value.
    """

    def draw(random: np.random.Generator) -> Any:
        if isinstance(default, tuple):
            return tuple(about(random, *each) for each in zip(default, spread, strict=True))
        return about(random, default if around is None else around, spread)

    def about(random: np.random.Generator, value: float, spread: float) -> float:
        return float(value + spread * np.clip(random.normal(), -2.0, 2.0))

    return _drawn(default, draw)


COMMON_CAVITY = "common cavity"
INCOMPLETE_PARTITION = "incomplete partition"
ABSENT_LATERAL_CANAL = "absent lateral canal"
SHORT_LATERAL_CANAL = "short lateral canal"
WIDE_AQUEDUCT = "wide vestibular aqueduct"
MALFORMATIONS = (
    COMMON_CAVITY,
    INCOMPLETE_PARTITION,
    ABSENT_LATERAL_CANAL,
    SHORT_LATERAL_CANAL,
    WIDE_AQUEDUCT,
)
"""What an ear can have instead of normal anatomy; never drawn at random."""


@dataclass(frozen=True)
class EarParameters:
    """One person's inner ear and the bone around it. Lengths in mm before ``scale``."""

    scale: float = _varied(1.0, 0.03)  # of the whole ear, 1 is typical
    # turns of the cochlea from the round window to the helicotrema
    cochlea_turns: float = _varied(2.5, 0.08)
    # modiolar axis to the lumen's centre beside the round window
    basal_radius: float = _varied(4.55, 0.1)
    # the same a quarter turn further, where the logarithmic part begins
    spiral_radius: float = _varied(2.95, 0.08)
    spiral_decay: float = _varied(0.13, 0.003)  # shrinking of that radius per radian
    # height of the lumen's centre from the basal turn to the helicotrema
    cochlea_rise: float = _varied(2.45, 0.12)
    base_lumen_radius: float = _varied(1.25, 0.05)  # of the cochlear lumen at the round window
    apex_lumen_radius: float = _varied(0.68, 0.04)  # of the cochlear lumen at the helicotrema
    # least bone between neighbouring turns below the last half turn
    septum: float = _varied(0.14, 0.02)
    # along the vestibule's length, superiorly, and across it
    vestibule_semi_axes: tuple[float, float, float] = _varied((2.6, 2.5, 1.5), (0.1, 0.1, 0.06))
    canal_lumen_radius: float = _varied(0.62, 0.045)  # of the semicircular canals
    ampulla_radius: float = _varied(0.95, 0.06)  # of the canals at their ampullae
    # of the common crus of the superior and the posterior canal
    crus_radius: float = _varied(0.75, 0.05)
    # of the arcs of the superior, posterior and lateral canal
    canal_arc_radii: tuple[float, float, float] = _varied((3.3, 3.3, 2.9), (0.12, 0.17, 0.2))
    # degrees by which these three arcs lean out of their typical planes
    canal_tilts: tuple[float, float, float] = _varied((0.0, 0.0, 0.0), (3.0, 3.0, 3.0))
    capsule_thickness: float = _varied(2.0, 0.3)  # dense bone around the labyrinth
    capsule_hu: float = _varied(1900.0, 150.0)  # Hounsfield units of that bone
    # Hounsfield units of the bone further away, between the air cells
    bone_hu: float = _varied(1600.0, 150.0)
    # how many air cells are tried; fewer find room
    air_cells: int = _drawn(1500, lambda random: int(random.integers(200, 2500)))
    middle_ear_size: float = _varied(1.0, 0.07)  # 1 is typical
    # bone above the superior canal, below the middle fossa
    tegmen: float = _varied(1.3, 0.45, around=1.5)
    promontory: float = _varied(0.9, 0.15)  # bone between the labyrinth and the middle ear
    # whether its canal is there
    facial_nerve: bool = _drawn(True, lambda random: bool(random.random() < 0.9))
    malformation: str = _drawn("", lambda random: "")  # one of MALFORMATIONS, or none


@dataclass(frozen=True)
class HeadParameters:
    """One person's head."""

    # factors on the width, length and height of a typical adult's head
    size: tuple[float, float, float] = _varied((1.0, 1.0, 1.0), (0.02, 0.025, 0.03))
    calvaria: float = _varied(6.5, 0.7)  # mm of bone around the brain
    scalp: float = _varied(6.0, 0.8)  # mm of soft tissue on it
    bone_hu: float = _varied(1600.0, 100.0)  # Hounsfield units of cortical bone
    marrow_hu: float = _varied(550.0, 100.0)  # of diploë and marrow
    # mm from the midline to the middle of a labyrinth
    ear_distance: float = _varied(39.0, 1.0, around=38.0)
    # mm by which the left ear lies off the right one's mirror image
    ear_shift: tuple[float, float, float] = _varied((0.0, 0.0, 0.0), (0.7, 0.9, 0.7))
    # degrees (pitch, roll, yaw) by which the right ear is turned against the upright pose of
    # ``make_ear``; the left one is turned like its mirror image
    ear_turns: tuple[float, float, float] = _varied((9.0, 8.0, -8.0), (4.0, 3.0, 3.0))
    # degrees by which the left ear deviates from that
    left_turns: tuple[float, float, float] = _varied((0.0, 0.0, 0.0), (1.5, 1.5, 1.5))
    sinus: float = _varied(1.0, 0.07)  # factor on the size of the paranasal sinuses
    # air cells tried in each mastoid
    cell_count: int = _drawn(8000, lambda random: int(random.integers(1000, 14000)))
    # share of the 32 that are there, about
    teeth: float = _drawn(0.95, lambda random: float(random.uniform(0.6, 1.0)))


def random_parameters(seed: int) -> EarParameters:
    """Draw a plausible ear; the same seed gives the same ear."""
    return EarParameters(**_draw(EarParameters, [20190803, seed]))


def random_head_parameters(seed: int) -> HeadParameters:
    """Draw a plausible head; the same seed gives the same head."""
    return HeadParameters(**_draw(HeadParameters, [20240817, seed]))


def _draw(kind: type, seed: list[int]) -> dict[str, Any]:
    """Draw each field, in their order."""
    random = np.random.default_rng(seed)
    return {each.name: each.metadata["draw"](random) for each in fields(kind)}


def ear_parameters(seed: int) -> dict[Side, EarParameters]:
    """Draw two ears of one person: alike, but not the same."""
    right, other = random_parameters(2 * seed), random_parameters(2 * seed + 1)

    def mix(own: Any, theirs: Any) -> Any:
        if isinstance(own, tuple):
            return tuple(map(mix, own, theirs))
        return 0.75 * own + 0.25 * theirs if isinstance(own, float) else own

    mixed = {name: mix(own, vars(other)[name]) for name, own in vars(right).items()}
    return {"left": EarParameters(**mixed), "right": right}
