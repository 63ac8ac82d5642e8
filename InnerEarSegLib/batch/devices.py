"""How many workers, where each runs, and how many threads it has."""

from __future__ import annotations

import os
from pathlib import Path

from .worker import Settings

CPU_WORKERS = 2
"""Reading and writing use one core, the networks all: two fill each other's gaps. Each takes about
1 GB of memory."""


def plan_workers(device: str, workers: int | None, model: Path, output: Path) -> list[Settings]:
    """Settings of each worker.

    One worker a GPU by default, and workers are dealt to GPUs in turn; ``cuda:1`` means that one.
    The machine's cores are divided among the workers.

    Args:
        device: as ``--device``.
        workers: how many, or None for what suits the device.
        model: the model file.
        output: the batch's folder.

    Raises:
        UnusableInput: the device is unknown or not there.
    """
    places = ["cpu"] if device == "cpu" else _places(device)
    cores = _cores()
    count = workers or (min(CPU_WORKERS, cores) if places == ["cpu"] else len(places))
    threads = max(1, cores // count)
    return [Settings(model, places[index % len(places)], threads, output) for index in range(count)]


def _places(device: str) -> list[str]:
    # Imported here, so that a cohort on the CPU has no torch in the process that only waits.
    import torch

    from ..inferring.device import choose_device

    chosen = choose_device(device)
    if chosen.type == "cuda" and chosen.index is None:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(chosen)]


def _cores() -> int:
    """Cores that this process may use: fewer than the machine has where a queue allots them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
