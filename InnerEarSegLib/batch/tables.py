"""A cohort's tables: ``cases.csv``, ``ears.csv`` and ``measurements.csv``.

Their columns are described in ``docs/cohorts.md``. No column has the name of an attribute of
pandas' DataFrame; cells without a value are empty, and texts that say yes or no True or False.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from ..cochlea.arrays import ElectrodeArray
from ..cochlea.catalogue import CATALOGUE, EXTRAPOLATED, VOLUME
from ..cochlea.duct import Duct
from ..cochlea.insertion import Insertion, insert
from ..types import AUTOMATIC, LANDMARKS, NOT_FOUND, SIDES, Findings, rounded
from .summary import Content, Row, ears_of, made_of, state_of

CASES, EARS, MEASUREMENTS = "cases.csv", "ears.csv", "measurements.csv"

UNITS = {"mm": "mm", "mm³": "mm3", "°": "deg", "turns": "turns"}
"""Of the catalogue, as tables write them: in ASCII."""

MAIN = (
    VOLUME, "a_diameter", "b_diameter", "cochlear_height", "organ_of_corti_length",
    "duct_lateral_wall_360", "duct_lateral_wall_720", "duct_lateral_wall", "duct_apical_angle",
    "duct_turns",
)  # fmt: skip
"""Keys of the measurements that have columns of ``ears.csv``."""

_FINDINGS = {
    "closed_canals": "1", "parts": "1", "turns_apart": "1", "edge_width_mm": "mm",
    "slice_mm": "mm", "metal_mm3": "mm3", "agreement": "1", "atypicality": "1",
    "aqueduct_mm": "mm", "even_edges": "1", "cut_off_hu": "HU",
}  # fmt: skip
"""Findings that are numbers, and their units."""

_FINDING_COLUMNS = (
    "closed_canals", "open_canals", "completed_canals", "bony_canals", "undrawn_landmarks",
    "turns_apart", "edge_width_mm", "even_edges", "agreement", "atypicality", "aqueduct_mm",
    "metal", "metal_mm3",
)  # fmt: skip
"""Findings that have columns of ``ears.csv``; of several, names are joined."""

_AXES = "ras"


def tables(rows: Sequence[Row], arrays: Sequence[ElectrodeArray] = ()) -> dict[str, bytes]:
    """Return the content of each table by its name."""
    ears = [(row, side, ear) for row in rows for side, ear in _ears(row)]
    return {
        CASES: _csv([case_cells(row) for row in rows], case_cells(Row("", ""))),
        EARS: _csv(
            [ear_cells(row, side, ear, arrays) for row, side, ear in ears],
            ear_cells(Row("", ""), "", {}, arrays),
        ),
        MEASUREMENTS: _csv(
            [each for row, side, ear in ears for each in values(row, side, ear, arrays)],
            _value(Row("", ""), "", "", "", None, ""),
        ),
    }


def can_show(result: Any, measurements: Any) -> bool:
    """Whether the contents of ``result.json`` and ``measurements.json`` are what tables need."""
    try:
        for content in (result, measurements):
            if content is not None and not isinstance(content["ears"], list):
                return False
        row = Row("", "", "done", result=result, measurements=measurements)
        tables([row])
        for ear in (measurements or {"ears": ()})["ears"]:
            values(row, ear["side"], {"landmarks": ear.get("landmarks", ())}, ())
        return bool(row.sentence)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def case_cells(row: Row) -> dict[str, Any]:
    """A row of ``cases.csv``."""
    result = row.result or {}
    model = result.get("model", {})
    return {
        "case": row.case,
        "image": row.image,
        "series": row.series or None,
        "status": row.status,
        "reason": row.reason or None,
        "listed": row.listed,
        "ears": len(_ears(row)),
        "made_of": made_of(row.result, row.measurements),
        "uncounted": "; ".join(row.uncounted) or None,
        **_ct_cells(row),
        "warnings": " ".join(result.get("warnings", ())) or None,
        "seconds": round(sum(result["seconds"].values()), 1) if result else None,
        "device": result.get("device"),
        "model": model.get("name"),
        "model_version": model.get("version"),
        "model_sha256": model.get("sha256"),
    }


def ear_cells(
    row: Row, side: str, ear: Content, arrays: Sequence[ElectrodeArray]
) -> dict[str, Any]:
    """A row of ``ears.csv``; without an ear, its columns."""
    quality, measured = ear.get("quality", {}), _measured(row, side)
    findings = _findings(ear)
    cells: dict[str, Any] = {
        "case": row.case,
        "ear": side,
        "verdict": quality.get("verdict"),
        "reasons": " ".join(quality.get("reasons", ())) or None,
        "made_of": _state(row, side),
        "uncounted": "; ".join(row.uncounted) or None,
        "segment": (measured or {}).get("segment", AUTOMATIC),
    }
    marks: dict[str, Content] = {mark["name"]: mark for mark in ear.get("landmarks", ())}
    for name in LANDMARKS:
        mark = marks.get(name, {})
        key = name.replace(" ", "_")
        place = mark.get("ras_mm") or (None, None, None)
        cells[f"{key}_state"] = _mark_state(mark) if mark else None
        cells |= {f"{key}_{axis}_mm": x for axis, x in zip(_AXES, place, strict=True)}
        cells[f"{key}_confidence"] = mark.get("confidence")
        cells[f"{key}_radius_90_mm"] = mark.get("radius_90_mm")
        cells[f"{key}_moved_mm"] = mark.get("moved_mm")
    for name in _FINDING_COLUMNS:
        value = getattr(findings, name) if findings else None
        cells[name] = "; ".join(value) or None if isinstance(value, tuple) else value
    items = {item["key"]: item for item in (measured or {}).get("measurements", ())}
    for key in MAIN:
        item = items.get(key, {})
        unit = UNITS[CATALOGUE[key].unit]
        column = key if key.endswith(unit) else f"{key}_{unit}"
        cells[column] = item.get("value")
        if key != VOLUME:
            cells[f"{column}_plus_minus"] = item.get("uncertainty_90")
    if not items:  # a result that was not measured has a volume all the same
        cells[f"{VOLUME}_mm3"] = ear.get("labyrinth_volume_mm3")
    odd = [key for key, item in items.items() if _is_odd(key, item)]
    cells["out_of_range"] = "; ".join(odd) or None
    beyond = [key for key, item in items.items() if item.get("extrapolated")]
    cells["extrapolated"] = "; ".join(beyond) or None
    cells["remarks"] = " ".join((measured or {}).get("remarks", ())) or None
    cells |= _ct_cells(row)
    for array in arrays:
        insertion = _insertion(row, side, array)
        reach = insertion.inside[-1] if insertion and insertion.inside else None
        key = _slug(array)
        cells |= {
            f"{key}_reach_deg": reach and rounded(reach.angle_deg, 2),
            f"{key}_reach_deg_plus_minus": reach and rounded(reach.angle_uncertainty_90, 2),
            f"{key}_reach_extrapolated": reach and reach.extrapolated,
            f"{key}_coverage_deg": insertion and round(insertion.coverage_deg, 2),
            f"{key}_coverage_mm": insertion and round(insertion.coverage_mm, 2),
        }
    return cells


def values(
    row: Row, side: str, ear: Content, arrays: Sequence[ElectrodeArray]
) -> list[dict[str, Any]]:
    """Return the rows of an ear in ``measurements.csv``."""
    measured, found = _measured(row, side), []

    def add(*cells: Any, **more: Any) -> None:
        found.append(_value(row, side, *cells, **more))

    for item in (measured or {}).get("measurements", ()):
        entry = CATALOGUE.get(item["key"])
        unit = UNITS[entry.unit] if entry else item.get("unit")
        remarks = (item.get("remark"), EXTRAPOLATED if item.get("extrapolated") else "")
        said = "; ".join(filter(None, remarks))
        spread, state = item.get("uncertainty_90"), _state(row, side)
        add("measurement", item["key"], item["value"], unit, spread, state, said)
    if not measured:
        add("measurement", VOLUME, ear.get("labyrinth_volume_mm3"), "mm3", state=AUTOMATIC)
    for mark in ear["landmarks"]:
        key, state = mark["name"].replace(" ", "_"), _mark_state(mark)
        for axis, value in zip(_AXES, mark["ras_mm"] or (None, None, None), strict=True):
            add("landmark", f"{key}_{axis}", value, "mm", state=state)
        for name, unit in (("confidence", "1"), ("radius_90_mm", "mm"), ("moved_mm", "mm")):
            add("landmark", f"{key}_{name.removesuffix('_mm')}", mark.get(name), unit, state=state)
    findings = _findings(ear)
    for name, unit in _FINDINGS.items():
        value = None if findings is None else getattr(findings, name)
        plain = name.removesuffix("_mm").removesuffix("_mm3")
        number = int(value) if isinstance(value, bool) else value
        add("finding", plain, number, unit, state=AUTOMATIC)
    for array in arrays:
        insertion, key = _insertion(row, side, array), _slug(array)
        remark = " ".join(insertion.remarks) if insertion else "the duct could not be measured"
        last = insertion.inside[-1] if insertion and insertion.inside else None
        for name, value, unit, spread in (
            ("reach", last.angle_deg if last else None, "deg",
             last.angle_uncertainty_90 if last else None),
            ("coverage_angle", insertion.coverage_deg if insertion else None, "deg", None),
            ("coverage_length", insertion.coverage_mm if insertion else None, "mm", None),
        ):  # fmt: skip
            place = rounded(value, 2), unit, rounded(spread, 2)
            add("array", f"{key}_{name}", *place, _state(row, side), remark)
    return found


def _value(
    row: Row,
    side: str,
    kind: str,
    name: str,
    value: float | None,
    unit: str,
    plus_minus: float | None = None,
    state: str | None = None,
    remark: str = "",
) -> dict[str, Any]:
    return {
        "case": row.case,
        "ear": side,
        "kind": kind,
        "name": name,
        "value": value,
        "unit": unit,
        "plus_minus": plus_minus,
        "state": state,
        "remark": remark or None,
    }


def _csv(rows: Sequence[dict[str, Any]], titles: dict[str, Any]) -> bytes:
    """UTF-8 with the mark that Excel needs; pandas leaves it out."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(titles))
    writer.writeheader()
    writer.writerows(rows)
    # Names of files may hold bytes that are no letters.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _ears(row: Row) -> list[tuple[str, Content]]:
    found = ears_of(row.result, row.measurements)
    return [(side, found[side]) for side in SIDES if side in found]


def _ct_cells(row: Row) -> dict[str, Any]:
    spacing = row.ct.get("spacing_mm") or (None, None, None)
    return {
        **{f"spacing_{axis}_mm": x for axis, x in zip("ijk", spacing, strict=True)},
        "slice_mm": row.ct.get("slice_mm"),
        "manufacturer": row.ct.get("manufacturer") or None,
        "scanner": row.ct.get("scanner") or None,
        "kernel": row.ct.get("kernel") or None,
    }


def _measured(row: Row, side: str) -> Content | None:
    """An ear of ``measurements.json``; None without one."""
    ears = row.measurements["ears"] if row.measurements else ()
    return next((ear for ear in ears if ear["side"] == side), None)


def _state(row: Row, side: str) -> str | None:
    """Whether an ear's values are automatic, reviewed or unknown."""
    return state_of(row.result, row.measurements, side)


def _mark_state(mark: Content) -> str:
    """State of a landmark of either file."""
    return str(mark.get("state") or (NOT_FOUND if mark["ras_mm"] is None else AUTOMATIC))


def _findings(ear: Content) -> Findings | None:
    """None in results of earlier versions."""
    item = ear.get("findings")
    return None if item is None else Findings.from_json(item)


def _is_odd(key: str, item: Content) -> bool:
    """Whether a measurement lies outside its published range."""
    entry, value = CATALOGUE.get(key), item.get("value")
    return entry is not None and value is not None and bool(entry.range_remark(value))


def _insertion(row: Row, side: str, array: ElectrodeArray) -> Insertion | None:
    """An array in an ear's duct, at full length; None where the duct was not measured."""
    curves = (row.measurements or {}).get("duct_curves", {}).get(side)
    return None if curves is None else insert(Duct.from_json(curves), array)


def _slug(array: ElectrodeArray) -> str:
    """The array's name as part of a column's: small letters, digits and "_"."""
    letters = (x if x.isascii() and x.isalnum() else "_" for x in array.label.lower())
    return "_".join(filter(None, "".join(letters).split("_")))
