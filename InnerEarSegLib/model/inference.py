"""Run a network on patches of a CT that are turned, shifted or mirrored, cancellably."""

from __future__ import annotations

import threading

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import OutOfMemory, UnusableModel
from ..progress import Progress
from ..types import Geometry
from .bundle import PatchNetwork
from .config import Intensity
from .device import fall_back, is_out_of_memory


def patch_to_ijk(window: Geometry, source: Geometry) -> Tensor:
    """Continuous source IJK of every voxel of a window: float32 [k, j, i, 3]."""
    matrix = np.linalg.inv(source.ijk_to_ras) @ window.ijk_to_ras
    return affine_grid(torch.from_numpy(matrix), window.shape)


def affine_grid(matrix: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """A 4 x 4 affine of every voxel index (i, j, k) of a grid: float32 [k, j, i, 3]."""
    matrix = matrix.to(torch.float32)
    k, j, i = (torch.arange(size, dtype=torch.float32) for size in shape)
    return (
        i[None, None, :, None] * matrix[:3, 0]
        + j[None, :, None, None] * matrix[:3, 1]
        + k[:, None, None, None] * matrix[:3, 2]
        + matrix[:3, 3]
    )


def sample(source: Tensor, ijk: Tensor, outside: float) -> Tensor:
    """Trilinear interpolation.

    Args:
        source: float32 [k, j, i].
        ijk: float32 [k, j, i, 3], continuous (i, j, k) indices into source.
        outside: value where ijk lies outside the source.

    Returns:
        float32 [k, j, i] on the grid of ijk.
    """
    size = torch.tensor(source.shape[::-1], dtype=torch.float32, device=ijk.device)
    grid = 2.0 * ijk / (size - 1).clamp(min=1) - 1.0
    # grid_sample pads with zero, so zero is made to mean ``outside``.
    values = F.grid_sample(
        (source - outside)[None, None], grid[None], padding_mode="zeros", align_corners=True
    )
    return values[0, 0] + outside


def look(ct: Tensor, geometry: Geometry, window: Geometry, outside: float) -> Tensor:
    """A CT seen through a window.

    Args:
        ct: [k, j, i] on ``geometry``, of any number type. Values below ``outside`` count as
            ``outside``: scanners pad with values far below air, which would bleed into bone.
        geometry: grid of ct.
        window: the grid on which to see it.
        outside: value where the window lies outside the CT.

    Returns:
        float32 [k, j, i] on ``window``.
    """
    corners = geometry.to_ijk(window.corners)
    size = np.array(ct.shape[::-1])
    # Only what the window can touch is converted: a whole head would take a second each time.
    first = np.clip(np.floor(corners.min(axis=0)) - 1, 0, size).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, size).astype(int)
    if np.any(first >= last):
        return torch.full(window.shape, outside)
    near = ct[first[2] : last[2], first[1] : last[1], first[0] : last[0]]
    shift = np.eye(4)
    shift[:3, 3] = first
    part = Geometry(geometry.ijk_to_ras @ shift, (near.shape[0], near.shape[1], near.shape[2]))
    return sample(near.float().clamp(min=outside), patch_to_ijk(window, part), outside)


POLL_SECONDS = 0.1


def run_patches(
    stage: PatchNetwork, windows: Tensor, intensity: Intensity, progress: Progress
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


def _device(stage: PatchNetwork) -> torch.device:
    parameter = next(stage.network.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _forward(
    stage: PatchNetwork, windows: Tensor, intensity: Intensity, progress: Progress
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
