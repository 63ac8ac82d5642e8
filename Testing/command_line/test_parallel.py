"""Tasks in worker processes: some die, fail or are cancelled, and the others are done."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from InnerEarSegLib import parallel
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.parallel import DIED, Place, Workers, plan_places

from . import parallel_tasks
from .conftest import REPOSITORY

PROGRAM = """
import sys
from InnerEarSegLib.parallel import Place, Workers
from Testing.command_line.parallel_tasks import do

if __name__ == "__main__":
    try:
        with Workers([Place("cpu", 1)] * 2) as workers:
            for done in workers.run(do, sys.argv[1:]):
                print(done.task, flush=True)
    except KeyboardInterrupt:
        print("cancelled")
"""


def test_each_task_ends_once_whatever_becomes_of_its_worker(tmp_path):
    tasks = ["a", "killed", "die", "refuse", "bug", "exit", "memory", f"die-once {tmp_path / 'x'}"]
    tasks += ["b", "c"]
    with Workers([Place("cuda:0", 3), Place("cuda:1", 2)]) as workers:
        done = list(workers.run(parallel_tasks.do, tasks))
    assert sorted(each.task for each in done) == sorted(tasks)
    errors = {each.task.split()[0]: each.error for each in done}
    assert errors == {
        "a": None, "b": None, "c": None, "die-once": None, "killed": DIED, "die": DIED,
        "refuse": "This is no CT.", "bug": "Unexpected ZeroDivisionError: by 0",
        "exit": "Unexpected SystemExit: enough", "memory": "This machine has not enough memory.",
    }  # fmt: skip
    assert {each.task for each in done if "Traceback" in each.details} == {"bug", "exit", "memory"}
    places = {(each.value["device"], each.value["threads"]) for each in done if each.value}
    assert places <= {("cuda:0", 3), ("cuda:1", 2)}  # also of workers that were started anew


def test_devices_are_dealt_and_a_worker_stays(monkeypatch):
    monkeypatch.setattr(parallel, "_TASKS_PER_PROCESS", 3)
    with Workers([Place("cuda:0", 3), Place("cuda:1", 2)]) as workers:
        first = [each.value for each in workers.run(parallel_tasks.do, ["sleep 0.3"] * 4)]
        assert {each["device"] for each in first} == {"cuda:0", "cuda:1"}
        assert max(each["n"] for each in first) > 1  # what a task keeps is there for the next
        pids = {each.value["pid"] for each in workers.run(parallel_tasks.do, ["sleep 0.1"] * 10)}
    assert len(pids) > 2 and not any(map(psutil.pid_exists, pids))


@pytest.mark.parametrize("whole_group", [False, True], ids=["parent", "terminal"])
def test_ctrl_c_ends_workers_at_once_and_quietly(tmp_path, whole_group):
    file = tmp_path / "began"
    process, worker = _start(file)
    began = time.monotonic()
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("cancelled\n", "", 0)
    assert [*tmp_path.iterdir()] == [file]
    assert time.monotonic() - began < 5  # about 1 s on an idle machine
    assert not psutil.pid_exists(worker)


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    process, worker = _start(tmp_path / "began")
    process.kill()
    process.communicate(timeout=20)
    psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=5)
    assert not psutil.pid_exists(worker)


def _start(file: Path) -> tuple[subprocess.Popen[str], int]:
    """Start PROGRAM and return it with a worker that computes for minutes."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "done", f"write {file}"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "TMPDIR": str(file.parent)},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    assert process.stdout.readline() == "done\n"
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    return process, int(file.read_text())


def test_a_scheduler_gives_its_workers():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        with Workers(scheduler=cluster.scheduler_address) as workers:
            done = list(workers.run(parallel_tasks.do, ["a", "die", "b", "refuse"]))
        assert {each.task: each.error for each in done} == {
            "a": None, "b": None, "refuse": "This is no CT.", "die": DIED,
        }  # fmt: skip
        value = next(each.value for each in done if each.task == "b")
        assert (value["device"], value["threads"]) == ("auto", 2)
        with pytest.raises(KeyboardInterrupt), Workers(scheduler=cluster.scheduler_address) as some:
            for each in some.run(parallel_tasks.do, ["a", "sleep 60"]):
                pid = each.value["pid"]
                time.sleep(0.3)
                raise KeyboardInterrupt
        with suppress(psutil.NoSuchProcess):  # its worker was started anew
            psutil.Process(pid).wait(2)


def test_refusals(monkeypatch):
    monkeypatch.setattr(parallel, "ANSWER_SECONDS", 0.3)
    refused, scheduler = pytest.raises(UnusableInput, match="does not answer"), "tcp://127.0.0.1:9"
    with refused, Workers(scheduler=scheduler):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UnusableInput, match=r"pip install 'innerearseg\[batch\]'"):
        Workers([Place("cpu", 1)])


@pytest.mark.parametrize("cores, free, devices, wanted, expected, said", [
    (8, 64e9, ["cpu"], 2, [("cpu", 4)] * 2, None),
    (8, None, ["cuda:0", "cuda:1"], 3, [("cuda:0", 2), ("cuda:1", 2), ("cuda:0", 2)], None),
    (2, 64e9, ["cpu"], 5, [("cpu", 1)] * 2, "2 of 5 workers.*2 cores"),
    (8, 32 * 10**8, ["cpu"], 4, [("cpu", 4)] * 2, "2 of 4 workers.*3.2 GB of memory"),
    (8, 1e8, ["cpu"], 1, [("cpu", 8)], None),
])  # fmt: skip
def test_workers_fit_the_machine(monkeypatch, cores, free, devices, wanted, expected, said):
    monkeypatch.setattr(parallel, "available_cores", lambda: cores)
    monkeypatch.setattr(parallel, "available_bytes", lambda: free)
    lines = []
    places = plan_places(devices, wanted, int(1.5e9), lines.append)
    assert [(each.device, each.threads) for each in places] == expected
    assert bool(lines) == (said is not None)
    if said:
        assert re.search(said, lines[0])
