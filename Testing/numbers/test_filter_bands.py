"""Default filter bands of the makers, and how far they lie from the frequencies of places."""

import numpy as np
import pytest

from InnerEarSegLib.cochlea.arrays import read_arrays
from InnerEarSegLib.cochlea.filter_bands import (
    FilterBands,
    all_filter_bands,
    default_bands,
    mismatch,
)
from InnerEarSegLib.cochlea.insertion import insert

from .test_insertion import array, rings


def centres_of(maker):
    return next(each.centres_hz for each in all_filter_bands() if each.maker == maker)


def test_every_array_of_the_package_has_bands_with_a_source():
    for each in read_arrays():
        bands = default_bands(each)
        assert bands is not None and "(20" in bands.source, each.label
        assert (np.diff(bands.centres_hz) < 0).all()  # the most basal contact first
    assert default_bands(array()) is None


def test_cochlears_bands_are_the_fft_bins_that_nogueira_describes():
    """Bins of 16 kHz / 128; the first band begins at bin 2; so many bins a band."""
    bins = [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8]
    edges = (2.0 - 0.5 + np.append(0, np.cumsum(bins))) * 125.0
    assert edges[0] == 187.5 and edges[-1] == 7937.5
    centres = (edges[1:] + edges[:-1]) / 2.0
    assert np.allclose(centres[::-1], centres_of("Cochlear"))


def test_advanced_bionics_bands_lie_between_the_edges_of_winns_scripts():
    edges = [250, 416, 494, 587, 697, 828, 983, 1168, 1387, 1648, 1958, 2326, 2763, 3281, 3898,
             4630, 8700]  # fmt: skip
    centres = (np.array(edges[1:]) + edges[:-1]) / 2.0
    assert np.allclose(centres[::-1], centres_of("Advanced Bionics"), atol=0.5)


def test_mismatch_by_hand():
    insertion = insert(rings(), array())
    place = insertion.contacts[1].organ_of_corti_hz
    bands = FilterBands("Maker", "all", (place * 4.0, place / 2.0, place, place), "")
    found = mismatch(insertion, bands)[1]
    assert found.number == 2 and found.band_hz == place / 2.0
    assert found.organ_of_corti_octaves == pytest.approx(-1.0)
    ganglion = np.log2(place / 2.0 / insertion.contacts[1].spiral_ganglion_hz)
    assert found.spiral_ganglion_octaves == pytest.approx(ganglion)
    assert found.to_json()["spiral_ganglion_octaves"] == pytest.approx(ganglion, abs=0.006)


def test_contacts_outside_have_no_mismatch_and_bands_must_be_as_many():
    shallow = insert(rings(), array(), 12.0)
    bands = FilterBands("Maker", "all", (4000.0, 2000.0, 1000.0, 500.0), "")
    assert [each.number for each in mismatch(shallow, bands)] == [2, 3, 4]
    with pytest.raises(ValueError, match="zip"):
        mismatch(shallow, FilterBands("Maker", "few", (4000.0,), ""))
    beyond = mismatch(insert(rings(end=300.0), array()), bands)[-1]
    assert beyond.organ_of_corti_octaves is None
