"""What a model was trained on: data of its own, and what it inherited from earlier models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..io.fingerprint import DOI, SPECIMENS

UNKNOWN_LICENCE = "unknown; do not share"
"""What a card says where a manifest states no licence."""

UNKNOWN_SOURCE = "source not stated"


@dataclass(frozen=True)
class TrainingData:
    """Cases of one origin, as the manifest of a training states it.

    Attributes:
        cases: how many were trained on.
        citation: "" where it is not stated.
        licence: "" where it is not stated.
        patients: how many groups the cases are of; 0 where a case has none.
    """

    cases: int
    citation: str = ""
    licence: str = ""
    patients: int = 0

    def __str__(self) -> str:
        patients = f" of {counted(self.patients, 'patient')}" if self.patients else ""
        return (
            f"{counted(self.cases, 'case')}{patients}: {self.citation or UNKNOWN_SOURCE}; "
            f"licence: {self.licence or UNKNOWN_LICENCE}"
        )


@dataclass(frozen=True)
class Ancestor:
    """An earlier model whose networks or weights are in this one.

    Attributes:
        data: what it was trained on itself.
        fingerprints: of these CTs (``io.fingerprint``), as far as known.
        unchanged: networks that were taken as they are.
        first_weights: how many numbers other networks started from, by network.
        through: the model from which this one inherited it; "" if directly.
    """

    name: str
    version: str
    sha256: str
    data: tuple[TrainingData, ...]
    fingerprints: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    first_weights: dict[str, int] = field(default_factory=dict)
    through: str = ""

    @property
    def networks(self) -> set[str]:
        """The networks that have something of it."""
        return {*self.unchanged, *(name for name, count in self.first_weights.items() if count)}

    def seen_through(self, model: Ancestor) -> Ancestor:
        """Return what of it is inherited from a model that inherited it."""
        used = model.networks
        return dataclasses.replace(
            self,
            unchanged=tuple(name for name in self.unchanged if name in used),
            first_weights={name: n for name, n in self.first_weights.items() if name in used},
            through=f"{model.name} {model.version}",
        )


def training_data(card: Mapping[str, Any]) -> tuple[TrainingData, ...]:
    """Return what a model was trained on itself, by its card."""
    training = card.get("training") or {}
    if "datasets" in training:
        return tuple(TrainingData(**each) for each in training["datasets"])
    old = training.get("data")  # cards of before: always one dataset, in parts
    if not old:
        return ()
    citation = f"{old.get('authors')}: {old.get('name')}, doi:{old.get('doi')}"
    cases = len(training.get("trained_on", ()))
    return (TrainingData(cases, citation, str(old.get("licence") or "")),)


def ancestors(card: Mapping[str, Any]) -> tuple[Ancestor, ...]:
    """Return the models that a model inherited from, by its card."""
    found = []
    for each in card.get("inherited", ()):
        lists = {key: tuple(each[key]) for key in ("fingerprints", "unchanged")}
        data = tuple(TrainingData(**of) for of in each["data"])
        found.append(Ancestor(**{**each, **lists, "data": data}))
    return tuple(found)


def own_fingerprints(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fingerprints of the CTs of ``training_data``, as far as known."""
    training = card.get("training") or {}
    if "fingerprints" in training:
        return tuple(training["fingerprints"])
    if (training.get("data") or {}).get("doi") == DOI:
        known = (SPECIMENS.get(name) for name in training.get("trained_on", ()))
        return tuple(each for each in known if each is not None)
    return ()


def knows(card: Mapping[str, Any], name: str, fingerprint: str) -> bool:
    """Return whether a model was trained on a case, itself or through an ancestor.

    Args:
        name: of the case; it counts only for cards that know no fingerprint.
        fingerprint: of its CT.
    """
    known = {*own_fingerprints(card), *(each for of in ancestors(card) for each in of.fingerprints)}
    if known:
        return fingerprint in known
    return name in (card.get("training") or {}).get("trained_on", ())


def licence_of(data: Iterable[TrainingData]) -> str:
    """Return the licence of a model that was trained on these data, as its card says it."""
    said = sorted({each.licence for each in data})
    if not said or "" in said:
        return UNKNOWN_LICENCE
    return f"{' and '.join(said)} (as the data), not a medical device"


def counted(count: int, noun: str) -> str:
    """Return ``1 case``, ``2 cases``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
