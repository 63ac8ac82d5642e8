"""The model file: its networks as TorchScript, and a JSON card in the same file."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UnusableModel
from ..model_file import STAGES, card_in, file_content
from ..network.normalise import Intensity
from ..results import LANDMARKS, ModelIdentity


@dataclass(frozen=True, eq=False)
class Stage:
    """One network of the bundle and what its windows look like.

    Attributes:
        network: normalised CT [b, 1, k, j, i] to labyrinth logits [b, 1, k, j, i] and heatmap
            logits [b, landmark, k, j, i].
        spacing_mm: voxel edge of its windows.
        window: (k, j, i) voxels of its windows.
        heatmap_sigma_mm: width of the Gaussians that its heatmaps were trained towards.
    """

    network: torch.jit.ScriptModule
    spacing_mm: float
    window: tuple[int, int, int]
    heatmap_sigma_mm: float


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded model.

    Attributes:
        card: the whole card, as written by ``innerearseg export``.
        identity: name, version and SHA-256 of the file.
        locate: finds the ear and its pose at low resolution.
        orient: tells the side and the exact pose; draws what a head CT shows.
        refine: draws labyrinth and landmarks in the canonical pose, at high resolution.
        landmarks: names of the heatmaps, in order.
        template: canonical mm by landmark name.
        intensity: how HU are normalised.
    """

    card: dict[str, Any]
    identity: ModelIdentity
    locate: Stage
    orient: Stage
    refine: Stage
    landmarks: tuple[str, ...]
    template: dict[str, NDArray[np.float64]]
    intensity: Intensity


def load_bundle(path: Path, device: torch.device) -> Bundle:
    """Load a model file and check that it is one that this version understands.

    Raises:
        UnusableModel: saying what is wrong with the file.
    """
    content = file_content(path)
    card = card_in(content, path)
    try:
        # A file object, because torch opens non-ASCII paths wrongly on Windows (pytorch#75171).
        module = torch.jit.load(io.BytesIO(content), map_location="cpu").float().eval().to(device)
    except RuntimeError:
        raise UnusableModel(
            f"The model file {path} is damaged: its networks cannot be loaded."
        ) from None
    try:
        stages = {
            name: Stage(
                network=getattr(module, name),
                spacing_mm=float(card[name]["spacing_mm"]),
                window=tuple(int(size) for size in card[name]["window"]),  # type: ignore[arg-type]
                heatmap_sigma_mm=float(card[name]["heatmap_sigma_mm"]),
            )
            for name in STAGES
        }
        bundle = Bundle(
            card=card,
            identity=ModelIdentity(
                str(card["name"]), str(card["version"]), hashlib.sha256(content).hexdigest()
            ),
            landmarks=tuple(card["landmarks"]),
            template={name: np.array(point, float) for name, point in card["template"].items()},
            intensity=Intensity(**card["intensity"]),
            **stages,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableModel(
            f"The model file {path} is incomplete: its card or network lacks {error}."
        ) from None
    missing = [name for name in LANDMARKS if name not in bundle.landmarks]
    if missing:
        raise UnusableModel(f"The model file {path} does not know the landmarks {missing}.")
    return bundle
