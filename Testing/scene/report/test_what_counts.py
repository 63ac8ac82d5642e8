"""What of a result a report is made of, and what it says of the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.cli.result import subject_of_result
from InnerEarSegLib.mrml.files import (
    read_node,
    write_bundle,
    write_node,
    write_result,
    write_scene,
)
from InnerEarSegLib.mrml.landmarks import set_position
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import headless_scene, vtk_matrix
from InnerEarSegLib.mrml.segments import SEGMENT_IDS
from InnerEarSegLib.mrml.subject import cts_with_results, open_scene, subject_of
from InnerEarSegLib.mrml.transforms import follow_ct
from InnerEarSegLib.report.subject import PATIENT, write_subject
from InnerEarSegLib.types import ModelIdentity, Segmentation

from .subjects import looked_at, reviewed, saved, truth_of


def report(scene, page):
    assert main(["report", str(scene), "--output", str(page)]) == 0
    return " ".join(looked_at(page).words)


@pytest.fixture
def folder(synthetic_ear, tmp_path):
    write_scene(synthetic_ear.ct, truth_of(synthetic_ear), tmp_path)
    return tmp_path


def move(path, index, mm):
    """Move a point of a .mrk.json along S, as Slicer saves it."""
    content = json.loads(path.read_text())
    content["markups"][0]["controlPoints"][index]["position"][2] += mm
    path.write_text(json.dumps(content))


def measured(folder):
    """The corrected ear of the report's measurements: its segment, and the landmarks by name."""
    (ear,) = json.loads((folder / "measurements.json").read_text(encoding="utf-8"))["ears"]
    return ear["segment"], {mark["name"]: mark for mark in ear["landmarks"]}


def test_corrections_in_files_beside_the_scene_count_and_that_is_said(folder, capsys):
    report(folder, folder / "report.html")
    assert capsys.readouterr().err == ""
    (path,) = folder.glob("landmarks_*.mrk.json")
    move(path, 0, 0.3)
    with headless_scene() as session:
        node = read_node(session.scene, folder / "labyrinth.seg.nrrd")
        (segment_id,) = node.GetSegmentation().GetSegmentIDs()
        image = node.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
        voxels = vtk_to_numpy(image.GetPointData().GetScalars())
        voxels[voxels.nonzero()[0][:100]] = 0
        assert write_node(node, folder / "labyrinth.seg.nrrd")
    text = report(folder, folder / "report.html")
    said = f"Taken from {path.name}: helicotrema."
    assert said in text and f"Note: {said}" in capsys.readouterr().err
    assert "Taken from labyrinth.seg.nrrd: Labyrinth left." in text
    segment, marks = measured(folder)
    assert segment == "edited" and marks["helicotrema"]["state"] == "corrected"
    assert marks["helicotrema"]["moved_mm"] == pytest.approx(0.3, abs=0.002)
    assert marks["oval window"]["state"] == "automatic"


@pytest.mark.parametrize("voxels", [0, 2])
def test_a_segment_that_was_shifted_in_its_file_counts(made, tmp_path, voxels):
    write_scene(made.ct, made.two, tmp_path)
    matrix = np.eye(4)
    matrix[:3, 3] = voxels * made.left.geometry.ijk_to_ras[:3, 0]  # 0.3 mm each
    with headless_scene() as session:
        node = read_node(session.scene, tmp_path / "labyrinth.seg.nrrd")
        node.ApplyTransformMatrix(vtk_matrix(matrix))
        assert write_node(node, tmp_path / "labyrinth.seg.nrrd")
        open_scene(session.scene, tmp_path / "scene.mrb")
        (volume,) = cts_with_results(session.scene)
        before = subject_of(session.scene, volume).segmentation.ears
    subject, notes = subject_of_result(tmp_path)
    sides = ("left", "right") if voxels else ()
    assert notes == [f"Taken from labyrinth.seg.nrrd: Labyrinth {side}." for side in sides]
    for ear, old in zip(subject.segmentation.ears, before, strict=True):
        assert ear.segment == ("edited" if voxels else "automatic")
        now, then = (made.points(x.labyrinth, x.geometry).mean(axis=0) for x in (ear, old))
        assert now - then == pytest.approx(matrix[:3, 3], abs=1e-3)


def test_files_beside_the_scene_that_cannot_be_used_are_said(folder, synthetic_ear):
    (path,) = folder.glob("landmarks_*.mrk.json")
    renamed = path.read_text().replace('"helicotrema"', '"apex"')
    with headless_scene() as session:
        node = read_node(session.scene, folder / "labyrinth.seg.nrrd")
        segment = node.GetSegmentation().GetSegment(SEGMENT_IDS[synthetic_ear.side])
        segment.SetLabelValue(segment.GetLabelValue() + 1)  # its voxels are of no segment now
        assert write_node(node, folder / "labyrinth.seg.nrrd")
    for content, said in (
        ("{", f"{path.name} cannot be read and was not used"),
        (renamed, f"{path.name} has no point named helicotrema and was not used"),
    ):
        path.write_text(content)
        subject, notes = subject_of_result(folder)
        assert [note.partition(":")[0] for note in notes] == [
            said, "labyrinth.seg.nrrd holds no segment Labyrinth left and was not used.",
        ]  # fmt: skip
        assert not subject.segmentation.ears[0].reviewed
        assert {*subject.sources} == {"scene.mrb"}  # the others do not count as measured


def test_where_scene_and_file_were_both_corrected_the_scene_counts(folder, synthetic_ear):
    (path,) = folder.glob("landmarks_*.mrk.json")
    move(path, 0, 0.3)
    move(path, 1, 0.5)

    def correct(scene, volume, results):
        (node,) = results.landmarks.values()
        r, a, s = synthetic_ear.landmarks["helicotrema"]
        set_position(node, "helicotrema", (r, a + 2.0, s))

    saved(folder / "scene.mrb", truth_of(synthetic_ear), synthetic_ear.ct, change=correct)
    subject, notes = subject_of_result(folder)
    assert f"{path.name} differs from the scene in helicotrema" in notes[1]
    helicotrema, oval, _ = subject.segmentation.ears[0].landmarks
    assert helicotrema.moved_mm == pytest.approx(2.0, abs=0.002)
    assert oval.moved_mm == pytest.approx(0.5, abs=0.002)


def test_files_of_a_ct_that_was_moved_in_the_scene_do_not_count(synthetic_ear, tmp_path):
    """The files hold the old places, 30 mm away: a correction that nobody made."""
    folder = tmp_path / "case"
    write_result(truth_of(synthetic_ear), synthetic_ear.ct, folder)
    with headless_scene() as session:
        open_scene(session.scene, folder / "scene.mrb")
        (volume,) = cts_with_results(session.scene)
        transform = session.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = vtkMatrix4x4()
        matrix.SetElement(2, 3, 30.0)
        transform.SetMatrixTransformToParent(matrix)
        volume.SetAndObserveTransformNodeID(transform.GetID())
        volume.HardenTransform()
        assert follow_ct(find_results(session.scene, volume), volume).moved
        write_bundle(session.scene, folder / "scene.mrb")
    (path,) = folder.glob("landmarks_*.mrk.json")
    subject, notes = subject_of_result(folder)
    assert notes == [] and {*subject.sources} == {"scene.mrb", "labyrinth.seg.nrrd", path.name}
    content = path.read_text()
    move(path, 0, 0.3)
    subject, (note,) = subject_of_result(folder)
    assert note.startswith(f"{path.name} was not used, as the CT was moved")
    assert {*subject.sources} == {"scene.mrb", "labyrinth.seg.nrrd"}
    path.write_text(content)
    (ear,) = subject.segmentation.ears
    assert not ear.reviewed
    found = json.loads(path.read_text())["markups"][0]["controlPoints"][0]["position"]
    assert ear.landmarks[0].ras[2] - found[2] == pytest.approx(30.0, abs=0.002)


@pytest.mark.parametrize("name", ["labyrinth.seg.nrrd", "landmarks_right.mrk.json"])
def test_a_correction_of_what_was_removed_from_the_scene_is_said_and_uncounted(
    made, tmp_path, name
):
    folder = tmp_path / "case"
    write_result(made.two, made.ct, folder)
    with headless_scene() as session:
        open_scene(session.scene, folder / "scene.mrb")
        (volume,) = cts_with_results(session.scene)
        results = find_results(session.scene, volume)
        removed = results.landmarks["right"] if "right" in name else results.segmentation
        session.scene.RemoveNode(removed)
        write_bundle(session.scene, folder / "scene.mrb")
    subject, notes = subject_of_result(folder)
    assert notes == [] and name in subject.sources  # nothing was corrected in the file
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text + b"\n")
    subject, (note,) = subject_of_result(folder)
    assert note.startswith(f"{name} was not used, as what it corrects was removed from the scene")
    assert name not in subject.sources and "scene.mrb" in subject.sources


def test_a_correction_saved_both_ways_is_no_difference(folder, synthetic_ear, capsys):
    """The scene saved from Slicer, and landmarks saved beside it as they are there."""
    (path,) = folder.glob("landmarks_*.mrk.json")

    def correct(scene, volume, results):
        (node,) = results.landmarks.values()
        node.SetNthControlPointPosition(0, *synthetic_ear.landmarks["oval window"])
        write_node(node, path)

    saved(folder / "scene.mrb", truth_of(synthetic_ear), synthetic_ear.ct, change=correct)
    report(folder, folder / "a.html")
    assert capsys.readouterr().err == ""


def test_a_segment_that_was_deleted_is_said_and_has_no_volume(synthetic_ear, tmp_path):
    side = synthetic_ear.side

    def delete(scene, volume, results):
        results.segmentation.GetSegmentation().RemoveSegment(SEGMENT_IDS[side])

    path = tmp_path / "changed.mrb"
    saved(path, truth_of(synthetic_ear), synthetic_ear.ct, change=delete)
    text = report(path, tmp_path / "x.html")
    assert "The segment was removed by hand" in text and "Expected overlap" not in text
    numbers = json.loads((tmp_path / "x.measurements.json").read_text(encoding="utf-8"))
    (ear,) = numbers["ears"]
    assert numbers["made_of"] == "reviewed" and ear["segment"] == "removed"
    values = {item["key"]: item["value"] for item in ear["measurements"]}
    assert values["labyrinth_volume"] is None and values["a_diameter"] is None
    assert values["round_window_to_oval_window"] is not None


def test_an_ear_without_landmarks_is_not_left_out_silently(made, tmp_path, capsys):
    def delete(*sides):
        return lambda scene, volume, results: [
            scene.RemoveNode(results.landmarks[side]) for side in sides
        ]

    path = tmp_path / "changed.mrb"
    saved(path, made.two, made.ct, change=delete("left"))
    said = "The landmarks of the left ear were removed, and it is left out"
    assert said in report(path, tmp_path / "x.html")
    assert said in capsys.readouterr().err
    numbers = json.loads((tmp_path / "x.measurements.json").read_text(encoding="utf-8"))
    assert numbers["made_of"] == "reviewed" and len(numbers["ears"]) == 1
    saved(path, made.two, made.ct, change=delete("left", "right"))
    assert main(["report", str(path), "--output", str(tmp_path / "y.html")]) == 2
    errors = capsys.readouterr().err
    assert "left ear were removed" in errors and "right ear were removed" in errors


def test_ears_of_two_runs_are_reported_with_the_model_of_each(made, tmp_path):
    other = Segmentation((made.left,), ModelIdentity("Other", "2.0", "cd" * 32), "cpu")
    path = tmp_path / "two.mrb"
    saved(path, made.two, made.ct, change=lambda scene, volume, _: add_result(scene, volume, other))
    text = report(path, tmp_path / "x.html")
    assert f"Model, left Other 2.0 Model SHA-256, left {'cd' * 32}" in text
    assert f"Model, right test 1.0 Model SHA-256, right {'0' * 64}" in text
    numbers = json.loads((tmp_path / "x.measurements.json").read_text(encoding="utf-8"))
    assert [ear["model"]["sha256"] for ear in numbers["ears"]] == ["cd" * 32, "0" * 64]


def test_results_under_another_transform_than_the_ct(made, tmp_path):
    def move(scene, volume, results):
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        for node in results.nodes:
            node.SetAndObserveTransformNodeID(transform.GetID())

    path = tmp_path / "changed.mrb"
    saved(path, made.two, made.ct, change=move)
    assert "Results lie under another transform" in report(path, tmp_path / "x.html")


def test_one_of_two_cts_of_the_same_name(synthetic_ear, tmp_path, capsys):
    path, ct = tmp_path / "two.mrb", synthetic_ear.ct
    last = saved(path, truth_of(synthetic_ear), ct, ct, change=lambda _, volume, __: volume.GetID())
    arguments = ["report", str(path), "--output", str(tmp_path / "x.html"), "--ct"]
    assert main([*arguments, ct.name]) == 2
    assert f"'{ct.name}' ({last})" in capsys.readouterr().err
    assert main([*arguments, last]) == 0


KILLED = """
import os, signal
import InnerEarSegLib.report.views as rendering
from InnerEarSegLib.__main__ import main
rendering.draw_in_child = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
main()
"""


def test_a_polite_kill_leaves_no_ct_behind(folder):
    before = sorted(path.name for path in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "report", str(folder)], capture_output=True, text=True,
        env=os.environ | {"TMPDIR": str(folder)}, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "innerearseg: cancelled; nothing was written.\n"
    assert sorted(path.name for path in folder.iterdir()) == before


def test_the_patients_name_does_not_stay_in_a_temporary_file(synthetic_ear, tmp_path):
    _, subject = reviewed(synthetic_ear, tmp_path)
    handed = tmp_path / "handed"
    handed.mkdir()
    write_subject(subject, handed)
    Path(handed / PATIENT).write_text("Jane Doe", encoding="utf-8")
    page = tmp_path / "page.html"
    assert main(["report", str(handed), "--handed-over", "--output", str(page)]) == 0
    assert "Jane Doe" in page.read_text(encoding="utf-8") and not (handed / PATIENT).exists()
