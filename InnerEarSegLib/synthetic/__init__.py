"""Synthetic ear and head CT with exact labels and landmarks: for demo, tests and training.

The shapes are formulas. Their constants were set by eye and rounded, so that size, proportions and
Hounsfield units resemble the development specimens of the human bony labyrinth dataset (Wimmer et
al. 2019, CC BY 4.0). No voxel, mesh or landmark of a specimen is in here.
"""

from __future__ import annotations

from .ear import SyntheticEar, make_ear
from .files import write_case, write_dataset, write_head, write_heads
from .head import EarTruth, SyntheticHead, random_head
from .head_scan import HeadScan, random_scan
from .parameters import EarParameters, random_parameters

__all__ = [
    "EarParameters",
    "EarTruth",
    "HeadScan",
    "SyntheticEar",
    "SyntheticHead",
    "make_ear",
    "random_head",
    "random_parameters",
    "random_scan",
    "write_case",
    "write_dataset",
    "write_head",
    "write_heads",
]
