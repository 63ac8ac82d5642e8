"""The page of a report on one ear's duct: pictures, lengths and frequencies by angle, arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..cochlea.arrays import MAKERS_DECIDE, ChosenArray
from ..cochlea.duct import LATERAL, Duct
from ..cochlea.frequencies import OrganOfCorti, ganglion_frequency, hertz_text
from ..cochlea.insertion import Insertion
from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.way_in import way_in
from ..types import Side
from .content import Block, Figures, Heading, Table, Text
from .duct_figures import spiral, unrolled
from .plan import beside_formulas, insertions_of

LEGEND = (
    "Line: frequency along the organ of Corti (Greenwood 1990); grey dots: spiral ganglion "
    "(Stakhovskaya et al. 2007). Both are maps of average ears: single ears differ by half an "
    "octave and more. Pale: an average cochlea, beyond what the segment shows. RW: round window. "
    "Bars: electrode arrays with their contacts; the spiral shows the first. Its short inner line: "
    "the modiolar wall, as far as the segment shows it."
)


def duct_pages(
    cochleae: Mapping[Side, CochlearMeasurements], chosen: Sequence[ChosenArray] = ()
) -> dict[Side, list[Block]]:
    """A page for each ear whose duct could be measured, with arrays in it."""
    insertions = insertions_of(cochleae, chosen)
    return {side: _page(cochleae[side], insertions[side]) for side in insertions}


def _page(cochlea: CochlearMeasurements, insertions: Sequence[Insertion]) -> list[Block]:
    duct, frame = cochlea.duct, cochlea.frame
    assert duct is not None and frame is not None
    pictures = (
        unrolled(duct, insertions),
        spiral(duct, frame, insertions[0] if insertions else None),
    )
    blocks: list[Block] = [
        Heading(f"{cochlea.side.capitalize()} ear: the duct", new_page=True),
        Figures(pictures, 2),
        Text(LEGEND, "small"),
    ]
    if insertions:
        blocks += [_arrays(insertions), Text(MAKERS_DECIDE, "notice")]
    blocks += [_by_angle(duct), _formulas(cochlea)]
    return [*blocks, Text(way_in(cochlea).sentence, "small")]


def _by_angle(duct: Duct) -> Table:
    corti = OrganOfCorti.of(duct)
    rows = []
    for angle in map(float, np.arange(90.0, duct.apex_deg, 90.0)):
        mark = "≈ " if duct.extrapolated(LATERAL, angle) else ""
        spread = duct.length_plus_minus(LATERAL, angle)
        rows.append(
            (
                f"{angle:.0f}°",
                f"{mark}{duct.length(LATERAL, angle):.1f} ± {max(spread, 0.1):.1f} mm",
                hertz_text(corti.frequency(angle)),
                hertz_text(ganglion_frequency(angle)),
            )
        )
    heads = ("Angle", "Lateral wall", "Organ of Corti", "Spiral ganglion")
    return Table((32.0, 50.0, 50.0, 50.0), tuple(rows), heads, values=1)


def _arrays(insertions: Sequence[Insertion]) -> Table:
    rows: list[tuple[str, ...]] = []
    for each in insertions:
        label = f"{each.array.label}, {each.depth_mm:g} mm"
        rows.append((label, each.reach_text, each.coverage_text, each.span_text))
        if each.remarks:
            rows.append((" ".join(each.remarks),))
    heads = ("Array, depth of its tip", "Reaches", "Contacts over", "Organ of Corti")
    return Table((74.0, 32.0, 34.0, 42.0), tuple(rows), heads, values=1)


def _formulas(cochlea: CochlearMeasurements) -> Table:
    rows = tuple(
        (formula.label, formula.text, measured.text, f"{longer:+.1f} mm")
        for formula, measured, longer in beside_formulas(cochlea)
    )
    heads = ("Formula of the diameters", "Estimated", "Measured", "Difference")
    return Table((62.0, 40.0, 40.0, 40.0), rows, heads, values=1)
