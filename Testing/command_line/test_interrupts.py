"""Ctrl-C at any time: 130 at once, one sentence, and nothing left behind."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import SimpleITK as sitk

from InnerEarSegLib.synthetic.files import write_case

from .conftest import REPOSITORY, command
from .make_ct import write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")

NOTHING = "nothing was written"
SAID = re.compile(rf"innerearseg: cancelled; ({NOTHING}|.+ (is|are) in .+)\.\n")
LIMIT_S = 4.0
"""Two seconds on an idle machine; tests share theirs."""


@dataclass(frozen=True)
class Ended:
    """How an interrupted command ended."""

    status: int
    said: str
    seconds: float

    @property
    def listened(self) -> bool:
        """Whether Python itself had started when it was interrupted."""
        return self.said.startswith("innerearseg")

    def check(self) -> None:
        """Check status, sentence and time."""
        if self.listened:
            assert self.status == 130 and SAID.fullmatch(self.said), self
        else:  # -2 is what a shell calls 130; 1 is Python's own, if its module site was loading
            assert self.status in (-signal.SIGINT, 1) and "InnerEarSegLib" not in self.said, self
        assert self.seconds < LIMIT_S


def start(arguments, temporary: Path) -> subprocess.Popen[str]:
    """Start a command with a folder for temporary files, also where Ctrl-C is ignored."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        encoding="utf-8", env={**os.environ, "TMPDIR": str(temporary)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def interrupt(process: subprocess.Popen[str], wait: float, twice: bool) -> Ended | None:
    """Interrupt a command after so many seconds; None if it was done, or just ending."""
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        if twice:
            time.sleep(random.uniform(0.0, 0.05))
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        if process.returncode != 0:
            return Ended(process.returncode, said, time.monotonic() - began)
    assert process.returncode == 0
    return None


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(x.relative_to(folder)): x.read_bytes() for x in folder.rglob("*") if x.is_file()}


@pytest.fixture(scope="module")
def specimen(synthetic_ear, tmp_path_factory) -> Path:
    """A dataset of one synthetic ear, its CT also as NRRD."""
    root = tmp_path_factory.mktemp("data")
    write_case(synthetic_ear, root / "set", "S01")
    sitk.WriteImage(synthetic_ear.ct.to_sitk(), str(root / "ear.nrrd"), True)
    return root


COMMANDS = {
    "segment": lambda root, out: ["segment", root / "ear.nrrd", "--output", out / "ear"],
    "report": lambda root, out: ["report", root / "done", "--pdf", "--output", out / "r.html"],
    "evaluate": lambda root, out: ["evaluate", root / "set", "--output", out / "figures"],
    "pack": lambda root, out: ["pack", "--data", root / "set", "--output", out / "set.npz",
                               "--synthetic", "2"],
    "synthesize": lambda root, out: ["synthesize", "--output", out / "ears", "--count", "3"],
}  # fmt: skip


def interrupt_many(name: str, root: Path, folder: Path, count: int) -> list[Ended]:
    """Interrupt a command at random times of its run, every other time twice, and check each."""
    began = time.monotonic()
    whole, temporary = folder / "whole", folder / "temporary"
    whole.mkdir()
    process = start(COMMANDS[name](root, whole), temporary)
    assert process.wait() == 0, process.stderr.read()
    seconds, ended = time.monotonic() - began, []
    names = {*files_in(whole)}
    for number in range(count):
        out = folder / f"out{number}"
        out.mkdir()
        process = start(COMMANDS[name](root, out), temporary)
        how = interrupt(process, random.uniform(0.0, seconds), number % 2 == 1)
        if how is None:
            continue
        how.check()
        assert [*temporary.iterdir()] == []
        there, parts = files_in(out), {*()}
        if name == "synthesize":  # whole cases
            parts = {Path(x).parts[1] for x in there if Path(x).parts[1].startswith("S")}
            assert {x for x in names if Path(x).parts[1] in parts} == {
                x for x in there if Path(x).parts[1] in parts
            }
        elif name == "evaluate":  # tables, then pictures
            assert {*there} <= names
        else:
            assert {*there} in (set(), names)
        assert not how.listened or (NOTHING in how.said) == (there == {}), (how, there)
        ended += [how] if how.listened else []
    return ended


HELD = """
with interrupts.temporary(lambda: folder) as made:
    (made / "half").touch()
    with interrupts.held():
        os.kill(os.getpid(), signal.SIGINT)
        print("whole")
        interrupts.wrote(folder.parent / "out")
print("not reached")
"""
DEAF = """
import hashlib, threading
interrupts.watch()
with interrupts.temporary(lambda: folder):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)  # minutes in C
"""
WHILE_REMOVED = """
import shutil
remove = shutil.rmtree
def interrupted(*arguments, **more):
    shutil.rmtree = remove
    os.kill(os.getpid(), signal.SIGINT)
    print("not reached")
with interrupts.temporary(lambda: folder):
    shutil.rmtree = interrupted
"""
IN_ORDER = """
with interrupts.raised():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        print("not reached")
    except KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        folder.rmdir()
        print("cleaned up")
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(("program", "printed", "left"), [
    (HELD, "whole\n", "what was written by then is in {}/out"),
    (DEAF, "", "nothing was written"),
    (WHILE_REMOVED, "", "nothing was written"),
    (IN_ORDER, "cleaned up\n", "nothing was written"),
])  # fmt: skip
def test_an_interrupt_waits_for_what_is_done_as_a_whole_but_for_nothing_else(
    tmp_path, program, printed, left
):
    start = (
        "import os, signal, sys; from pathlib import Path; from InnerEarSegLib import interrupts"
    )
    start += "\ninterrupts.listen(); folder = Path(sys.argv[1]); folder.mkdir()"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", start + program, str(tmp_path / "x")], cwd=REPOSITORY,
        capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert done.returncode == 130 and done.stdout == printed
    assert done.stderr == f"innerearseg: cancelled; {left.format(tmp_path)}.\n"
    assert time.monotonic() - began < LIMIT_S and [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("name", "wait"), [("segment", 0.4), ("segment", 1), ("synthesize", 0.8)])
def test_ctrl_c_twice_ends_a_command_at_once(tmp_path, name, wait):
    (tmp_path / "out").mkdir()
    write(tmp_path / "ear.nrrd")
    process = start(COMMANDS[name](tmp_path, tmp_path / "out"), tmp_path / "temporary")
    ended = interrupt(process, wait, True)
    assert ended is not None
    ended.check()
    assert files_in(tmp_path / "out") == {} and [*(tmp_path / "temporary").iterdir()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_hundred_interrupts_at_random_times(name, specimen, tmp_path):
    if name == "report":
        process = start(COMMANDS["segment"](specimen, tmp_path), tmp_path / "temporary")
        assert process.wait() == 0
        (tmp_path / "ear").rename(specimen / "done")
    (tmp_path / "runs").mkdir()
    count = int(os.environ.get("INTERRUPTS", "100"))
    ended = interrupt_many(name, specimen, tmp_path / "runs", count)
    assert len(ended) > count // 2
    slowest = max(ended, key=lambda x: x.seconds)
    print(f"{name}: {len(ended)} of {count} heard, the slowest after {slowest.seconds:.1f} s")
