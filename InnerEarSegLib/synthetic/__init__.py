"""Synthetic ear CT with exact labels and landmarks: for the demo, fast tests and training.

The shapes are formulas. Their constants were set by eye and rounded, so that size, proportions and
Hounsfield units resemble the development specimens of the human bony labyrinth dataset (Wimmer et
al. 2019, CC BY 4.0). No voxel, mesh or landmark of a specimen is in here.
"""

from __future__ import annotations

from .dataset import write_case, write_dataset
from .ear import SyntheticEar, make_ear
from .parameters import EarParameters, random_parameters

__all__ = [
    "EarParameters",
    "SyntheticEar",
    "make_ear",
    "random_parameters",
    "write_case",
    "write_dataset",
]
