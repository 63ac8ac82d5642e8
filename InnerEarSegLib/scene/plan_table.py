"""The measurements of both ears as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import vtk

from ..planning.measurement import Measurement
from ..planning.plan import EarPlan, compare
from ..results import Side

TABLE_NAME = "Cochlear measurements"

SIDES: tuple[Side, ...] = ("left", "right")


def fill_table(node: Any, plans: Mapping[Side, EarPlan]) -> None:
    """Writes the measurements of the ears that are there.

    One row a measurement: its name and unit; for each ear the value and the half width of its 90 %
    interval; with two ears left minus right; remarks, definition and source.

    Args:
        node: the vtkMRMLTableNode; what it held is replaced.
        plans: of one ear or of both.
    """
    sides = [side for side in SIDES if side in plans]
    columns: dict[str, list[str]] = {"Measurement": [], "Unit": []}
    for side in sides:
        columns |= {side.capitalize(): [], f"± {side}": []}
    if len(sides) == 2:
        columns["Left - right"] = []
    columns |= {"Remark": [], "Definition": [], "Source": []}
    rows = [plans[side].measurements for side in sides]
    differences: dict[str, Measurement] = {}
    if len(sides) == 2:
        differences = {item.key: item for item in compare(plans["left"], plans["right"])}
    for items in zip(*rows, strict=True):
        first = items[0]
        columns["Measurement"].append(first.label)
        columns["Unit"].append(first.unit)
        for side, item in zip(sides, items, strict=True):
            columns[side.capitalize()].append(_number(item.value))
            columns[f"± {side}"].append(_number(item.uncertainty))
        if len(sides) == 2:
            difference = differences.get(first.key)
            columns["Left - right"].append(
                _number(None if difference is None else difference.value)
            )
        pairs = zip(sides, items, strict=True)
        columns["Remark"].append(_remarks({s: plans[s].remark_on(item) for s, item in pairs}))
        columns["Definition"].append(first.definition)
        columns["Source"].append(first.source)
    node.SetAndObserveTable(_table(columns))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _remarks(of_each: Mapping[Side, str]) -> str:
    """What is to be said on either ear's value."""
    said = {side: remark for side, remark in of_each.items() if remark}
    if len(set(said.values())) == 1 and len(said) == len(of_each):
        return next(iter(said.values()))
    return "; ".join(f"{side}: {remark}" for side, remark in said.items())


def _table(columns: Mapping[str, list[str]]) -> Any:
    table = vtk.vtkTable()
    for name, values in columns.items():
        array = vtk.vtkStringArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    return table
