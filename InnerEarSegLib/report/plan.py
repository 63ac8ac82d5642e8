"""A plan as files and lines: the duct over the angle, frequencies, and arrays in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from ..cochlea.arrays import MAKERS_DECIDE, ChosenArray
from ..cochlea.catalogue import MEASURED_OF_FORMULA, Measurement
from ..cochlea.duct import Duct
from ..cochlea.filter_bands import Mismatch, default_bands, mismatch
from ..cochlea.frequencies import OrganOfCorti, ganglion_frequency
from ..cochlea.insertion import NOT_IN_DUCT, Insertion, insert
from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.way_in import way_in
from ..io.result_folder import MADE_BY
from ..types import Side, rounded
from .subject import Subject

PLAN_JSON, DUCT_CSV, CONTACTS_CSV = "plan.json", "duct.csv", "contacts.csv"
SCHEMA_VERSION = 1

NO_DUCT = (
    "The duct of the {} ear could not be measured: it needs the cochlea's axes and a segment that "
    "shows the basal turn and the turns above it, without metal."
)


def duct_rows(duct: Duct) -> list[dict[str, Any]]:
    """``Duct.rows`` with both frequencies in Hz at each angle."""
    corti = OrganOfCorti.of(duct)
    return [
        row
        | {
            "organ_of_corti_hz": rounded(corti.frequency(row["angle_deg"]), 0),
            "spiral_ganglion_hz": rounded(ganglion_frequency(row["angle_deg"]), 0),
        }
        for row in duct.rows()
    ]


def insertions_of(
    cochleae: Mapping[Side, CochlearMeasurements], chosen: Sequence[ChosenArray]
) -> dict[Side, list[Insertion]]:
    """Lay each array into each ear that has a duct."""
    return {
        side: [insert(cochlea.duct, each.array, each.depth_mm) for each in chosen]
        for side, cochlea in cochleae.items()
        if cochlea.duct is not None
    }


def beside_formulas(
    cochlea: CochlearMeasurements,
) -> list[tuple[Measurement, Measurement, float]]:
    """Lengths by formulas, the same as measured, and by how many mm the formula's is longer."""
    pairs = ((cochlea[key], cochlea[other]) for key, other in MEASURED_OF_FORMULA.items())
    return [
        (formula, measured, formula.value - measured.value)
        for formula, measured in pairs
        if formula.value is not None and measured.value is not None
    ]


def mismatch_of(insertion: Insertion) -> tuple[Mismatch, ...]:
    """Compare an array with its default filter bands; empty where these are not known."""
    bands = default_bands(insertion.array)
    return () if bands is None else mismatch(insertion, bands)


def write_plan(
    subject: Subject,
    insertions: Mapping[Side, Sequence[Insertion]],
    folder: Path,
    *,
    bands: bool = False,
) -> None:
    """Write ``plan.json``, ``duct.csv`` and, with arrays, ``contacts.csv`` into a folder.

    With ``bands``, contacts have their default filter bands and how far off these are.
    """
    ears, ducts, contacts = [], [], []
    for ear in subject.segmentation.ears:
        side, cochlea = ear.side, subject.measurements[ear.side]
        which = {"side": side, "verdict": ear.quality.verdict}
        duct = cochlea.duct
        rows = [] if duct is None else duct_rows(duct)
        ears.append(
            {
                "side": side,
                "quality": ear.quality.to_json(),
                "model": asdict(ear.model),
                "remarks": [*cochlea.remarks, *([NO_DUCT.format(side)] if duct is None else [])],
                "duct": None if duct is None else {**duct.summary(), "over_angle": rows},
                "formulas": [
                    {
                        "key": formula.key,
                        "measured_key": measured.key,
                        "formula_mm": rounded(formula.value, 2),
                        "measured_mm": rounded(measured.value, 2),
                        "formula_minus_measured_mm": rounded(longer, 2),
                    }
                    for formula, measured, longer in beside_formulas(cochlea)
                ],
                "way_in": None if duct is None else way_in(cochlea).to_json(),
                "organ_of_corti_mm": None
                if duct is None
                else round(OrganOfCorti.of(duct).length, 2),
                "arrays": [_array_json(each, bands) for each in insertions.get(side, ())],
            }
        )
        ducts += [{**which, **row} for row in rows]
        for each in insertions.get(side, ()):
            for contact in _array_json(each, bands)["contacts"]:
                contact["r_mm"], contact["a_mm"], contact["s_mm"] = (
                    contact.pop("ras_mm") or [None] * 3
                )
                contacts.append({**which, "array": each.array.label, **contact})
    content = {
        "schema_version": SCHEMA_VERSION,
        "made_by": MADE_BY,
        "made_of": subject.made_of,
        "made_from": dict(subject.sources),
        "note": MAKERS_DECIDE,
        "ears": ears,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / PLAN_JSON).write_text(text, encoding="utf-8")
    for name, table in ((DUCT_CSV, ducts), (CONTACTS_CSV, contacts)):
        if table:
            with (folder / name).open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.DictWriter(file, list(table[0]))
                writer.writeheader()
                writer.writerows(table)


def _array_json(insertion: Insertion, bands: bool) -> dict[str, Any]:
    content = insertion.to_json()
    if bands:
        known = default_bands(insertion.array)
        content["default_filter_bands"] = (
            None if known is None else {"name": known.name, "source": known.source}
        )
        off = {each.number: each.to_json() for each in mismatch_of(insertion)}
        for contact in content["contacts"]:
            for key in _MISMATCH:
                contact[_MISMATCH[key]] = off.get(contact["number"], {}).get(key)
    return content


_MISMATCH = {
    "band_hz": "default_band_hz",
    "organ_of_corti_octaves": "default_band_octaves_from_organ_of_corti",
    "spiral_ganglion_octaves": "default_band_octaves_from_spiral_ganglion",
}


def sentences(
    cochleae: Mapping[Side, CochlearMeasurements],
    insertions: Mapping[Side, Sequence[Insertion]],
    *,
    bands: bool = False,
) -> list[str]:
    """Say each ear's duct and where each array reaches, in lines; with ``bands``, how they fit."""
    lines = []
    for side, cochlea in cochleae.items():
        if cochlea.duct is None:
            lines.append(NO_DUCT.format(side))
            lines += [f"  {remark}" for remark in cochlea.remarks]
            continue
        shown = ("duct_lateral_wall_360", "duct_lateral_wall_720", "duct_apical_angle")
        values = ", ".join(f"{cochlea[key].label.lower()} {cochlea[key].text}" for key in shown)
        lines.append(f"{side.capitalize()} ear: {values}")
        longer_by = "; ".join(
            f"{one.label} {longer:+.1f} mm" for one, _, longer in beside_formulas(cochlea)
        )
        lines += [f"  Formulas minus measured: {longer_by}"] if longer_by else []
        lines += [f"  {remark}" for remark in cochlea.remarks]
        lines.append(f"  {way_in(cochlea).sentence}")
        for each in insertions.get(side, ()):
            lines.append(f"  {sentence_of(each)}")
            lines += [f"    {remark}" for remark in each.remarks]
            if bands:
                off = mismatch_text(each)
                lines.append(f"    Default filter bands beside the spiral ganglion: {off}")
    if any(insertions.values()):
        lines.append(MAKERS_DECIDE)
    return lines


def sentence_of(insertion: Insertion) -> str:
    """Say where an array reaches and what it covers, in a line."""
    label = f"{insertion.array.label}, {insertion.depth_mm:.1f} mm"
    if not insertion.inside:
        return f"{label}: {NOT_IN_DUCT}"
    return (
        f"{label}: to {insertion.reach_text}, contacts over {insertion.coverage_text}, "
        f"{insertion.span_text} at the organ of Corti"
    )


def mismatch_text(insertion: Insertion) -> str:
    """Median and range of the default filter bands beside the spiral ganglion, in octaves."""
    off = [each.spiral_ganglion_octaves for each in mismatch_of(insertion)]
    known = [each for each in off if each is not None]
    if not known:
        return "not known"
    return f"{median(known):+.1f} octaves ({min(known):+.1f} to {max(known):+.1f})"
