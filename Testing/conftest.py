"""What several tests need: the real data, the bundled model, one synthetic ear."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
SPECIMENS = SHARED / "data" / "human-bony-labyrinth"


@pytest.fixture(scope="session")
def specimens() -> Path:
    """The folder of real specimens."""
    if not SPECIMENS.is_dir():
        pytest.skip("needs the human bony labyrinth data in ../shared/data/human-bony-labyrinth")
    return SPECIMENS


@pytest.fixture(scope="session")
def bundle():
    """The bundled model on the CPU."""
    import torch

    from InnerEarSegLib.model.bundle import load_model
    from InnerEarSegLib.model.card import bundled_model

    return load_model(bundled_model(), torch.device("cpu"))


def specimen_of(ear, name: str):
    """A synthetic ear as a real specimen of a training."""
    import numpy as np

    from InnerEarSegLib.io.fingerprint import fingerprint
    from InnerEarSegLib.training.cases import TrainingCase

    points = {name: np.array(point) for name, point in ear.landmarks.items()}
    return TrainingCase(
        name, ear.ct.array, ear.labels.array, ear.ct.geometry, points, ear.side,
        fingerprint=fingerprint(ear.ct.array),
    )  # fmt: skip


@pytest.fixture(scope="session")
def synthetic_ear():
    """A synthetic left ear that no training has seen (training uses other seeds)."""
    from InnerEarSegLib.synthetic.files import random_ear

    return random_ear(11, 0)
