"""How far an ear can be trusted, and what was measured to say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Verdict = Literal["good", "check", "poor"]
GOOD: Final = "good"
CHECK: Final = "check"
POOR: Final = "poor"

USUAL_VOLUME_MM3 = (144.0, 267.0)
USUAL_WINDOWS_MM = (2.5, 3.3)
USUAL_APEX_MM = (5.7, 7.4)
"""Ranges in the human bony labyrinth dataset: volume, round to oval window, round window to
helicotrema."""

WHOLE_CANALS = 3
"""Semicircular canals of an ear: rings behind the oval window."""

MIN_METAL_MM3 = 1.0
"""Bone as bright as metal has 0.5 mm³ at most beside a labyrinth in the specimens' own scans; an
electrode array in a cochlea has about 10 mm³."""

SOFT_MM = 0.95
"""Width of the edge between bone and lumen from which a CT is soft at the ear: 0.4 in the
specimens' own scans, 0.6 in simulated cone beam of 0.3 mm, 0.75 with bone and 1.05 with soft
kernels."""

WIDE_AQUEDUCT_MM, WIDE_AQUEDUCT_SOFT_MM = 1.0, 1.3
"""Width from which a vestibular aqueduct is wide halfway between common crus and aperture, by the
Cincinnati criteria (Boston et al. 2007, doi:10.1016/j.otohns.2006.12.011). In a soft CT, where one
of a head looked 1.2 mm wide, by the older criterion of 1.5 mm (Valvassori and Clemis 1978, The
Laryngoscope 88:723-728), less the 0.25 mm by which tubes are measured too narrow."""


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


@dataclass(frozen=True)
class Findings:
    """What was measured of one ear's automatic result and of the CT there; the verdict's grounds.

    None is not known, but for ``cut_off_hu``: a landmark was missing, the CT does not show it, or
    the result was made before this was measured.

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
        aqueduct_mm: width of a tube in the CT where the vestibular aqueduct runs; 0 without one.
        bony_canals: names of those with a stretch that the CT shows as bone; cut off there, and so
            open, if it is as bright as the bone around.
        undrawn_landmarks: names of those that lie outside the labyrinth as drawn.
        even_edges: whether the CT's edges are about as wide in all directions.
        cut_off_hu: where the CT's values end, if metal would not stand out; None if it would.
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
    aqueduct_mm: float | None = None
    bony_canals: tuple[str, ...] = ()
    undrawn_landmarks: tuple[str, ...] = ()
    even_edges: bool | None = None
    cut_off_hu: float | None = None

    @property
    def canals(self) -> str:
        """How many canals are closed, as "3 of 3"; empty if not known, or with rings too many."""
        known = self.closed_canals is not None and self.closed_canals <= WHOLE_CANALS
        return f"{self.closed_canals} of {WHOLE_CANALS}" if known else ""

    @property
    def metal(self) -> bool:
        """Whether metal lies in or beside the labyrinth, and not just dense bone."""
        return self.metal_mm3 >= MIN_METAL_MM3

    @property
    def wide_aqueduct(self) -> bool:
        """Whether the vestibular aqueduct may be wide."""
        soft = self.edge_width_mm is not None and self.edge_width_mm > SOFT_MM
        least = WIDE_AQUEDUCT_SOFT_MM if soft else WIDE_AQUEDUCT_MM
        return self.aqueduct_mm is not None and self.aqueduct_mm >= least

    def to_json(self) -> dict[str, Any]:
        """Plain values, to three decimals."""
        values = asdict(self).items()
        return {name: round(x, 3) if isinstance(x, float) else x for name, x in values}

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Findings:
        """Read what ``to_json`` of any version made; TypeError if a name is unknown."""
        lists = {name: tuple(x) for name, x in item.items() if isinstance(x, list)}
        return cls(**{**item, **lists})
