"""Run tasks in worker processes of this machine, or of a Dask cluster on several machines.

Dask's ``distributed`` starts the processes, restarts those that die, and carries tasks and values.
Each worker has one task at a time, so that the death of a worker names the task that it had.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from . import interrupts
from .errors import InnerEarSegError, UnusableInput
from .process import remove_stale_folders

Task = TypeVar("Task")
Value = TypeVar("Value")

DIED = "Its worker process was ended by the system, perhaps for lack of memory."
ANSWER_SECONDS = 10
"""How long a scheduler may take to answer, and to have a worker."""

_LOOK_SECONDS = 0.5
_NO_WORKER_SECONDS = 60.0
_TASKS_PER_PROCESS = 100
"""Frees what libraries leak; a new process costs some seconds."""

_CONFIG: dict[str, Any] = {
    "distributed.nanny.pre-spawn-environ": {},  # the default slows memory down and limits threads
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.worker-ttl": None,  # a library may hold Python's lock for minutes
    "distributed.worker.daemon": False,  # a task may start processes
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}
_OF_TRACKER = "ignore:resource_tracker"
"""Python's process that removes what killed ones leave is not to say so."""
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class Place:
    """Where a task runs: a ``--device``, "auto" on a cluster's machines, and how many threads."""

    device: str
    threads: int


@dataclass(frozen=True)
class Done(Generic[Task, Value]):
    """A task that ended.

    Attributes:
        value: what the function returned.
        error: why it failed, in one sentence; None if it did not.
        details: a traceback, where the reason was not foreseen.
    """

    task: Task
    value: Value | None = None
    error: str | None = None
    details: str = ""


class Workers:
    """Worker processes, as a context manager; its end stops them, whatever they do.

    A worker that is stopped cannot clean up: see ``process.remove_stale_folders``.

    Args:
        places: of local processes, one each; see ``plan_places``.
        scheduler: address of a Dask scheduler (``tcp://10.0.0.1:8786``) whose workers are used
            instead. They need this package, and the files at the same paths.

    Raises:
        UnusableInput: Dask is not installed, or the scheduler does not answer or has no worker.
    """

    def __init__(self, places: Sequence[Place] = (), scheduler: str | None = None) -> None:
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise UnusableInput("Dask is missing: pip install 'innerearseg[batch]'.") from None
        self._places, self._scheduler = tuple(places), scheduler
        self._busy: dict[Any, tuple[int, Any, str]] = {}
        self._ended = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Workers:
        import dask
        from distributed import Client, LocalCluster

        if _OF_TRACKER not in sys.warnoptions:  # the tracker inherits them
            sys.warnoptions.append(_OF_TRACKER)
        with ExitStack() as stack:
            stack.enter_context(_quiet_logs())
            stack.enter_context(dask.config.set(_CONFIG))
            try:
                if self._scheduler is None:
                    temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
                    folder = stack.enter_context(temporary)
                    # Also of the scheduler, which leaves locks there.
                    stack.enter_context(dask.config.set({"temporary-directory": folder}))
                    before = {each.pid for each in _children()}
                    stack.callback(_kill_children, before)
                    cluster = _started(
                        lambda: LocalCluster(
                            n_workers=len(self._places), threads_per_worker=1, memory_limit=0,
                            host="127.0.0.1", dashboard_address="127.0.0.1:0",
                            scheduler_kwargs={"dashboard": False},
                            silence_logs=logging.CRITICAL,
                        )
                    )  # fmt: skip
                    stack.callback(_close, cluster, before)
                self._client = Client(self._scheduler or cluster, timeout=ANSWER_SECONDS)
                stack.callback(self._client.close, timeout=1)
                self._client.wait_for_workers(1, timeout=ANSWER_SECONDS)
            except (OSError, ValueError, RuntimeError, asyncio.TimeoutError) as error:
                if self._scheduler is None:
                    raise InnerEarSegError(f"No worker process could be started: {error}") from None
                raise UnusableInput(
                    f"The scheduler {self._scheduler} does not answer, or has no worker: {error}"
                ) from None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        if self._scheduler is not None and self._busy:
            addresses = [address for _, _, address in self._busy.values()]
            with suppress(Exception):  # workers or scheduler may be gone
                self._client.run(_end_process, workers=addresses, on_error="ignore")
        self._stack.close()

    def run(
        self, function: Callable[[Task, Place], Value], tasks: Sequence[Task]
    ) -> Iterator[Done[Task, Value]]:
        """Do tasks, each yielded as soon as it ends; the first ones begin first.

        A task whose worker died is done once more at the end, alone: it may need more memory.
        What the function keeps in its module's globals stays for the worker's next tasks.

        Raises:
            InnerEarSegError: no worker is left.
        """
        todo, again = deque(enumerate(tasks)), deque[tuple[int, Task]]()
        tried: set[int] = set()
        counts: Counter[str] = Counter()
        seen = time.monotonic()
        while todo or again or self._busy:
            interrupts.check()
            try:
                there = set(self._client.nthreads())
            except (OSError, RuntimeError) as error:
                raise InnerEarSegError(
                    f"The scheduler is gone; the rest was not done: {error}"
                ) from None
            if there:
                seen = time.monotonic()
            elif time.monotonic() - seen > _NO_WORKER_SECONDS:
                raise InnerEarSegError("No worker process is left; the rest was not done.")
            ended = []
            for future, (number, task, address) in list(self._busy.items()):
                if not future.done() and address in there:
                    continue
                done = _done(task, future)
                del self._busy[future]
                future.release()
                if done is not None:
                    ended.append(done)
                elif number in tried:
                    ended.append(Done(task, error=DIED))
                else:
                    tried.add(number)
                    again.append((number, task))
            for address in sorted(there - {address for _, _, address in self._busy.values()}):
                queue = todo or (again if not self._busy else None)
                if not queue:
                    break
                if counts[address] == _TASKS_PER_PROCESS and self._scheduler is None:
                    self._client.restart_workers([address])  # it comes back with another address
                    continue
                counts[address] += 1
                number, task = queue.popleft()
                future = self._client.submit(
                    _call, function, task, self._places, workers=[address], pure=False
                )
                future.add_done_callback(lambda _: self._ended.set())
                self._busy[future] = (number, task, address)
            yield from ended
            if self._busy or not ended:
                self._ended.wait(_LOOK_SECONDS)
            self._ended.clear()


def plan_places(
    devices: Sequence[str], workers: int, bytes_each: int, say: Callable[[str], None]
) -> list[Place]:
    """Deal this machine's devices and cores to as many workers as it can bear.

    A worker takes ``bytes_each`` of main memory; ``say`` is told if fewer fit than are wanted.
    """
    cores, free = available_cores(), available_bytes()
    count, why = min(workers, cores), f"it has {cores} cores for this"
    if free is not None and free // bytes_each < count:
        count = free // bytes_each
        why = f"{free / 1e9:.1f} GB of memory are free, and each takes {bytes_each / 1e9:.1f}"
    count = max(1, count)
    if count < workers:
        say(f"{count} of {workers} workers, as many as this machine bears: {why}.")
    threads = max(1, cores // count)
    return [Place(devices[index % len(devices)], threads) for index in range(count)]


def available_cores() -> int:
    """Return how many cores this process may use; a queue may allot fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_bytes() -> int | None:
    """Return the free main memory, at most a container's limit; None if it is not known."""
    found = []
    with suppress(ImportError):
        import psutil

        found.append(int(psutil.virtual_memory().available))
    for limit in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no container, or one without a limit
            found.append(int(limit.read_text()))
    return min(found, default=None)


def _call(function: Callable[[Any, Place], Any], task: Any, places: tuple[Place, ...]) -> Done:
    """Do a task in a worker."""
    from distributed import get_worker

    worker = get_worker()
    place = places[worker.name] if places else Place("auto", worker.state.nthreads)
    try:
        return Done(task, function(task, place))
    except InnerEarSegError as error:
        return Done(task, error=" ".join(str(error).split()))
    except BaseException as error:  # also SystemExit, which would end the worker
        said = " ".join(f"Unexpected {type(error).__name__}: {error}".split())
        if isinstance(error, MemoryError):
            said = "This machine has not enough memory."
        return Done(task, error=said, details=traceback.format_exc())


def _done(task: Task, future: Any) -> Done[Task, Any] | None:
    """Return how a task ended; None if its worker died."""
    from distributed import KilledWorker

    if future.status == "finished":
        return replace(future.result(), task=task)
    error = future.exception() if future.status == "error" else None
    if error is None or isinstance(error, KilledWorker):
        return None
    return Done(task, error=f"Unexpected {type(error).__name__}: {error}")  # it could not be sent


def _end_process(dask_worker: Any) -> None:
    """End a worker of a cluster in the middle of its task, if a nanny starts it again."""
    if dask_worker.nanny:
        os._exit(1)


def _started(start: Callable[[], Any]) -> Any:
    """Start a cluster in a thread, so that a signal ends the waiting at once.

    Its processes are started without Ctrl-C, which a terminal sends to all of a group: workers
    would print tracebacks.
    """
    ends: list[Any] = []

    def run() -> None:
        try:
            with _ctrl_c_blocked():  # processes and threads inherit that
                ends.append(start())
        except BaseException as error:  # raised below, in the main thread
            ends.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        interrupts.check()
        thread.join(0.1)
    if isinstance(ends[0], BaseException):
        raise ends[0]
    return ends[0]


def _close(cluster: Any, before: set[int]) -> None:
    """Close a local cluster, its workers' processes first: they may be amid a task."""
    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # does not start it again
    _kill_children(before)
    with suppress(TimeoutError):
        cluster.close(timeout=3)


def _children() -> list[Any]:
    import psutil

    return list(psutil.Process().children(recursive=True))


def _kill_children(before: set[int]) -> None:
    """End the processes that were started since, and remove the folders that they leave."""
    from multiprocessing import resource_tracker

    import psutil

    # Python's own tracker ends with this process, and complains if it is killed.
    before = before | {getattr(resource_tracker._resource_tracker, "_pid", None) or -1}
    processes = [each for each in _children() if each.pid not in before]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=2)
    remove_stale_folders()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep Dask's logs and warnings off the terminal."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.filterwarnings("ignore", module="distributed")
        for logger in loggers:
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        yield


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Keep a terminal's Ctrl-C from processes started meanwhile, which would print tracebacks."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else the first process starts it, and that unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
