"""Canals by name, and how open ones are completed."""

import numpy as np
import pytest

from InnerEarSegLib.segmentation.canal_courses import COURSES
from InnerEarSegLib.segmentation.canals import (
    complete_canals,
    corridors,
    cut_off_bone,
    open_canals,
)
from InnerEarSegLib.segmentation.topology import count_canals, whole_part

from .canonical_ear import APEX, OVAL, PATCH, ct_of, depth, from_middle

NAMES = tuple(COURSES)
WHERE = corridors(PATCH.shape, PATCH.ijk_to_ras)
ABOUT = WHERE, 0.0, 0.4  # corridors, HU of the lumen, width of edges


def canals(logits):
    return count_canals(whole_part(logits > 0), PATCH, OVAL, APEX)


def test_a_whole_labyrinth_comes_back_as_it_is():
    logits = 8.0 * depth()
    whole, gaps = complete_canals(logits, ct_of(depth()), *ABOUT)
    assert whole is logits and gaps == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_open_canal_is_named_and_completed(name):
    logits = 8.0 * depth(name)
    assert open_canals(logits > 0, PATCH.ijk_to_ras) == (name,)
    assert canals(logits) == 2
    whole, (gap,) = complete_canals(logits, ct_of(depth()), *ABOUT)
    assert gap.canal == name and gap.closed
    assert 0.6 < gap.length_mm < 2.0 and gap.darkness > 0.5
    assert canals(whole) == 3
    added = (whole > 0) & (logits <= 0)
    assert 0 < added.sum() * 0.008 < 2.0  # mm³
    assert (whole >= logits).all()


@pytest.mark.parametrize("edge_mm", [0.4, 1.1])
def test_none_is_invented_in_noisy_bone(edge_mm):
    """Noise makes a voxel of bone darker than the upper quartile around it, on average."""
    logits = 8.0 * depth("posterior")
    noise = np.random.default_rng(1).normal(0.0, 60.0, logits.shape)
    ct = (np.where(logits > 0, 0.0, 1800.0) + noise).astype(np.float32)
    whole, (gap,) = complete_canals(logits, ct, WHERE, 0.0, edge_mm)
    assert gap.canal == "posterior" and not gap.closed and 0.0 < gap.darkness < 0.05
    assert canals(whole) == 2


def test_none_is_invented_where_the_network_sees_none():
    deep = depth("lateral", width_mm=3.0)
    logits = np.where(deep > 0, 8.0 * deep, -12.0).astype(np.float32)
    whole, (gap,) = complete_canals(logits, ct_of(depth()), *ABOUT)
    assert not gap.closed and gap.length_mm is None
    assert canals(whole) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_canal_that_is_drawn_through_bone_is_cut_off_there(name):
    """Three whole canals in the drawing, and a plug of bone in the middle of one in the CT."""
    from_plug = from_middle(name)
    logits = 8.0 * depth()
    ct = np.where(from_plug < 1.6, 1800.0, ct_of(depth())).astype(np.float32)
    cut, *names = cut_off_bone(logits, ct, *ABOUT)
    assert names == [(name,), (name,)] and canals(cut) == 2
    assert open_canals(cut > 0, PATCH.ijk_to_ras) == (name,)
    left_out = (logits > 0) & (cut <= 0)
    assert left_out[(logits > 0) & (from_plug < 1.2)].all()  # the plug, to its blurred end ...
    assert not left_out[from_plug > 2.2].any()  # ... and nothing else


@pytest.mark.parametrize("name", NAMES)
def test_a_short_shadow_cuts_no_canal(name):
    from_plug = from_middle(name)
    logits = 8.0 * depth()
    ct = np.where(from_plug < 0.4, 1800.0, ct_of(depth())).astype(np.float32)
    cut, *names = cut_off_bone(logits, ct, *ABOUT)
    assert cut is logits and names == [(), ()]


def test_a_canal_that_is_somewhat_darker_than_bone_is_named_and_not_cut():
    """Filters that thin canals away, and half a bone, leave them so."""
    from_plug = from_middle("lateral")
    logits = 8.0 * depth()
    ct = np.where((from_plug < 1.6) & (depth() > 0), 1500.0, ct_of(depth())).astype(np.float32)
    cut, *names = cut_off_bone(logits, ct, *ABOUT)
    assert cut is logits and names == [("lateral",), ()]
