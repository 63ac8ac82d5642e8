"""One forward pass that can be cancelled."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from ..errors import OutOfMemory, UnusableModel
from ..network.normalise import Intensity
from ..progress import Progress
from .bundle import Stage
from .memory import fall_back, is_out_of_memory

POLL_SECONDS = 0.1


def run_windows(
    stage: Stage, windows: Tensor, intensity: Intensity, progress: Progress
) -> tuple[Tensor, Tensor]:
    """Run a network on windows.

    The forward pass runs in a thread of its own, so that a cancel takes effect at once even where
    one pass takes seconds; the abandoned pass ends by itself, and the process not before it.

    Where the GPU's memory is not enough, the stage's network moves to the CPU for good and the
    pass is repeated there, with a warning in ``progress``; unless ``stage.cpu_fallback`` is False.

    Args:
        stage: the network.
        windows: float32 [b, k, j, i] in HU, on any device.
        intensity: how HU are normalised.
        progress: polled for a cancel.

    Returns:
        Labyrinth logits [b, k, j, i] and heatmap logits [b, landmark, k, j, i], on the CPU.

    Raises:
        Cancelled: if asked to stop.
        OutOfMemory: if there is no memory left to fall back to.
        UnusableModel: if the network's output is not of its declared form.
    """
    result = _forward(stage, windows, intensity, progress)
    if isinstance(result, BaseException) and is_out_of_memory(result):
        fall_back(stage.network, _device(stage), stage.cpu_fallback, progress)
        result = _forward(stage, windows, intensity, progress)
        if isinstance(result, BaseException) and is_out_of_memory(result):
            raise OutOfMemory("This machine has not enough memory for one window of the model.")
    if isinstance(result, (RuntimeError, ValueError, TypeError, AttributeError)):
        raise UnusableModel(
            f"The model cannot be run on a window of its own size ({type(result).__name__})."
        )
    if isinstance(result, BaseException):
        raise result
    logits, heatmaps = result
    if logits.shape != (windows.shape[0], 1, *windows.shape[1:]) or (
        heatmaps.shape[0] != windows.shape[0] or heatmaps.shape[2:] != windows.shape[1:]
    ):
        raise UnusableModel("The model's outputs do not have the shape that its card declares.")
    if stage.landmarks and heatmaps.shape[1] != stage.landmarks:
        raise UnusableModel("The model's heatmaps are not as many as the landmarks on its card.")
    if not (torch.isfinite(logits).all() and torch.isfinite(heatmaps).all()):
        raise UnusableModel("The model's outputs are not numbers; its file is damaged.")
    return logits[:, 0], heatmaps


def _device(stage: Stage) -> torch.device:
    parameter = next(stage.network.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _forward(
    stage: Stage, windows: Tensor, intensity: Intensity, progress: Progress
) -> tuple[Tensor, Tensor] | BaseException:
    """The outputs on the CPU, or what the pass raised."""
    outcome: list[tuple[Tensor, Tensor] | BaseException] = []
    ended = threading.Event()

    def forward() -> None:
        try:
            with torch.inference_mode():
                seen = intensity(windows)[:, None].to(_device(stage))
                # Convolutions on the CPU are up to a third faster in this layout.
                seen = seen.contiguous(memory_format=torch.channels_last_3d)
                logits, heatmaps = stage.network(seen)
                outcome.append((logits.float().cpu(), heatmaps.float().cpu()))
        except BaseException as error:  # judged in the caller's thread
            # Its traceback holds the pass's tensors, and so the memory that is to be freed.
            outcome.append(error.with_traceback(None))
        ended.set()

    # No daemon: a thread that comes back from torch while Python is ending aborts the process
    # (SIGABRT), so that a cancelled run would look like a crash. And not joined: up to Python 3.12
    # a join that Ctrl-C interrupts takes the thread for ended.
    threading.Thread(target=forward).start()
    while not ended.wait(POLL_SECONDS):
        progress.check()
    return outcome[0]
