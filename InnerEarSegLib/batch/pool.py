"""Several worker processes, of which any may die.

``concurrent.futures`` is the engine, with one executor of one process for each worker instead of
one for all: a process that the system ends (for lack of memory, say) breaks its executor, and with
it every case that is under way there. This way it is one case, known by name, and only that
executor is made anew. joblib (loky) breaks as a whole in the same way.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from ..errors import Cancelled
from .cohort import Case
from .worker import Failure, Settings, begin, work

Do = Callable[[Case], Failure | None]

DIED = "Its worker process was ended by the system, perhaps for lack of memory."
CASES_PER_PROCESS = 100
"""What leaks in libraries is given back; starting anew costs some seconds."""

_END_SECONDS = 5.0
_LOOK_SECONDS = 1.0


class Pool:
    """Workers, one for each of their settings.

    Args:
        settings: of each worker.
        do: what is done with a case, in a worker.
    """

    def __init__(self, settings: Sequence[Settings], do: Do = work) -> None:
        self._workers = [_Worker(each, do) for each in settings]
        self._others = {each.pid for each in multiprocessing.active_children()}

    def run(self, cases: Sequence[Case]) -> Iterator[tuple[Case, Failure | None]]:
        """Do cases, each yielded as soon as it ends.

        A case whose worker died is done once more at the end, while no other one takes memory.
        """
        died: list[Case] = []
        for case, failure in self._run(deque(cases), self._workers):
            if failure is not None and failure.reason == DIED:
                died.append(case)
            else:
                yield case, failure
        for worker in self._workers[1:]:
            worker.close()
        if died:
            yield from self._run(deque(died), self._workers[:1])

    def _run(
        self, cases: deque[Case], workers: list[_Worker]
    ) -> Iterator[tuple[Case, Failure | None]]:
        under_way: dict[Future[Failure | None], tuple[Case, _Worker]] = {}
        free = list(workers)
        while cases or under_way:
            while free and cases:
                worker, case = free.pop(), cases.popleft()
                under_way[worker.start(case)] = (case, worker)
            # With a timeout: on Windows, Ctrl-C is heard only between two waits.
            for future in wait(under_way, _LOOK_SECONDS, FIRST_COMPLETED).done:
                case, worker = under_way.pop(future)
                try:
                    failure = future.result()
                except (BrokenProcessPool, Cancelled):  # killed, or asked to end by someone else
                    worker.close()
                    failure = Failure(DIED)
                free.append(worker)
                yield case, failure

    def close(self) -> None:
        """End all workers, whatever they do; unfinished cases leave nothing."""
        children = multiprocessing.active_children()
        processes = [each for each in children if each.pid not in self._others]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_END_SECONDS)
            if process.is_alive():
                process.kill()
        for worker in self._workers:
            worker.close()


class _Worker:
    """One process, started when there is something to do."""

    def __init__(self, settings: Settings, do: Do) -> None:
        self._settings, self._do = settings, do
        self._executor: ProcessPoolExecutor | None = None
        self._done = 0

    def start(self, case: Case) -> Future[Failure | None]:
        if self._done >= CASES_PER_PROCESS:
            self.close()
        self._done += 1
        try:
            return self._engine().submit(self._do, case)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.close()
            return self._engine().submit(self._do, case)

    def _engine(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # Not forked: torch's and ITK's threads, and CUDA, do not survive that.
            self._executor = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), begin, (self._settings,)
            )
        return self._executor

    def close(self) -> None:
        """End the process after what it does."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor, self._done = None, 0
