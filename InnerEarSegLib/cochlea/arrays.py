"""Electrode arrays of cochlear implants: what is known of them, from files.

``arrays.json`` holds those whose values could be sourced, each with its source and date; a file of
the user's, in the same form (``arrays.schema.json``), adds others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnusableInput
from .frame import Vector

ARRAYS_FILE = Path(__file__).with_name("arrays.json")

LATERAL_WALL, MID_SCALA, PERIMODIOLAR = KINDS = ("lateral wall", "mid-scala", "perimodiolar")

MAKERS_DECIDE = (
    "A simulation, no recommendation: lengths are as published, and the makers' sheets decide."
)

_MOST_MM = 40.0
_MOST_DIAMETER_MM = 2.0


@dataclass(frozen=True)
class ElectrodeArray:
    """One electrode array.

    Attributes:
        maker, name: as sold.
        kind: of KINDS; which curve of the duct it follows.
        contacts: how many, evenly spaced.
        first_contact_mm: depth of the most basal one at full insertion, from the round window.
        last_contact_mm: of the most apical one.
        tip_mm: of the tip: the length to insert.
        diameter_mm: where the contacts are; None if no source states it.
        aliases: shorter names.
        source: citation and date of its lengths; empty in a file without.

    Arrays with the same values are equal, whatever their aliases and source.
    """

    maker: str
    name: str
    kind: str
    contacts: int
    first_contact_mm: float
    last_contact_mm: float
    tip_mm: float
    diameter_mm: float | None = None
    aliases: tuple[str, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)

    @property
    def label(self) -> str:
        """Maker and name."""
        return f"{self.maker} {self.name}"

    def depths(self, insertion_mm: float) -> Vector:
        """Depth of each contact in mm, the most basal first, with the tip at ``insertion_mm``.

        Contacts outside of the cochlea have a negative depth.
        """
        full = np.linspace(self.first_contact_mm, self.last_contact_mm, self.contacts)
        return np.asarray(full - (self.tip_mm - insertion_mm), np.float64)


@dataclass(frozen=True)
class ChosenArray:
    """An array and how deep its tip goes, in mm; None: to the array's full length."""

    array: ElectrodeArray
    depth_mm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"array": asdict(self.array), "depth_mm": self.depth_mm}

    @classmethod
    def from_json(cls, content: Any, where: str) -> ChosenArray:
        """Read ``to_json``; UnusableInput if it is none. ``where`` names its place in that."""
        if not isinstance(content, dict):
            raise UnusableInput(f"{where} is no object.")
        depth = content.get("depth_mm")
        if depth is not None:
            depth = _number(depth, "depth_mm", _MOST_MM, where)
        return cls(_array(content.get("array"), {}, where), depth)


def chosen_to_text(chosen: Iterable[ChosenArray]) -> str:
    """JSON of several chosen arrays."""
    return json.dumps([each.to_json() for each in chosen])


def chosen_from_text(text: str, where: str) -> list[ChosenArray]:
    """Read ``chosen_to_text``; UnusableInput if it is none."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise UnusableInput(f"{where} holds no list of chosen arrays.")
    return [ChosenArray.from_json(item, where) for item in items]


def read_arrays(path: Path = ARRAYS_FILE) -> tuple[ElectrodeArray, ...]:
    """Read a file of arrays; UnusableInput, with one sentence, if it is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise UnusableInput(f"{path} is no JSON text.") from None
    items = content.get("arrays") if isinstance(content, dict) else None
    if not isinstance(items, list) or not items:
        raise UnusableInput(f"{path} holds no list of arrays; see arrays.schema.json for the form.")
    sources = content.get("sources", {})
    return tuple(_array(item, sources, f"{path}, array {n}") for n, item in enumerate(items, 1))


def choose(names: Sequence[str], known: Iterable[ElectrodeArray]) -> list[ElectrodeArray]:
    """Return the arrays of these names, of which maker and case may be left out, each once.

    UnusableInput if there is none or more than one of a name.
    """
    arrays = list(known)
    chosen: dict[str, ElectrodeArray] = {}
    for name in names:
        fits = [each for each in arrays if _plain(name) in _names(each)]
        if len({each.label for each in fits}) != 1:
            what = "No array" if not fits else "More than one array"
            listed = ", ".join(each.label for each in arrays)
            raise UnusableInput(f"{what} is called {name!r}; there are {listed}.")
        chosen[fits[-1].label] = fits[-1]  # the user's file comes last
    return list(chosen.values())


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _names(array: ElectrodeArray) -> set[str]:
    return {_plain(each) for each in (array.name, array.label, *array.aliases)}


def _array(item: Any, sources: Any, where: str) -> ElectrodeArray:
    if not isinstance(item, dict):
        raise UnusableInput(f"{where} is no object.")
    texts: dict[str, str] = {}
    for key in ("maker", "name", "kind"):
        text = item.get(key)
        if not isinstance(text, str) or not text.strip():
            raise UnusableInput(f"{where} has no {key}.")
        texts[key] = text
    where = f"{where} ({texts['name']})"
    if unknown := sorted(item.keys() - {*ElectrodeArray.__dataclass_fields__, "sources"}):
        raise UnusableInput(
            f"{where} has {', '.join(unknown)}, which no array has; see arrays.schema.json."
        )
    if texts["kind"] not in KINDS:
        raise UnusableInput(f"{where} is of the kind {texts['kind']!r}, not {', '.join(KINDS)}.")
    contacts = item.get("contacts")
    if not isinstance(contacts, int) or isinstance(contacts, bool) or not 2 <= contacts <= 64:
        raise UnusableInput(f"{where} needs 2 to 64 contacts.")
    first, last, tip = (
        _number(item.get(key), key, _MOST_MM, where)
        for key in ("first_contact_mm", "last_contact_mm", "tip_mm")
    )
    if not first < last <= tip:
        raise UnusableInput(f"{where}: its contacts must lie in order before its tip.")
    wide = item.get("diameter_mm")
    diameter = None if wide is None else _number(wide, "diameter_mm", _MOST_DIAMETER_MM, where)
    aliases = item.get("aliases", [])
    if not isinstance(aliases, (list, tuple)) or not all(isinstance(each, str) for each in aliases):
        raise UnusableInput(f"{where}: aliases must be a list of names.")
    return ElectrodeArray(
        texts["maker"], texts["name"], texts["kind"], contacts, first, last, tip, diameter,
        tuple(aliases), _source(item, sources),
    )  # fmt: skip


def _number(value: Any, key: str, most: float, where: str) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not 0.0 <= value <= most:
        raise UnusableInput(f"{where}: {key} must be millimetres from 0 to {most:g}.")
    return float(value)


def _source(item: dict[str, Any], sources: Any) -> str:
    if isinstance(text := item.get("source"), str):  # of a chosen array
        return text
    named = item.get("sources")
    key = named.get("geometry") if isinstance(named, dict) else None
    found = sources.get(key) if isinstance(sources, dict) else None
    if not isinstance(found, dict):
        return ""
    return f"{found.get('citation', '')} ({found.get('date', '')})"
