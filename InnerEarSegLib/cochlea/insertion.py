"""Virtual insertion: where the contacts of an electrode array would lie in a measured duct."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..types import rounded
from .arrays import LATERAL_WALL, MAKERS_DECIDE, ElectrodeArray
from .curves import interpolated, lengths_along
from .duct import CENTRE, LATERAL, Duct
from .frame import Vector
from .frequencies import OrganOfCorti, ganglion_frequency, hertz_text, octaves

DISTANCE_MM = 0.2
"""From the lateral wall to the axis of an array whose diameter no source states: half of 0.4 mm, an
assumption. With it, arrays at full depth in the 14 labelled specimens reach angles within what was
published of patients (``Testing/numbers/test_insertion.py``)."""

_LEAST_ROOM = 0.5
"""At most this share of the canal's half width lies between an array's axis and the lateral wall:
apical turns are narrower than any array's distance."""

NOT_IN_DUCT = "not in the duct"


@dataclass(frozen=True)
class Contact:
    """One contact.

    Attributes:
        number: 1 for the most basal; makers number in either direction.
        depth_mm: along the array's path from the round window; negative outside the cochlea.
        angle_deg: from the round window; None outside the cochlea and beyond the apex.
        angle_uncertainty_90: half width of the 90 % interval, degrees.
        organ_of_corti_hz: by Greenwood's function; None beyond its end.
        spiral_ganglion_hz: by Stakhovskaya's map; None beyond it.
        octaves_uncertainty_90: of ``organ_of_corti_hz``, that the angle's makes.
        extrapolated: whether the duct is, here.
        ras: position, RAS mm.
    """

    number: int
    depth_mm: float
    angle_deg: float | None = None
    angle_uncertainty_90: float | None = None
    organ_of_corti_hz: float | None = None
    spiral_ganglion_hz: float | None = None
    octaves_uncertainty_90: float | None = None
    extrapolated: bool = False
    ras: tuple[float, float, float] | None = None

    @property
    def angle_text(self) -> str:
        """Where it lies, to read: "540 ± 20°"; "≈ " before what is extrapolated."""
        if self.angle_deg is None:
            return NOT_IN_DUCT
        about = "≈ " if self.extrapolated else ""
        return f"{about}{self.angle_deg:.0f} ± {self.angle_uncertainty_90 or 0.0:.0f}°"

    def to_json(self) -> dict[str, Any]:
        """Plain values, rounded; also a row of a table."""
        row = {key: rounded(value, 2) if isinstance(value, (float, tuple)) else value
               for key, value in asdict(self).items()}  # fmt: skip
        for key in ("organ_of_corti_hz", "spiral_ganglion_hz"):
            row[key] = rounded(row[key], 0)
        row["ras_mm"] = row.pop("ras")
        return row


@dataclass(frozen=True)
class Insertion:
    """An array in a duct.

    Attributes:
        array: which.
        depth_mm: of its tip.
        contacts: the most basal first.
        remarks: what does not fit, a sentence each.
    """

    array: ElectrodeArray
    depth_mm: float
    contacts: tuple[Contact, ...]
    remarks: tuple[str, ...] = ()

    @property
    def inside(self) -> list[Contact]:
        """The contacts that lie in the duct."""
        return [contact for contact in self.contacts if contact.angle_deg is not None]

    @property
    def reach_deg(self) -> float | None:
        """Angle of the most apical contact in the duct."""
        return self.inside[-1].angle_deg if self.inside else None

    @property
    def coverage_deg(self) -> float:
        """Angle between the outermost contacts in the duct."""
        if len(self.inside) < 2:
            return 0.0
        return (self.inside[-1].angle_deg or 0.0) - (self.inside[0].angle_deg or 0.0)

    @property
    def coverage_mm(self) -> float:
        """Length along the array between them."""
        inside = self.inside
        return inside[-1].depth_mm - inside[0].depth_mm if inside else 0.0

    @property
    def reach_text(self) -> str:
        """Angle of the most apical contact in the duct, to read."""
        return self.inside[-1].angle_text if self.inside else NOT_IN_DUCT

    @property
    def coverage_text(self) -> str:
        """What lies between the outermost contacts in the duct, to read."""
        return f"{self.coverage_deg:.0f}° ({self.coverage_mm:.1f} mm)" if self.inside else "–"

    @property
    def span_text(self) -> str:
        """Frequencies of the outermost contacts in the duct at the organ of Corti, to read."""
        if not self.inside:
            return "–"
        first, last = self.inside[0], self.inside[-1]
        return f"{hertz_text(last.organ_of_corti_hz)} – {hertz_text(first.organ_of_corti_hz)}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; degrees, mm and Hz."""
        return {
            "maker": self.array.maker,
            "array": self.array.name,
            "kind": self.array.kind,
            "source": self.array.source,
            "insertion_depth_mm": round(self.depth_mm, 2),
            "reach_deg": rounded(self.reach_deg, 1),
            "coverage_deg": round(self.coverage_deg, 1),
            "coverage_mm": round(self.coverage_mm, 2),
            "contacts": [contact.to_json() for contact in self.contacts],
            "remarks": list(self.remarks),
            "note": MAKERS_DECIDE,
        }


def insert(duct: Duct, array: ElectrodeArray, depth_mm: float | None = None) -> Insertion:
    """Lay an array into a duct, to its full length or with its tip at ``depth_mm``.

    An array for the lateral wall lies half its diameter, or DISTANCE_MM, from it. The others follow
    the centre line of the bony canal: perimodiolar arrays too, as they cross the scala before they
    turn to the modiolus. The bony modiolar wall would make twice the angles that are published.
    """
    depth = array.tip_mm if depth_mm is None else depth_mm
    points, lengths = _path(duct, array)
    name = LATERAL if array.kind == LATERAL_WALL else CENTRE
    corti = OrganOfCorti.of(duct)
    slope = np.gradient(lengths, duct.angles)
    contacts = []
    for number, at in enumerate(map(float, array.depths(depth)), 1):
        if not 0.0 <= at <= lengths[-1]:
            contacts.append(Contact(number, at))
            continue
        angle = float(np.interp(at, lengths, duct.angles))
        spread = duct.length_plus_minus(name, angle) / float(np.interp(angle, duct.angles, slope))
        x, y, z = map(float, interpolated(angle, duct.angles, points))
        contacts.append(
            Contact(
                number,
                at,
                angle,
                spread,
                corti.frequency(angle),
                ganglion_frequency(angle),
                _octaves(corti, angle, spread),
                duct.extrapolated(name, angle),
                (x, y, z),
            )
        )
    return Insertion(array, depth, tuple(contacts), _remarks(array, depth, contacts, lengths))


def reach(duct: Duct, length_mm: float) -> Contact:
    """Return the tip of a thin straight electrode that is inserted by a length, as a contact.

    It lies as ``insert`` lays an array for the lateral wall whose diameter is not known.
    """
    electrode = ElectrodeArray("", "", LATERAL_WALL, 1, length_mm, length_mm, length_mm)
    return insert(duct, electrode).contacts[0]


def _path(duct: Duct, array: ElectrodeArray) -> tuple[Vector, Vector]:
    """Points (n, 3) RAS mm at the duct's angles that an array's axis follows, and lengths (n,)."""
    if array.kind != LATERAL_WALL:
        return duct.curves[CENTRE].points, duct.curves[CENTRE].lengths
    wall, middle = duct.curves[LATERAL].points, duct.curves[CENTRE].points
    distance = DISTANCE_MM if array.diameter_mm is None else array.diameter_mm / 2.0
    apart = np.linalg.norm(middle - wall, axis=1)
    share = np.minimum(distance / np.maximum(apart, 1e-6), _LEAST_ROOM)[:, None]
    points = wall + share * (middle - wall)
    return points, lengths_along(points)


def _octaves(corti: OrganOfCorti, angle: float, spread: float) -> float | None:
    """Half of the octaves between the ends of an angle's interval, as far as they are mapped."""
    here = corti.frequency(angle)
    ends = (corti.frequency(max(0.0, angle - spread)), corti.frequency(angle + spread))
    near = [abs(octaves(end, here)) for end in ends if end is not None and here is not None]
    return float(np.mean(near)) if near else None


def _remarks(
    array: ElectrodeArray, depth: float, contacts: list[Contact], lengths: Vector
) -> tuple[str, ...]:
    outside = [each.number for each in contacts if each.depth_mm < 0.0]
    beyond = [each.number for each in contacts if each.depth_mm > lengths[-1]]
    remarks = []
    if depth > array.tip_mm:
        remarks.append(
            f"{depth:.1f} mm is deeper than the array's own {array.tip_mm:.1f} mm: its lead would "
            "be in the cochlea, too."
        )
    if depth > lengths[-1]:
        remarks.append(
            f"It does not fit: the tip would lie {depth - lengths[-1]:.1f} mm beyond the apex"
            + (f", with {len(beyond)} contact{'s' * (len(beyond) > 1)}." if beyond else ".")
        )
    if outside:
        stay = "stays" if len(outside) == 1 else "stay"
        remarks.append(f"{len(outside)} of {array.contacts} contacts {stay} outside the cochlea.")
    if any(each.extrapolated for each in contacts):
        remarks.append("Some contacts are extrapolated: an average cochlea extends the duct there.")
    return tuple(remarks)
