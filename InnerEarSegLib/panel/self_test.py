"""The module's own test, run by Slicer: needs PyTorch and the bundled model."""

from __future__ import annotations

import math
from typing import Any

import slicer

from ..scene.find_results import find_results
from ..scene.landmark_memory import position_of
from ..scene.segment_content import segment_volume
from ..scene.volume_node import add_volume
from ..synthetic.dataset import random_ear

_SEED = 7
_MAX_MM = 2.0
"""Far beyond the usual error: this tests the module in Slicer, not the model's accuracy."""


def check_synthetic_ear(logic: Any) -> None:
    """Segments a generated ear twice and compares with its known landmarks.

    Raises:
        AssertionError: something is not as it should be.
    """
    ear = random_ear(_SEED, 0)
    volume = add_volume(slicer.mrmlScene, ear.ct)
    added = logic.process(volume)
    assert added is not None, "no ear was found"
    assert ear.side in added.landmarks, f"the {ear.side} ear was not found"
    size = segment_volume(added.segmentation, ear.side)
    assert 80.0 < size < 400.0, f"labyrinth of {size:.0f} mm³"
    for name, truth in ear.landmarks.items():
        found = position_of(added.landmarks[ear.side], name)
        if found is not None:
            error = math.dist(found, [float(value) for value in truth])
            assert error < _MAX_MM, f"{name} is {error:.2f} mm off"
    count = slicer.mrmlScene.GetNumberOfNodes()
    logic.process(volume)
    assert slicer.mrmlScene.GetNumberOfNodes() == count, "a second run added nodes"
    assert find_results(slicer.mrmlScene, volume).segmentation is added.segmentation
