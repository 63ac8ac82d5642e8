"""Specimens and plans small enough to be trained within seconds."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from InnerEarSegLib.training.cases import TrainingCase, pack
from InnerEarSegLib.types import Geometry

from ..conftest import specimen_of

PLAN: dict[str, Any] = {
    "name": "A tiny study",
    "segmentation_alone": "segmentation-alone",
    "basal": {
        "spacing_mm": 1.6,
        "window": [8, 16, 16],
        "network": {"channels": [4, 8]},
        "augmentation": {"coarse": 0.0, "kernel": 0.0, "blur": 0.0},
        "optimiser": {"steps": 60, "batch": 1, "warmup_steps": 5, "precision": "float32"},
    },
    "measure": {"poses": 1, "spacing_mm": 0.8},
    "variations": [
        {"name": "relu", "group": "architecture", "why": "To see.",
         "change": {"network.activation": "relu"}},
        {"name": "segmentation-alone", "group": "tasks", "why": "Coupling.",
         "change": {"loss.tasks": "segmentation"}},
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def specimen(synthetic_ear) -> TrainingCase:
    """One synthetic ear as a real specimen, on a grid of half as many voxels along each axis."""
    whole = specimen_of(synthetic_ear, "S0")
    ct, labels = (array[::2, ::2, ::2].copy() for array in (whole.ct, whole.labels))
    geometry = Geometry(whole.geometry.ijk_to_ras @ np.diag([2, 2, 2, 1]), ct.shape)
    return dataclasses.replace(whole, ct=ct, labels=labels, geometry=geometry)


@pytest.fixture(scope="session")
def data(specimen, tmp_path_factory) -> Path:
    """A packed file of four specimens: the same ear with noise of its own in each."""
    noise = [np.random.default_rng(n).normal(0, 50, specimen.ct.shape) for n in range(4)]
    cases = [
        dataclasses.replace(specimen, name=f"S{n}", ct=specimen.ct + noise[n].astype(np.int16))
        for n in range(4)
    ]
    path = tmp_path_factory.mktemp("data") / "cases.npz"
    pack(cases, path)
    return path


@pytest.fixture
def plan_file(tmp_path) -> Path:
    """The tiny plan."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    return path


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small lose more by sharing work between threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
