"""How many workers, where each runs, and how many threads it has."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .worker import Settings

CPU_WORKERS = 2
"""Reading and writing use one core, the networks all: two fill each other's gaps."""

WORKER_BYTES = 1_500_000_000
"""Main memory that a worker takes: 1.1 GB for a whole head, and some more for larger CTs."""

_CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def plan_workers(device: str, workers: int | None, model: Path, output: Path) -> list[Settings]:
    """Settings of each worker, each with all of the machine's cores: see ``for_cases``.

    One worker a GPU by default, and workers are dealt to GPUs in turn; ``cuda:1`` means that one.

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
    return [Settings(model, places[index % len(places)], cores, output) for index in range(count)]


def for_cases(
    settings: Sequence[Settings], cases: int, say: Callable[[str], None]
) -> list[Settings]:
    """As many workers as there is something to do for and the machine can bear.

    The cores are divided among them. What is not there is neither a core nor memory: more workers
    than that would wait for each other, or be ended by the system.

    Args:
        settings: of the workers that were asked for, at least one.
        cases: how many are to be done.
        say: told where the machine bears fewer.

    Returns:
        Settings of at least one worker.
    """
    cores, free = _cores(), free_bytes()
    wanted = max(1, min(len(settings), cases))
    count, why = min(wanted, cores), f"it has {cores} cores for this"
    if free is not None and free // WORKER_BYTES < count:
        count = free // WORKER_BYTES
        why = f"{free / 1e9:.1f} GB of memory are free, and each takes {WORKER_BYTES / 1e9:.1f}"
    count = max(1, count)
    if count < wanted:
        say(f"{count} of {wanted} workers, as many as this machine bears: {why}.")
    threads = max(1, cores // count)
    return [replace(each, threads=threads) for each in settings[:count]]


def free_bytes() -> int | None:
    """Main memory that is free for this process, in bytes; None where it cannot be found out.

    In a container, not more than its limit.
    """
    found = []
    with suppress(ImportError):  # as in 3D Slicer's Python
        import psutil

        found.append(int(psutil.virtual_memory().available))
    for limit in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no container, or one without a limit
            found.append(int(Path(limit).read_text()))
    return min(found, default=None)


def _places(device: str) -> list[str]:
    # Imported here, so that a cohort on the CPU has no torch in the process that only waits.
    import torch

    from ..model.device import choose_device

    chosen = choose_device(device)
    if chosen.type == "cuda" and chosen.index is None:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(chosen)]


def _cores() -> int:
    """Cores that this process may use: fewer than the machine has where a queue allots them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
