"""What differs from one synthetic ear to the next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..types import Side


@dataclass(frozen=True)
class EarParameters:
    """One person's inner ear and the bone around it. Lengths in mm before ``scale``.

    Attributes:
        scale: of the whole ear, 1 is typical.
        cochlea_turns: turns of the cochlea from the round window to the helicotrema.
        basal_radius: modiolar axis to the lumen's centre beside the round window.
        spiral_radius: the same a quarter turn further, where the logarithmic part begins.
        spiral_decay: shrinking of that radius per radian.
        cochlea_rise: height of the lumen's centre from the basal turn to the helicotrema.
        base_lumen_radius: of the cochlear lumen at the round window.
        apex_lumen_radius: of the cochlear lumen at the helicotrema.
        septum: least bone between neighbouring turns below the last half turn.
        vestibule_semi_axes: along the vestibule's length, superiorly, and across it.
        canal_lumen_radius: of the semicircular canals.
        ampulla_radius: of the canals at their ampullae.
        crus_radius: of the common crus of the superior and the posterior canal.
        canal_arc_radii: of the arcs of the superior, posterior and lateral canal.
        canal_tilts: degrees by which these three arcs lean out of their typical planes.
        capsule_thickness: dense bone around the labyrinth.
        capsule_hu: Hounsfield units of that bone.
        bone_hu: Hounsfield units of the bone further away, between the air cells.
        air_cells: how many air cells are tried; fewer find room.
        middle_ear_size: 1 is typical.
        tegmen: bone above the superior canal, below the middle fossa.
        promontory: bone between the labyrinth and the middle ear.
        facial_nerve: whether its canal is there.
    """

    scale: float = 1.0
    cochlea_turns: float = 2.5
    basal_radius: float = 4.55
    spiral_radius: float = 2.95
    spiral_decay: float = 0.13
    cochlea_rise: float = 2.45
    base_lumen_radius: float = 1.25
    apex_lumen_radius: float = 0.68
    septum: float = 0.14
    vestibule_semi_axes: tuple[float, float, float] = (2.6, 2.5, 1.5)
    canal_lumen_radius: float = 0.62
    ampulla_radius: float = 0.95
    crus_radius: float = 0.75
    canal_arc_radii: tuple[float, float, float] = (3.3, 3.3, 2.9)
    canal_tilts: tuple[float, float, float] = (0.0, 0.0, 0.0)
    capsule_thickness: float = 2.0
    capsule_hu: float = 1900.0
    bone_hu: float = 1600.0
    air_cells: int = 1500
    middle_ear_size: float = 1.0
    tegmen: float = 1.3
    promontory: float = 0.9
    facial_nerve: bool = True


def random_parameters(seed: int) -> EarParameters:
    """Draw a plausible ear; the same seed gives the same ear."""
    random = np.random.default_rng([20190803, seed])
    about = partial(_about, random)

    typical = EarParameters()
    return EarParameters(
        scale=about(1.0, 0.03),
        cochlea_turns=about(2.5, 0.08),
        basal_radius=about(typical.basal_radius, 0.1),
        spiral_radius=about(typical.spiral_radius, 0.08),
        spiral_decay=about(typical.spiral_decay, 0.003),
        cochlea_rise=about(typical.cochlea_rise, 0.12),
        base_lumen_radius=about(typical.base_lumen_radius, 0.05),
        apex_lumen_radius=about(typical.apex_lumen_radius, 0.04),
        septum=about(typical.septum, 0.02),
        vestibule_semi_axes=(about(2.6, 0.1), about(2.5, 0.1), about(1.5, 0.06)),
        canal_lumen_radius=about(typical.canal_lumen_radius, 0.045),
        ampulla_radius=about(typical.ampulla_radius, 0.06),
        crus_radius=about(typical.crus_radius, 0.05),
        canal_arc_radii=(about(3.3, 0.12), about(3.3, 0.17), about(2.9, 0.2)),
        canal_tilts=(about(0.0, 3.0), about(0.0, 3.0), about(0.0, 3.0)),
        capsule_thickness=about(typical.capsule_thickness, 0.3),
        capsule_hu=about(typical.capsule_hu, 150.0),
        bone_hu=about(typical.bone_hu, 150.0),
        air_cells=int(random.integers(200, 2500)),
        middle_ear_size=about(typical.middle_ear_size, 0.07),
        tegmen=about(1.5, 0.45),
        promontory=about(typical.promontory, 0.15),
        facial_nerve=bool(random.random() < 0.9),
    )


def _about(random: np.random.Generator, value: float, spread: float) -> float:
    """Draw from a normal distribution around ``value``, clipped at two ``spread``."""
    return float(value + spread * np.clip(random.normal(), -2.0, 2.0))


@dataclass(frozen=True)
class HeadParameters:
    """One person's head.

    Attributes:
        size: factors on the width, length and height of a typical adult's head.
        calvaria: mm of bone around the brain.
        scalp: mm of soft tissue on it.
        bone_hu: Hounsfield units of cortical bone.
        marrow_hu: of diploë and marrow.
        ear_distance: mm from the midline to the middle of a labyrinth.
        ear_shift: mm by which the left ear lies off the right one's mirror image.
        ear_turns: degrees (pitch, roll, yaw) by which the right ear is turned against the upright
            pose of ``make_ear``; the left one is turned like its mirror image.
        left_turns: degrees by which the left ear deviates from that.
        sinus: factor on the size of the paranasal sinuses.
        cell_count: air cells tried in each mastoid.
        teeth: share of the 32 that are there, about.
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    calvaria: float = 6.5
    scalp: float = 6.0
    bone_hu: float = 1600.0
    marrow_hu: float = 550.0
    ear_distance: float = 39.0
    ear_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ear_turns: tuple[float, float, float] = (9.0, 8.0, -8.0)
    left_turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sinus: float = 1.0
    cell_count: int = 8000
    teeth: float = 0.95


def random_head_parameters(seed: int) -> HeadParameters:
    """Draw a plausible head; the same seed gives the same head."""
    random = np.random.default_rng([20240817, seed])
    about = partial(_about, random)
    return HeadParameters(
        size=(about(1.0, 0.02), about(1.0, 0.025), about(1.0, 0.03)),
        calvaria=about(6.5, 0.7),
        scalp=about(6.0, 0.8),
        bone_hu=about(1600.0, 100.0),
        marrow_hu=about(550.0, 100.0),
        ear_distance=about(38.0, 1.0),
        ear_shift=(about(0.0, 0.7), about(0.0, 0.9), about(0.0, 0.7)),
        ear_turns=(about(9.0, 4.0), about(8.0, 3.0), about(-8.0, 3.0)),
        left_turns=(about(0.0, 1.5), about(0.0, 1.5), about(0.0, 1.5)),
        sinus=about(1.0, 0.07),
        cell_count=int(random.integers(1000, 14000)),
        teeth=float(random.uniform(0.6, 1.0)),
    )


def ear_parameters(seed: int) -> dict[Side, EarParameters]:
    """Draw two ears of one person: alike, but not the same."""
    right, other = random_parameters(2 * seed), random_parameters(2 * seed + 1)
    mixed: dict[str, Any] = {}
    for name, own in vars(right).items():
        theirs = getattr(other, name)
        if isinstance(own, tuple):
            mixed[name] = tuple(0.75 * a + 0.25 * b for a, b in zip(own, theirs, strict=True))
        elif isinstance(own, float):
            mixed[name] = 0.75 * own + 0.25 * theirs
        else:
            mixed[name] = own
    return {"left": EarParameters(**mixed), "right": right}
