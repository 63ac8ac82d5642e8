"""Choose the device of the networks, and fall back to the CPU."""

from __future__ import annotations

import torch

from ..errors import OutOfMemory, UnusableInput
from ..progress import Progress

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """Return the torch device for a name: "auto" takes a GPU if there is one, "cuda:1" the second.

    Raises:
        UnusableInput: if the name is unknown or the device is missing.
    """
    count = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if name == "auto":
        name = next(kind for kind, there in count.items() if there)
    kind, colon, index = name.partition(":")
    why = ""
    if kind not in count or (colon and not (index.isascii() and index.isdigit())):
        why = f"unknown; choose one of {', '.join(DEVICES)}, or cuda:0, cuda:1 and so on."
    elif not count[kind]:
        why = "not there (no GPU, or torch was installed without its support); use --device cpu."
    elif colon and int(index) >= count[kind]:
        why = f"not there; the last one of this machine is {kind}:{count[kind] - 1}."
    if why:
        raise UnusableInput(f"The device {name!r} is {why}")
    return torch.device(name)


_WORDS = ("out of memory", "alloc_failed", "can't allocate memory", "not enough memory")
"""In RuntimeErrors of Apple's and the CPU's allocators and of CUDA's libraries."""

FALLBACK = "The memory of the GPU was not enough, so the CPU was used from then on."


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _WORDS)


def fall_back(
    network: torch.nn.Module, device: torch.device, cpu_fallback: bool, progress: Progress | None
) -> None:
    """Move a network from a device that ran out of memory to the CPU, with a warning.

    Raises:
        OutOfMemory: without ``cpu_fallback``.
    """
    if not cpu_fallback:
        # The panel recognises this sentence and asks whether to go on with the CPU.
        raise OutOfMemory(f"{device.type.upper()} is out of memory; use --device cpu.")
    network.to("cpu")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if progress is not None:
        progress.warn(FALLBACK)
