"""How far the bands that makers give contacts by default lie from the frequencies of their places.

``filter_bands.json`` holds the bands that could be sourced, each with its source and date. Default
bands lie about an octave below the frequencies of the places (Landsberger et al. 2015, PMC4549170).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..types import rounded
from .arrays import ElectrodeArray
from .frequencies import octaves
from .insertion import Insertion

FILTER_BANDS_FILE = Path(__file__).with_name("filter_bands.json")


@dataclass(frozen=True)
class FilterBands:
    """The bands that a maker's fitting software gives an array's contacts by default.

    Attributes:
        maker: of the array.
        name: of the strategy, and the range of all bands.
        centres_hz: centre of each contact's band, the most basal contact first.
        source: citation and date.
    """

    maker: str
    name: str
    centres_hz: tuple[float, ...]
    source: str


@dataclass(frozen=True)
class Mismatch:
    """How far one contact's band lies from the frequency of its place.

    Attributes:
        number: of the contact, 1 for the most basal.
        band_hz: centre of its default band.
        organ_of_corti_octaves: from the frequency of the organ of Corti there up to the band's
            centre: negative if sound is heard higher than it is, as is usual. None beyond the map.
        spiral_ganglion_octaves: the same of the spiral ganglion.
    """

    number: int
    band_hz: float
    organ_of_corti_octaves: float | None
    spiral_ganglion_octaves: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, rounded; also a row of a table."""
        return {key: rounded(value, 2) for key, value in asdict(self).items()}


@cache
def all_filter_bands() -> tuple[FilterBands, ...]:
    """All bands of the package's list."""
    content = json.loads(FILTER_BANDS_FILE.read_text(encoding="utf-8"))
    bands = []
    for item in content["bands"]:
        source = content["sources"][item["source"]]
        cited = f"{source['citation']} ({source['date']})"
        bands.append(FilterBands(item["maker"], item["name"], tuple(item["centres_hz"]), cited))
    return tuple(bands)


def default_bands(array: ElectrodeArray) -> FilterBands | None:
    """The default bands of an array, by its maker and number of contacts; None if not known."""
    for bands in all_filter_bands():
        if bands.maker.lower() == array.maker.lower() and len(bands.centres_hz) == array.contacts:
            return bands
    return None


def mismatch(insertion: Insertion, bands: FilterBands) -> tuple[Mismatch, ...]:
    """Compare the bands of an array's contacts with the frequencies of their places.

    Contacts outside of the duct are left out. All contacts count as switched on: an audiologist
    who switches some off gives the others other bands.

    Args:
        insertion: of the array.
        bands: as many as the array has contacts, such as its ``default_bands``.

    Returns:
        One for each contact in the duct, the most basal first.

    Raises:
        ValueError: if there are more or fewer bands than contacts.

    Example:
        >>> bands = default_bands(insertion.array)
        >>> [each.organ_of_corti_octaves for each in mismatch(insertion, bands)]
    """
    return tuple(
        Mismatch(
            contact.number,
            hertz,
            _from_place(hertz, contact.organ_of_corti_hz),
            _from_place(hertz, contact.spiral_ganglion_hz),
        )
        for contact, hertz in zip(insertion.contacts, bands.centres_hz, strict=True)
        if contact.angle_deg is not None
    )


def _from_place(band_hz: float, place_hz: float | None) -> float | None:
    return None if place_hz is None else octaves(band_hz, place_hz)
