"""When the memory of a device is not enough."""

from __future__ import annotations

import torch

from ..errors import OutOfMemory
from ..progress import Progress

_WORDS = ("out of memory", "alloc_failed", "can't allocate memory", "not enough memory")
"""Apple's and the CPU's allocators, and CUDA's libraries, raise plain RuntimeErrors."""

FALLBACK = "The memory of the GPU was not enough, so the CPU was used from then on."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _WORDS)


def fall_back(
    network: torch.nn.Module, device: torch.device, cpu_fallback: bool, progress: Progress | None
) -> None:
    """Move a network to the CPU and say so.

    Args:
        network: on ``device`` until now; moved in place.
        device: where memory was not enough.
        cpu_fallback: whether that is wanted.
        progress: takes the warning.

    Raises:
        OutOfMemory: if it is not wanted.
    """
    if not cpu_fallback:
        # The panel recognises this sentence and asks whether to go on with the CPU.
        raise OutOfMemory(f"{device.type.upper()} is out of memory; use --device cpu.")
    network.to("cpu")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if progress is not None:
        progress.warn(FALLBACK)
