"""``innerearseg batch``: broken CTs, workers that die, kills, and going on."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from InnerEarSegLib.cli import batch
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.result_folder import NOTES, names_in
from InnerEarSegLib.synthetic.files import random_ear

from .conftest import start
from .finished_cases import TODAY, listed, table
from .make_ct import phantom, write

POSIX = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a kill of POSIX")


@pytest.mark.parametrize(("device", "gpus", "expected"), [
    ("cpu", 2, ["cpu"]),
    ("auto", 0, ["cpu"]),
    ("auto", 2, ["cuda:0", "cuda:1"]),
    ("cuda", 2, ["cuda:0", "cuda:1"]),
    ("cuda:1", 2, ["cuda:1"]),
])  # fmt: skip
def test_workers_are_dealt_to_all_gpus(monkeypatch, device, gpus, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert batch._devices(device) == expected


def broken_files(folder):
    """An empty file, a text with the name of an image, and a name without a file."""
    (folder / "empty.nrrd").touch()
    (folder / "text.nii").write_text("Dear colleague, please find attached the CT.\n" * 20)
    return {
        "empty.nrrd": "damaged, cut short",
        "text.nii": "damaged, cut short",
        "gone.nii.gz": "does not exist",
    }


def times(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/result.json")}


def test_failures_stop_nothing_and_what_is_done_stays(quick_model, tmp_path, capfd):
    for index in range(3):
        write(tmp_path / f"ct{index}.nrrd", phantom(seed=index))
    broken = broken_files(tmp_path)
    path = listed(tmp_path, "image", "ct0.nrrd", *broken, "ct1.nrrd", "ct2.nrrd", "ct0b.nrrd")
    shutil.copy(tmp_path / "ct0.nrrd", tmp_path / "ct0b.nrrd")
    out = tmp_path / "out"

    def run():
        arguments = [path, "--output", out, "--model", quick_model, "--device", "cpu"]
        status = main(["batch", *map(str, arguments), "--workers", "1"])
        text, errors = capfd.readouterr()
        assert errors == ""
        return status, text

    status, text = run()
    assert status == 4 and "4 of 7 cases done, 3 failed" in text
    rows = table(out)
    assert [rows[name]["status"] for name in ("ct0", "ct1", "ct2", "ct0b")] == ["no ear"] * 4
    for name, said in broken.items():
        row = rows[name.split(".")[0]]
        assert row["status"] == "failed" and said in row["reason"], row
        assert f"{row['case']} ({name}): {row['reason']}" in text
    tables = {"cases.csv", "ears.csv", "measurements.csv", "summary.json", "cohort.html"}
    assert set(names_in(out)) == {"ct0", "ct0b", "ct1", "ct2", *tables}
    assert sum(line.startswith("[") for line in text.splitlines()) == 7

    # One CT is changed, a missing one appears, one result loses its manifest: these are done again,
    # and what is not known to be of this CT is set aside. A CT that is broken now keeps its old
    # files, and the table says whose they are.
    before = times(out)
    write(tmp_path / "ct1.nrrd", phantom(seed=9))
    write(tmp_path / "gone.nii.gz", phantom(seed=5))
    (out / "ct2" / "case.json").unlink()
    (tmp_path / "ct0b.nrrd").write_bytes(b"")
    status, text = run()
    assert status == 4 and "1 of 7 cases were finished earlier" in text
    changed = {name for name, when in times(out).items() if before.get(name) != when}
    assert changed == {"ct1", f"ct1{TODAY}", "ct2", f"ct2{TODAY}", "gone"}
    assert {key: n for key, n in counts_in(out).items() if n} == {"no ear": 4, "failed": 3}
    assert "of an earlier run" in table(out)["ct0b"]["reason"] and (out / "ct0b").is_dir()


def counts_in(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))["counts"]


def children(pid):
    tasks = Path(f"/proc/{pid}/task")
    return [int(c) for t in tasks.iterdir() for c in (t / "children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return [pid for pid in pids if alive(pid)]


def stop(process, at, how, delay=0.0):
    """Send a signal after a line of output; the workers end, too. Return stderr."""
    for line in process.stdout:
        if line.startswith(at):
            break
    time.sleep(delay)
    workers = children(process.pid)
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert len(workers) >= 2 and wait_for_end(workers) == []
    assert process.returncode == (130 if how == signal.SIGTERM else -how)
    return errors


@pytest.mark.slow
@POSIX
def test_a_batch_of_twenty_with_three_broken_files(tmp_path):
    for seed in range(17):
        ear = random_ear(300 + seed, 0)
        image = ear.ct.to_sitk()
        sitk.WriteImage(image, str(tmp_path / f"ear{seed:02d}.nii.gz"), True)
    broken = broken_files(tmp_path)
    names = [f"ear{seed:02d}.nii.gz" for seed in range(17)]
    names[3:3], names[9:9], names[15:15] = ([name] for name in broken)
    path, out = listed(tmp_path, "image", *names), tmp_path / "out"
    batch_of = ("batch", path, "--output", out, "--device", "cpu", "--workers", 2)
    errors = stop(start(*batch_of), "[ 3/20]", signal.SIGTERM, delay=3)
    assert errors.count("\n") == 1 and "the same command goes on" in errors
    stop(start(*batch_of), "[ 7/20]", signal.SIGKILL, delay=3)  # amid what comes next
    assert len(table(out)) == 20  # whole, whenever the kill came
    before = times(out)
    assert 0 < len(before) < 17
    print("finished before the kill:", sorted(before))
    resumed = start(*batch_of)
    text, errors = resumed.communicate(timeout=1800)
    print(text)
    assert resumed.returncode == 4 and errors == ""
    assert f"{len(before)} of 20 cases were finished earlier" in text
    assert {name: times(out)[name] for name in before} == before
    assert [each.name for each in out.iterdir() if each.name.startswith(".")] == [NOTES]
    rows = table(out)
    assert list(rows) == [name.split(".")[0] for name in names]
    for name, said in broken.items():
        row = rows.pop(name.split(".")[0])
        assert row["status"] == "failed" and said in row["reason"]
    for name, row in rows.items():
        assert row["status"] in ("done", "no ear"), row
        if row["status"] == "done":
            assert (out / name / "scene.mrb").stat().st_size > 0
            assert int(row["ears"]) >= 1
    assert sum(row["status"] == "done" for row in rows.values()) >= 15
    shutil.rmtree(out)
