"""Doing a study's runs: in this process, in several, or on several machines.

Several processes of one machine are a pool of Python's own ``concurrent.futures``. Several
machines are a cluster of Dask, because its client gives out an executor of the same kind: it
takes the same jobs, and needs nothing but ``pip install distributed`` on each machine. Which run
is whose is not decided by either but by a lock on the run's folder, so that any number of
commands, of any kind, can work on the same folder.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.queues import Queue

from ..errors import InnerEarSegError, UnusableInput
from .work import Job, Outcome, do

ANSWER_SECONDS = 10
"""How long a cluster's scheduler may take to answer."""

_device = "auto"

say_now = partial(print, flush=True)


def do_all(
    jobs: Sequence[Job], devices: Sequence[str], say: Callable[[str], None] = say_now
) -> Counter[Outcome]:
    """Do runs on this machine.

    Args:
        jobs: what to do.
        devices: one process for each; a device named twice does two runs at a time. With one, all
            is done in this process.
        say: receives a line now and then.

    Returns:
        How many runs came to which end.
    """
    if len(devices) == 1:
        return Counter(do(job, devices[0], say) for job in jobs)
    context = multiprocessing.get_context("spawn")  # a forked child cannot use a GPU
    free: Queue[str] = context.Queue()
    for device in devices:
        free.put(device)
    threads = max(1, (os.cpu_count() or 1) // max(1, list(devices).count("cpu")))
    with ProcessPoolExecutor(
        len(devices), mp_context=context, initializer=_begin, initargs=(free, threads)
    ) as pool:
        return _collect(pool, jobs)


def do_all_on(
    scheduler: str, jobs: Sequence[Job], say: Callable[[str], None] = say_now
) -> Counter[Outcome]:
    """Do runs on a Dask cluster, whose machines see the study and the data at the same place.

    Args:
        scheduler: its address, such as tcp://10.0.0.1:8786.
        jobs: what to do.
        say: receives a line at the start.

    Raises:
        UnusableInput: if Dask is not installed or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UnusableInput("--scheduler needs Dask: pip install distributed.") from None
    try:
        client = Client(scheduler, timeout=ANSWER_SECONDS)
    except (OSError, ValueError) as error:
        raise UnusableInput(f"The scheduler {scheduler} does not answer: {error}.") from None
    with client:
        say(f"{len(client.scheduler_info()['workers'])} workers at {scheduler}")
        # Not pure: the same job is to be done again if it was not finished.
        return _collect(client.get_executor(pure=False), jobs)


def _collect(executor: Executor, jobs: Sequence[Job]) -> Counter[Outcome]:
    """Outcomes of jobs; what is left is not begun if one fails."""
    futures = [executor.submit(_do_here, job) for job in jobs]
    outcomes: Counter[Outcome] = Counter()
    try:
        for future in as_completed(futures):
            outcomes[future.result()] += 1
    except BrokenProcessPool:
        raise InnerEarSegError(
            "A process of the study was ended from outside (for want of memory?); what is "
            "finished stays, and the same command goes on."
        ) from None
    finally:
        for future in futures:
            future.cancel()
    return outcomes


def _do_here(job: Job) -> Outcome:
    """A run in a process that is not the caller's."""
    return do(job, _device, say_now)


def _begin(free: Queue[str], threads: int) -> None:
    """Makes a new process of the pool ready: it takes a device, and ends with its parent."""
    import torch

    global _device
    _device = free.get()
    if _device == "cpu":
        torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    # A pool's child whose parent was killed would wait for its next job for ever.
    wait([sentinel])
    os._exit(1)
