"""Synthetic heads as they come, and volumes without an ear: ``make test-slow``."""

import numpy as np
import pytest

from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.synthetic.head import random_head
from InnerEarSegLib.synthetic.scan import random_scan

from ..negatives import NEGATIVE_KINDS, random_negative

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(2, 7))
def test_both_ears_of_a_synthetic_head(seed, bundle):
    head = random_head(seed, scan=random_scan(seed, spacing=0.6))
    found = {ear.side: ear for ear in segment(head.ct, bundle).ears}
    assert set(found) == {"left", "right"}
    for side, ear in found.items():
        for landmark in ear.landmarks:
            truth = head.ears[side].landmarks[landmark.name]
            assert np.linalg.norm(np.subtract(landmark.ras, truth)) < 1.0, (side, landmark)


@pytest.mark.parametrize("kind", NEGATIVE_KINDS)
@pytest.mark.parametrize("seed", range(1, 4))
def test_no_ear_where_there_is_none(kind, seed, bundle):
    assert segment(random_negative(seed, kind), bundle).ears == ()
