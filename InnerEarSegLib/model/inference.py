"""Sample patches of a CT that are turned, shifted or mirrored, and run a network on them."""

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

POLL_SECONDS = 0.1


def patch_to_ijk(patch: Geometry, source: Geometry) -> Tensor:
    """Return the continuous source IJK of every voxel of a patch: float32 [k, j, i, 3]."""
    matrix = np.linalg.inv(source.ijk_to_ras) @ patch.ijk_to_ras
    return affine_grid(torch.from_numpy(matrix), patch.shape)


def affine_grid(matrix: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Apply a 4 x 4 affine to every voxel index (i, j, k) of a grid: float32 [k, j, i, 3]."""
    matrix = matrix.to(torch.float32)
    k, j, i = (torch.arange(size, dtype=torch.float32) for size in shape)
    return (
        i[None, None, :, None] * matrix[:3, 0]
        + j[None, :, None, None] * matrix[:3, 1]
        + k[:, None, None, None] * matrix[:3, 2]
        + matrix[:3, 3]
    )


def sample(source: Tensor, ijk: Tensor, outside: float) -> Tensor:
    """Interpolate trilinearly: float32 [k, j, i] on the grid of ``ijk``.

    ``source`` is float32 [k, j, i], ``ijk`` float32 [k, j, i, 3] with its continuous indices
    (i, j, k); beyond it, values are ``outside``.
    """
    size = torch.tensor(source.shape[::-1], dtype=torch.float32, device=ijk.device)
    grid = 2.0 * ijk / (size - 1).clamp(min=1) - 1.0
    # grid_sample pads with zero, so zero stands for ``outside``.
    values = F.grid_sample(
        (source - outside)[None, None], grid[None], padding_mode="zeros", align_corners=True
    )
    return values[0, 0] + outside


def sample_patch(ct: Tensor, geometry: Geometry, patch: Geometry, outside: float) -> Tensor:
    """Sample a CT [k, j, i] of any number type on a patch: float32 [k, j, i].

    Beyond the CT, values are ``outside``, and so are those below: scanners pad with values far
    below air, which would bleed into bone.
    """
    corners = geometry.to_ijk(patch.corners)
    size = np.array(ct.shape[::-1])
    # Only the part within reach is converted: a whole head would take a second each time.
    first = np.clip(np.floor(corners.min(axis=0)) - 1, 0, size).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, size).astype(int)
    if np.any(first >= last):
        return torch.full(patch.shape, outside)
    near = ct[first[2] : last[2], first[1] : last[1], first[0] : last[0]]
    part = geometry.part(first, near.shape)
    return sample(near.float().clamp(min=outside), patch_to_ijk(patch, part), outside)


def run_patches(
    network: PatchNetwork, patches: Tensor, intensity: Intensity, progress: Progress
) -> tuple[Tensor, Tensor]:
    """Run a network on patches.

    The forward pass runs in its own thread, so that a cancel takes effect at once even if one pass
    takes seconds; the abandoned pass ends by itself, and the process not before it.

    If the GPU runs out of memory, the network moves to the CPU for good and the pass is repeated
    there, with a warning in ``progress``; unless ``network.cpu_fallback`` is False.

    ``patches`` are float32 [b, k, j, i] in HU, on any device.

    Returns:
        Labyrinth logits [b, k, j, i] and heatmap logits [b, landmark, k, j, i], on the CPU.

    Raises:
        Cancelled: if asked to stop.
        OutOfMemory: if memory runs out and there is no fallback.
        UnusableModel: if the network's output is not as its card declares.
    """
    result = _forward(network, patches, intensity, progress)
    if isinstance(result, BaseException) and is_out_of_memory(result):
        fall_back(network.module, network.device, network.cpu_fallback, progress)
        result = _forward(network, patches, intensity, progress)
        if isinstance(result, BaseException) and is_out_of_memory(result):
            raise OutOfMemory("This machine has not enough memory for one patch of the model.")
    if isinstance(result, (RuntimeError, ValueError, TypeError, AttributeError)):
        raise UnusableModel(
            f"The model cannot be run on a patch of its own size ({type(result).__name__})."
        )
    if isinstance(result, BaseException):
        raise result
    logits, heatmaps = result
    if logits.shape != (patches.shape[0], 1, *patches.shape[1:]) or (
        heatmaps.shape[0] != patches.shape[0] or heatmaps.shape[2:] != patches.shape[1:]
    ):
        raise UnusableModel("The model's outputs do not have the shape that its card declares.")
    if network.landmarks and heatmaps.shape[1] != network.landmarks:
        raise UnusableModel("The model's heatmaps are not as many as the landmarks on its card.")
    if not (torch.isfinite(logits).all() and torch.isfinite(heatmaps).all()):
        raise UnusableModel("The model's outputs are not numbers; its file is damaged.")
    return logits[:, 0], heatmaps


def _forward(
    network: PatchNetwork, patches: Tensor, intensity: Intensity, progress: Progress
) -> tuple[Tensor, Tensor] | BaseException:
    """Return the outputs on the CPU, or what the pass raised."""
    outcome: list[tuple[Tensor, Tensor] | BaseException] = []
    ended = threading.Event()

    def forward() -> None:
        try:
            with torch.inference_mode():
                inputs = intensity(patches)[:, None].to(network.device)
                logits, heatmaps = network.module(inputs)
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
