"""The model file: its networks as TorchScript, and a JSON card in the same file."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UnusableInput, UnusableModel
from ..progress import Progress
from ..types import LANDMARKS, ModelIdentity
from .calibration import Calibration
from .card import ANY_CT, NETWORKS, bundled_model, card_in, file_content
from .config import Intensity
from .device import choose_device, fall_back, is_out_of_memory


@dataclass(frozen=True, eq=False)
class PatchNetwork:
    """One network of a model and its patches.

    Attributes:
        module: normalised CT [b, 1, k, j, i] to labyrinth logits [b, 1, k, j, i] and heatmap
            logits [b, landmark, k, j, i].
        spacing_mm: voxel edge of its patches.
        shape: (k, j, i) voxels of its patches.
        heatmap_sigma_mm: width of the Gaussians that its heatmaps were trained towards.
        landmarks: number of its heatmaps, 0 if unknown.
        cpu_fallback: whether it moves to the CPU if the GPU runs out of memory.
    """

    module: torch.jit.ScriptModule | torch.nn.Module
    spacing_mm: float
    shape: tuple[int, int, int]
    heatmap_sigma_mm: float
    landmarks: int = 0
    cpu_fallback: bool = True

    @property
    def device(self) -> torch.device:
        """Where its parameters are now."""
        parameter = next(self.module.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model.

    Attributes:
        card: the whole card, as written by ``innerearseg export``.
        identity: name, version and SHA-256 of the file.
        locate: finds the ear and its pose at low resolution.
        orient: tells the side and the exact pose; segments at the resolution of a head CT.
        refine: segments in the canonical pose at high resolution.
        landmarks: names of the heatmaps, in order.
        template: canonical mm by landmark name.
        intensity: how HU are normalised.
        calibration: of its uncertainty; None for a model without.
    """

    card: dict[str, Any]
    identity: ModelIdentity
    locate: PatchNetwork
    orient: PatchNetwork
    refine: PatchNetwork
    landmarks: tuple[str, ...]
    template: dict[str, NDArray[np.float64]]
    intensity: Intensity
    calibration: Calibration | None = None

    @property
    def draws_any(self) -> bool:
        """Whether ``refine`` draws CT of every resolution, and not fine CT alone."""
        return bool(self.card["refine"].get("draws") == ANY_CT)


def load_model(
    path: Path | str | None = None,
    device: torch.device | str = "auto",
    *,
    cpu_fallback: bool = True,
    progress: Progress | None = None,
) -> Model:
    """Load a model file and check it.

    Args:
        path: None for the bundled model.
        device: for its networks, or its name as ``choose_device`` takes it.
        cpu_fallback: whether networks move to the CPU where the device's memory is not enough,
            now or later; otherwise OutOfMemory is raised.
        progress: takes a warning if they do now.

    Raises:
        OutOfMemory: if the networks do not fit the device and must not move to the CPU.
        UnusableInput: if there is no such device.
        UnusableModel: saying what is wrong with the file.
    """
    path = bundled_model() if path is None else Path(path)
    device = choose_device(device) if isinstance(device, str) else device
    content = file_content(path)
    card = card_in(content, path)
    try:
        # A file object, because torch opens non-ASCII paths wrongly on Windows (pytorch#75171).
        module = torch.jit.load(io.BytesIO(content), map_location="cpu").float().eval()
    except Exception:  # a damaged file raises whatever torch's unpickler stumbles over
        raise UnusableModel(
            f"The model file {path} is damaged: its networks cannot be loaded."
        ) from None
    try:
        module = module.to(device)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise UnusableInput(f"The device {str(device)!r} cannot be used; choose cpu.") from None
        fall_back(module, device, cpu_fallback, progress)
    try:
        landmarks, calibration = tuple(map(str, card["landmarks"])), card.get("calibration")
        networks = {
            name: PatchNetwork(
                module=_optimized(getattr(module, name)),
                spacing_mm=float(card[name]["spacing_mm"]),
                shape=cast(tuple[int, int, int], tuple(map(int, card[name]["window"]))),
                heatmap_sigma_mm=float(card[name]["heatmap_sigma_mm"]),
                landmarks=len(landmarks),
                cpu_fallback=cpu_fallback,
            )
            for name in NETWORKS
        }
        model = Model(
            card=card,
            identity=ModelIdentity(
                str(card["name"]), str(card["version"]), hashlib.sha256(content).hexdigest()
            ),
            landmarks=landmarks,
            template={name: np.array(point, float) for name, point in card["template"].items()},
            intensity=Intensity(**card["intensity"]),
            calibration=Calibration.from_json(calibration) if calibration else None,
            **networks,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableModel(
            f"The model file {path} is incomplete: its card or network lacks {error}."
        ) from None
    sane = all(
        len(network.shape) == 3
        and all(8 <= size <= 512 for size in network.shape)
        and 0.01 <= network.spacing_mm <= 10
        and 0 < network.heatmap_sigma_mm <= 20
        for network in (model.locate, model.orient, model.refine)
    ) and all(point.shape == (3,) and np.isfinite(point).all() for point in model.template.values())
    if not sane:
        raise UnusableModel(f"The model file {path} has impossible numbers on its card.")
    missing = [name for name in LANDMARKS if name not in model.landmarks]
    if missing:
        raise UnusableModel(f"The model file {path} does not know the landmarks {missing}.")
    return model


def _optimized(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """Return a network that runs faster on the CPU; on another device, the same one.

    For a single patch, torch takes slow convolutions in the deep layers (``use_mkldnn`` in its
    Convolution.cpp) unless they are prepared for oneDNN beforehand.
    """
    on_cpu = all(parameter.device.type == "cpu" for parameter in module.parameters())
    return torch.jit.optimize_for_inference(module) if on_cpu else module
