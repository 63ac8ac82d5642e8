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

from ..decoding.calibration import Calibration, calibration_from
from ..errors import UnusableInput, UnusableModel
from ..model_file import STAGES, card_in, file_content
from ..network.normalise import Intensity
from ..progress import Progress
from ..results import LANDMARKS, ModelIdentity
from .memory import fall_back, is_out_of_memory


@dataclass(frozen=True, eq=False)
class Stage:
    """One network of the bundle and what its windows look like.

    Attributes:
        network: normalised CT [b, 1, k, j, i] to labyrinth logits [b, 1, k, j, i] and heatmap
            logits [b, landmark, k, j, i].
        spacing_mm: voxel edge of its windows.
        window: (k, j, i) voxels of its windows.
        heatmap_sigma_mm: width of the Gaussians that its heatmaps were trained towards.
        landmarks: how many heatmaps it gives, 0 if that is not known.
        cpu_fallback: whether it moves to the CPU where the GPU's memory is not enough.
    """

    network: torch.jit.ScriptModule
    spacing_mm: float
    window: tuple[int, int, int]
    heatmap_sigma_mm: float
    landmarks: int = 0
    cpu_fallback: bool = True


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
        calibration: how sure its results are; None for a model that was not calibrated.
    """

    card: dict[str, Any]
    identity: ModelIdentity
    locate: Stage
    orient: Stage
    refine: Stage
    landmarks: tuple[str, ...]
    template: dict[str, NDArray[np.float64]]
    intensity: Intensity
    calibration: Calibration | None = None

    @property
    def draws_any(self) -> bool:
        """Whether its refine network draws scans of every resolution."""
        return self.card.get("refine", {}).get("draws") == "any CT"


def load_bundle(
    path: Path,
    device: torch.device,
    *,
    cpu_fallback: bool = True,
    progress: Progress | None = None,
) -> Bundle:
    """Load a model file and check that it is one that this version understands.

    Args:
        path: of the model file.
        device: for its networks.
        cpu_fallback: whether networks move to the CPU where the device's memory is not enough,
            now or later; otherwise OutOfMemory is raised.
        progress: takes a warning if they do now.

    Raises:
        OutOfMemory: if the networks do not fit the device and must not move to the CPU.
        UnusableModel: saying what is wrong with the file.
    """
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
        landmarks = tuple(str(name) for name in card["landmarks"])
        stages = {
            name: Stage(
                network=getattr(module, name),
                spacing_mm=float(card[name]["spacing_mm"]),
                window=tuple(int(size) for size in card[name]["window"]),  # type: ignore[arg-type]
                heatmap_sigma_mm=float(card[name]["heatmap_sigma_mm"]),
                landmarks=len(landmarks),
                cpu_fallback=cpu_fallback,
            )
            for name in STAGES
        }
        bundle = Bundle(
            card=card,
            identity=ModelIdentity(
                str(card["name"]), str(card["version"]), hashlib.sha256(content).hexdigest()
            ),
            landmarks=landmarks,
            template={name: np.array(point, float) for name, point in card["template"].items()},
            intensity=Intensity(**card["intensity"]),
            calibration=calibration_from(card.get("calibration")),
            **stages,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableModel(
            f"The model file {path} is incomplete: its card or network lacks {error}."
        ) from None
    _check_numbers(bundle, path)
    missing = [name for name in LANDMARKS if name not in bundle.landmarks]
    if missing:
        raise UnusableModel(f"The model file {path} does not know the landmarks {missing}.")
    return bundle


def _check_numbers(bundle: Bundle, path: Path) -> None:
    """Refuse a card whose numbers cannot be those of a network."""
    sane = all(
        len(stage.window) == 3
        and all(8 <= size <= 512 for size in stage.window)
        and 0.01 <= stage.spacing_mm <= 10
        and 0 < stage.heatmap_sigma_mm <= 20
        for stage in (bundle.locate, bundle.orient, bundle.refine)
    ) and all(
        point.shape == (3,) and np.isfinite(point).all() for point in bundle.template.values()
    )
    if not sane:
        raise UnusableModel(f"The model file {path} has impossible numbers on its card.")
