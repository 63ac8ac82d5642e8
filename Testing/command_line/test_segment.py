"""``innerearseg segment`` from a file to files that Slicer's own classes read."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.io.result_files import read_plain
from InnerEarSegLib.io.volume import image_of
from InnerEarSegLib.mrml.files import read_landmarks, read_segments
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.types import AUXILIARY, LANDMARKS, Geometry

from .conftest import REPOSITORY, innerearseg


def test_exactly_the_promised_files(done, synthetic_ear):
    assert {path.name for path in done[0].iterdir()} == {
        "case.json",
        "labyrinth.seg.nrrd",
        f"landmarks_{synthetic_ear.side}.mrk.json",
        "result.json",
        "scene.mrb",
    }


def test_progress_is_json_and_rises_to_one(done):
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
    truth = image_of(synthetic_ear.labels.array, synthetic_ear.labels.geometry)
    found = sitk.GetArrayFromImage(
        sitk.Resample(image_of(segment.array, segment.geometry), truth, sitk.Transform(),
                      sitk.sitkNearestNeighbor, 0)
    )  # fmt: skip
    dice = (
        2
        * (found & synthetic_ear.labels.array).sum()
        / (found.sum() + synthetic_ear.labels.array.sum())
    )
    assert dice > 0.9


def test_landmarks_are_where_the_generator_put_them(done, synthetic_ear):
    points = read_landmarks(done[0] / f"landmarks_{synthetic_ear.side}.mrk.json")
    assert tuple(points) == LANDMARKS
    for name, ras in points.items():
        assert np.linalg.norm(np.subtract(ras, synthetic_ear.landmarks[name])) < 1.0, name


def test_result_json_tells_all(done, synthetic_ear):
    result = json.loads((done[0] / "result.json").read_text())
    assert result["schema_version"] == 3 and len(result["model"]["sha256"]) == 64
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
    assert ear.labyrinth.sum() * ear.geometry.voxel_volume == pytest.approx(
        ear.volume_mm3, rel=1e-3
    )


def write_bone(path, seed=0):
    """Noise around bone: no ear."""
    values = np.random.default_rng(seed).normal(1200, 300, (60, 60, 60)).astype(np.int16)
    sitk.WriteImage(
        image_of(values, Geometry(np.diag([0.4, 0.4, 0.4, 1]), values.shape)), str(path)
    )
    return path


def test_no_ear_is_exit_three_and_said(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("the user's own")
    process = innerearseg("segment", write_bone(tmp_path / "bone.nii.gz"), "--output", folder)
    assert process.returncode == 3, process.stderr
    assert "No inner ear was found" in process.stdout
    assert json.loads((folder / "result.json").read_text())["ears"] == []
    assert {path.name for path in folder.iterdir()} == {"case.json", "result.json"}
    (aside,) = tmp_path.glob("out-earlier-*")
    assert (aside / "notes.txt").read_text() == "the user's own" and str(aside) in process.stdout


def test_a_kill_leaves_nothing(synthetic_file, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "InnerEarSegLib", "segment", str(synthetic_file), "--output",
         str(tmp_path / "out"), "--device", "cpu", "--json-progress"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if json.loads(line)["stage"] == "infer":
            break
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - asked < 3
    assert errors.strip() == "innerearseg: cancelled; nothing was written."
    assert not (tmp_path / "out").exists()
