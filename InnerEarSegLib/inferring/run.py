"""One forward pass that can be cancelled."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from ..errors import UnusableModel
from ..network.normalise import Intensity
from ..progress import Progress
from .bundle import Stage

POLL_SECONDS = 0.1


def run_windows(
    stage: Stage, windows: Tensor, intensity: Intensity, progress: Progress
) -> tuple[Tensor, Tensor]:
    """Run a network on windows.

    The forward pass runs in a thread of its own, so that a cancel takes effect at once even where
    one pass takes seconds; the abandoned pass ends by itself.

    Args:
        stage: the network.
        windows: float32 [b, k, j, i] in HU, on any device.
        intensity: how HU are normalised.
        progress: polled for a cancel.

    Returns:
        Labyrinth logits [b, k, j, i] and heatmap logits [b, landmark, k, j, i], on the CPU.

    Raises:
        Cancelled: if asked to stop.
        UnusableModel: if the network's output is not of its declared form.
    """
    outcome: list[tuple[Tensor, Tensor] | BaseException] = []

    def forward() -> None:
        try:
            with torch.inference_mode():
                device = next(stage.network.parameters()).device
                logits, heatmaps = stage.network(intensity(windows)[:, None].to(device))
                outcome.append((logits.float().cpu(), heatmaps.float().cpu()))
        except BaseException as error:  # re-raised in the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=forward, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        progress.check()
    result = outcome[0]
    if isinstance(result, torch.OutOfMemoryError):
        raise result
    if isinstance(result, (RuntimeError, ValueError, TypeError)):
        raise UnusableModel(f"The model cannot be run on a window of its own size: {result}")
    if isinstance(result, BaseException):
        raise result
    logits, heatmaps = result
    if logits.shape != (windows.shape[0], 1, *windows.shape[1:]) or (
        heatmaps.shape[0] != windows.shape[0] or heatmaps.shape[2:] != windows.shape[1:]
    ):
        raise UnusableModel("The model's outputs do not have the shape that its card declares.")
    if not (torch.isfinite(logits).all() and torch.isfinite(heatmaps).all()):
        raise UnusableModel("The model's outputs are not numbers; its file is damaged.")
    return logits[:, 0], heatmaps
