"""``innerearseg segment`` from a file to files that Slicer's own classes read."""

import json
import resource
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import psutil
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.segment import summary
from InnerEarSegLib.io.result_files import read_plain
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.types import (
    AUXILIARY,
    LANDMARKS,
    Ear,
    Findings,
    Geometry,
    ModelIdentity,
    Segmentation,
)
from Testing.read_back import read_landmarks, read_segments

from .conftest import REPOSITORY, innerearseg, start
from .make_ct import write


def test_the_promised_files_and_progress_as_json_that_rises_to_one(done, synthetic_ear):
    own = {"case.json", "labyrinth.seg.nrrd", "result.json", "scene.mrb"}
    files = own | {f"landmarks_{synthetic_ear.side}.mrk.json"}
    assert {path.name for path in done[0].iterdir()} == files
    lines = [json.loads(line) for line in done[1].stdout.splitlines()]
    assert all(set(line) == {"stage", "fraction", "message"} for line in lines)
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    stages = list(dict.fromkeys(line["stage"] for line in lines))
    assert stages == ["start", "read", "load", "find", "infer", "decode", "write", "done"]


def test_segment_is_the_synthetic_labyrinth(done, synthetic_ear):
    segments = read_segments(done[0] / "labyrinth.seg.nrrd")
    assert list(segments) == [f"Labyrinth {synthetic_ear.side}"]
    segment = segments[f"Labyrinth {synthetic_ear.side}"]
    assert segment.geometry.spacing.max() <= 0.21
    truth = synthetic_ear.labels.to_sitk()
    found = segment.to_sitk()
    found = sitk.Resample(found, truth, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(found > 0, truth > 0)
    assert overlap.GetDiceCoefficient() > 0.9


def test_landmarks_are_where_the_generator_put_them(done, synthetic_ear):
    points = read_landmarks(done[0] / f"landmarks_{synthetic_ear.side}.mrk.json")
    assert tuple(points) == LANDMARKS
    for name, ras in points.items():
        assert np.linalg.norm(np.subtract(ras, synthetic_ear.landmarks[name])) < 1.0, name


def test_result_json_tells_all(done, synthetic_ear):
    result = json.loads((done[0] / "result.json").read_text())
    assert result["schema_version"] == 4 and len(result["model"]["sha256"]) == 64
    assert result["device"] == "cpu" and result["seconds"]["infer"] > 0
    (ear,) = result["ears"]
    assert ear["side"] == synthetic_ear.side
    exact = synthetic_ear.labels.array.sum() * synthetic_ear.labels.geometry.voxel_volume
    assert ear["labyrinth_volume_mm3"] == pytest.approx(exact, rel=0.1)
    assert [landmark["name"] for landmark in ear["landmarks"]] == list(LANDMARKS)
    assert [landmark["name"] for landmark in ear["auxiliary_landmarks"]] == list(AUXILIARY)
    for landmark in ear["landmarks"] + ear["auxiliary_landmarks"]:
        assert 0 <= landmark["confidence"] <= 1 and len(landmark["ras_mm"]) == 3
    points = read_landmarks(done[0] / f"landmarks_{ear['side']}.mrk.json")
    for landmark in ear["landmarks"]:
        assert np.allclose(landmark["ras_mm"], points[landmark["name"]], atol=1e-3)


def test_scene_opens_with_everything(done):
    with headless_scene() as session:
        assert session.scene.ReadFromMRB(str(done[0] / "scene.mrb"), False)
        for kind in ("ScalarVolume", "Segmentation", "MarkupsFiducial"):
            assert session.scene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node") == 1, kind


@pytest.mark.slow
def test_plain_output_is_the_same_result(done, synthetic_file, tmp_path):
    process = innerearseg(
        "segment", synthetic_file, "--output", tmp_path / "new" / "deep", "--plain", "--device",
        "cpu",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "Labyrinth left" in process.stdout and "oval window" in process.stdout
    result = read_plain(tmp_path / "new" / "deep")
    (ear,) = result.ears
    (saved,) = json.loads((done[0] / "result.json").read_text())["ears"]
    for mine, theirs in zip(ear.landmarks, saved["landmarks"], strict=True):
        assert mine.ras == pytest.approx(theirs["ras_mm"], abs=1e-3)
    volume = ear.labyrinth.sum() * ear.geometry.voxel_volume
    assert volume == pytest.approx(ear.volume_mm3, rel=1e-3)


def test_no_ear_is_exit_three_and_said(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("the user's own")
    values = np.random.default_rng(0).normal(1000, 400, (60, 60, 60)).astype(np.int16)
    bone = write(tmp_path / "bone.nii.gz", values)  # noise around bone
    process = innerearseg("segment", bone, "--output", folder)
    assert process.returncode == 3, process.stderr
    assert "No inner ear was found" in process.stdout
    assert json.loads((folder / "result.json").read_text())["ears"] == []
    assert {path.name for path in folder.iterdir()} == {"case.json", "result.json"}
    (aside,) = tmp_path.glob("out-earlier-*")
    assert (aside / "notes.txt").read_text() == "the user's own" and str(aside) in process.stdout


def cpu_of_ended_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_kill_leaves_nothing(synthetic_file, tmp_path):
    earlier = cpu_of_ended_children()
    output = ("--output", tmp_path / "out", "--device", "cpu", "--json-progress")
    process = start("segment", synthetic_file, *output)
    for line in process.stdout:
        if json.loads(line)["stage"] == "infer":
            break
    before = sum(psutil.Process(process.pid).cpu_times()[:2])
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    # Seconds of computing, which a loaded machine does not prolong.
    after = cpu_of_ended_children() - earlier - before
    assert process.returncode == 130 and after < 3
    assert errors.strip() == "innerearseg: cancelled; nothing was written."
    assert not (tmp_path / "out").exists()


PROGRAM = """
import os, signal, sys, threading, time
import torch
from InnerEarSegLib.model.bundle import load_model
from InnerEarSegLib.model.inference import run_patches
from InnerEarSegLib.model.card import bundled_model
from InnerEarSegLib.progress import Progress

class Leaving:
    # Python ends slowly: time for the abandoned pass to come back while it does.
    def __del__(self, sleep=time.sleep):
        sleep(2.0)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
leaving = Leaving()
model = load_model(bundled_model(), torch.device("cpu"))
patches = torch.zeros(2, *model.refine.shape)
try:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    run_patches(model.refine, patches, model.intensity, Progress())
except KeyboardInterrupt:
    print("cancelled", flush=True)
    sys.exit(130)
"""


def test_a_pass_that_ctrl_c_abandons_ends_with_its_own_status_and_not_with_sigabrt():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "cancelled\n" and done.stderr == "" and done.returncode == 130


@pytest.mark.parametrize("closed, said", [(2, "2 of 3 canals closed, "), (4, ""), (None, "")])
def test_canals_are_counted_where_the_count_is_one(closed, said):
    grid = Geometry(np.eye(4), (1, 1, 1))
    ear = Ear("left", np.ones((1, 1, 1), np.uint8), grid, (), 200.0, findings=Findings(closed))
    result = Segmentation((ear,), ModelIdentity("m", "1", ""), "cpu")
    assert summary(result) == [f"Labyrinth left: 200 mm³, {said}quality good"]
    metal = replace(ear, findings=Findings(closed, metal_mm3=2.0))  # hides the volume
    result = replace(result, ears=(metal,))
    assert summary(result) == [f"Labyrinth left: {said}quality good"]
