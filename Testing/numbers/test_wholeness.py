"""The verdict on whole and open labyrinths."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from InnerEarSegLib.decoding.wholeness import (
    amended,
    bone_between_turns,
    completed,
    inspected,
    remarks_on_ct,
)
from InnerEarSegLib.finding.canonical_look import Seen
from InnerEarSegLib.finding.pose import Pose
from InnerEarSegLib.geometry import Geometry
from InnerEarSegLib.results import Ear, Landmark, Quality

from .canonical_ear import APEX, OVAL, SHAPE, WINDOW, ct_of, depth, millimetres, tube

POINTS = {"oval window": OVAL, "helicotrema": APEX}
SCAN = Geometry(np.array([[0.2, 0, 0, -15], [0, 0.2, 0, -15], [0, 0, 0.2, -15], [0, 0, 0, 1.0]]),
                (150, 150, 150))  # fmt: skip
STAGE = SimpleNamespace(spacing_mm=0.2)


def seen(deep, ct):
    return Seen(WINDOW, STAGE, torch.from_numpy(ct), torch.from_numpy(8.0 * deep), [],
                Pose(np.eye(4)), 1.0)  # fmt: skip


def ear(whole):
    landmarks = (
        Landmark("helicotrema", tuple(APEX), 1.0), Landmark("oval window", tuple(OVAL), 1.0),
        Landmark("round window", (1.5, 3.7, -1.95), 1.0),
    )  # fmt: skip
    mask = (whole.seen.labyrinth.numpy() > 0).astype(np.uint8)
    return Ear("right", mask, WINDOW, landmarks, 200.0, Quality("good"))


def reasons(whole, slice_mm=None):
    judged = inspected(ear(whole), whole, slice_mm).quality
    return judged.verdict, " ".join(judged.reasons)


def two_turns(apart=True):
    """A cochlea of two parallel tubes, 0.4 mm of bone between them, or one thick tube."""
    ends = [(2.5, 2.2, -1.0), (5.5, 2.2, -1.0)], [(2.5, 0.0, -1.0), (5.5, 0.0, -1.0)]
    parts = [depth()] + [tube(end, 0.9) for end in ends]
    if not apart:
        parts.append(tube([(2.5, 1.1, -1.0), (5.5, 1.1, -1.0)], 0.9))
    return np.max(parts, axis=0).astype(np.float32)


def test_a_whole_labyrinth_is_left_alone():
    before = seen(two_turns(), ct_of(two_turns()))
    whole = completed(before, SCAN, POINTS)
    assert whole.seen is before and whole.gaps == () and whole.open == ()
    assert "canal" not in reasons(whole)[1]


def test_a_completed_canal_is_said_and_not_good():
    whole = completed(seen(depth("anterior"), ct_of(depth())), SCAN, POINTS)
    assert [gap.canal for gap in whole.gaps] == ["anterior"] and whole.open == ()
    verdict, text = reasons(whole)
    assert verdict == "check" and "anterior semicircular canal was completed over" in text


def test_an_open_canal_is_said_and_not_good():
    deep = depth("lateral")
    deep[deep <= 0] = -2.0  # logits of -16: the network sees none there
    whole = completed(seen(deep, ct_of(depth())), SCAN, POINTS)
    assert whole.open == ("lateral",)
    verdict, text = reasons(whole)
    assert verdict == "check" and "The lateral semicircular canal is open" in text


def test_nothing_is_completed_outside_the_scan():
    low = Geometry(SCAN.ijk_to_ras, (150, 150, 55))  # ends before the lateral canal's bend
    whole = completed(seen(depth("lateral"), ct_of(depth())), low, POINTS)
    assert "lateral" in whole.open


def test_turns_that_run_together():
    parted = bone_between_turns(two_turns() > 0, WINDOW, OVAL, APEX)
    fused = bone_between_turns(two_turns(apart=False) > 0, WINDOW, OVAL, APEX)
    assert parted > 1.5 * fused
    assert bone_between_turns(np.zeros(SHAPE), WINDOW, OVAL, APEX) == 0.0


def test_metal_is_said_by_name():
    ct = ct_of(depth())
    ct[np.linalg.norm(millimetres() - [4.0, 0.2, -0.8], axis=-1) < 0.8] = 3071.0
    ((verdict, text),) = remarks_on_ct(seen(depth(), ct))
    assert verdict == "poor" and "metal" in text


def test_a_soft_ct_and_thick_slices():
    whole = completed(seen(depth(), ct_of(depth(), blur_mm=0.9)), SCAN, POINTS)
    verdict, text = reasons(whole, slice_mm=1.5)
    assert verdict == "check" and "slices are 1.5 mm thick" in text and "soft at the ear" in text


def test_the_worst_verdict_stays():
    quality = amended(Quality("poor", ("Cut.",)), [("check", "Soft.")])
    assert quality.verdict == "poor" and quality.reasons == ("Cut.", "Soft.")
    assert amended(quality, []) == replace(quality)
