"""Stands for the worker where a story needs a behaviour that the real one shows only by chance.

python fake_worker.py MODE PREPARED FOLDER DEVICE

It speaks as ``innerearseg segment --json-progress --plain`` does; its result is a copy of PREPARED.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STAGES = {
    "start": "Starting",
    "read": "Reading the CT",
    "load": "Loading the model",
    "find": "Looking for the ear",
    "infer": "Drawing the labyrinth",
    "decode": "Placing landmarks and surface",
    "write": "Writing the arrays",
}


def report(stage: str, fraction: float, message: str) -> None:
    print(json.dumps({"stage": stage, "fraction": fraction, "message": message}), flush=True)


def watch() -> None:
    """As the real worker with --plain does."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from InnerEarSegLib.process import end_with_stdin

    end_with_stdin()


def main(mode: str, prepared: str, folder: str, device: str) -> int:
    kind, _, detail = mode.partition(":")
    pids = Path(prepared).parent
    if kind == "launcher":  # as PythonSlicer: the child inherits the standard streams
        (pids / "launcher.pid").write_text(str(os.getpid()))
        time.sleep(float(os.environ.get("LAUNCHER_SECONDS", "0")))  # between its fork and its exec
        return subprocess.run(
            [sys.executable, __file__, detail, prepared, folder, device]
        ).returncode
    if not (Path(folder) / "ct.nrrd").is_file():
        print("innerearseg: there is no CT.", file=sys.stderr)
        return 2
    (pids / "worker.pid").write_text(str(os.getpid()))
    if kind == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kind, detail = "hang", "infer"
    else:
        watch()
    if kind == "garbage":
        sys.stdout.buffer.write(b'\xff\xfe{"stage"\n{"fraction": "many"}\n[1]\n\n' + b"x" * 99999)
        sys.stdout.buffer.write(b'\n{"stage": "read", "fra')
        sys.stdout.flush()
        time.sleep(0.1)
        print('ction": 0.5, "message": "in two pieces"}', flush=True)
    for number, (stage, message) in enumerate(STAGES.items()):
        report(stage, number / len(STAGES), message)
        if kind == "hang" and stage == detail:
            time.sleep(600)
        if kind == "slow":
            time.sleep(float(detail))
        if kind == "crash" and stage == "infer":
            os.kill(os.getpid(), signal.SIGKILL)
    if kind == "unusable":
        print("some library warning\ninnerearseg: the CT covers 300 x 300 x 200 mm, "
              "far more than one ear.", file=sys.stderr)  # fmt: skip
        return 2
    if kind == "fails":
        raise RuntimeError("the sky is falling")
    if kind == "no_torch":
        raise ModuleNotFoundError("No module named 'torch'")
    if kind == "memory" and device != "cpu":
        raise RuntimeError("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.")
    if kind == "nothing":
        return 0
    shutil.copytree(prepared, Path(folder) / "out")
    if kind == "cut":
        (Path(folder) / "out" / "result.json").write_text("{")
    report("done", 1.0, "Done")
    return 3 if kind == "no_ear" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
