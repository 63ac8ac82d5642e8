"""``innerearseg batch`` over cases that the user has worked on: nothing of that is ever lost."""

import copy
import json
import os
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.batch.status import BEFORE, NO_COUNT, status_of
from InnerEarSegLib.batch.summary import as_json, cells
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.cochlea.measurements import METAL
from InnerEarSegLib.mrml.files import write_bundle
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.volumes import add_volume

from ..scene.report.subjects import truth_of
from .finished_cases import (
    FILES,
    MARKS,
    MEASURED,
    RESULT,
    TODAY,
    add_report,
    contents,
    correct,
    publish,
    row,
    save_beside,
)
from .make_ct import write


def test_an_unchanged_result_is_done_until_what_it_depends_on_changes(case, tmp_path):
    out = tmp_path / "out"
    folder = publish(case, out)
    for _ in range(2):
        assert (row(case, out).status, row(case, out).reason) == ("done", "")
        for name in FILES:
            os.utime(folder / name, (1, 1))  # copied
    another = Case("a", "ct.nrrd", case.source, (("series", "1.2"),))
    assert row(case, out, "another model") is None and row(another, out) is None
    os.utime(case.source.path)
    assert row(case, out) is None
    publish(case, out, "new")
    assert set(contents(folder)) == {*FILES, "case.json"}
    assert contents(folder)["scene.mrb"] == b"scenenew" and len(list(out.iterdir())) == 1


@pytest.mark.parametrize("work", [correct, add_report, save_beside])
@pytest.mark.parametrize("cause", ["CT", "CT gone", "model", "damaged"])
def test_what_the_user_worked_on_is_kept_with_its_values(case, tmp_path, work, cause):
    out = tmp_path / "out"
    folder = publish(case, out)
    work(folder)
    said = row(case, out)
    assert said.status == "done" and "since: " in said.reason
    assert (BEFORE in said.reason) == (work is correct)
    if cause == "CT":
        os.utime(case.source.path)
    elif cause == "CT gone":
        case.source.path.unlink()
    elif cause == "damaged":
        (folder / "measurements.json").write_bytes(b"{")
    kept = row(case, out, "new" if cause == "model" else "sha")
    assert kept.status == "kept" and kept.result == RESULT
    assert "Made by Model 2, InnerEarSeg" in kept.reason and "--again" in kept.reason
    assert {"CT": "the CT's files", "CT gone": "CT is not there", "model": "the model is another",
            "damaged": "damaged: measurements.json"}[cause] in kept.reason  # fmt: skip


@pytest.mark.parametrize("name", ["landmarks_right.mrk.json", "labyrinth.seg.nrrd"])
def test_edits_of_files_that_are_not_read_are_called_so(case, tmp_path, name):
    out = tmp_path / "out"
    folder = publish(case, out, more={name: b"as it was found"})
    assert row(case, out).reason == ""
    (folder / name).write_bytes(b"as the user sees it")
    said = f"Changed since: {name}. {NO_COUNT}"
    assert row(case, out).reason == said and "scene.mrb" in said and "innerearseg report" in said
    os.utime(case.source.path)
    assert row(case, out).status == "kept" and row(case, out).reason.endswith(NO_COUNT)
    correct(folder)  # then all were saved together, and the scene counts
    assert NO_COUNT not in row(case, out).reason and BEFORE in row(case, out).reason


DAMAGED = [b"", b"{", b"[]", b'{"ears": [{}]}', b'{"ears": 3}', None]


@pytest.mark.parametrize(
    ("name", "raw"),
    [(f"{name}.json", raw) for name in ("measurements", "result", "case") for raw in DAMAGED]
    + [("scene.mrb", b""), ("scene.mrb", None)],
)
def test_a_damaged_case_is_not_finished(case, tmp_path, name, raw):
    folder = publish(case, tmp_path / "out")
    (folder / name).unlink()
    if raw is not None:
        (folder / name).write_bytes(raw)
    assert row(case, tmp_path / "out") is None


def test_another_ct_of_the_same_name_costs_no_result_and_the_same_elsewhere_is_done(case, tmp_path):
    out = tmp_path / "out"
    before = contents(publish(case, out))
    (tmp_path / "b").mkdir()
    shutil.copy2(case.source.path, tmp_path / "b" / "ct.nrrd")
    moved = Case("a", "b/ct.nrrd", Source(tmp_path / "b" / "ct.nrrd"))
    assert row(moved, out).status == "done" and status_of(out / "a", moved, "sha").outdated == ()
    other = Case("a", "ct.nrrd", Source(write(tmp_path / "other.nrrd")))
    assert row(other, out) is None
    publish(other, out, "other", ct="other")
    assert contents(out / f"a{TODAY}") == before and row(other, out).status == "done"


def shown(case, folder, measured):
    (folder / "measurements.json").write_text(json.dumps(measured))
    return cells(row(case, folder.parent))


def test_a_row_is_of_one_set(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    automatic = cells(row(case, tmp_path / "out"))
    assert automatic["values"] == "automatic" and automatic["left_volume_mm3"] == 214.0
    assert automatic["left_helicotrema_confidence"] == 0.9

    measured = copy.deepcopy(MEASURED) | {"made_of": "reviewed"}
    corrected = MARKS[0] | {"ras_mm": [1.5, 2.0, 3.0], "state": "corrected", "radius_90_mm": None}
    measured["ears"][0] |= {"landmarks": [corrected, *MARKS[1:]], "segment": "edited"}
    measured["ears"][0]["measurements"][1]["value"] = 230.5
    table = shown(case, folder, measured)
    assert (table["values"], table["left_volume_mm3"]) == ("reviewed", 230.5)
    assert (table["left_helicotrema_R"], table["left_helicotrema_confidence"]) == (1.5, None)
    assert table["left_helicotrema_radius_90_mm"] is None
    assert (table["left_oval_window_R"], table["left_oval_window_confidence"]) == (1.0, 0.9)
    assert table["left_verdict"] == "good"
    for of in (automatic, table):  # findings stay those of the automatic result
        assert (of["left_closed_canals"], of["left_edge_width_mm"]) == (3, 0.55)
        assert (of["left_slice_mm"], of["left_metal"], of["right_metal"]) == (None, "yes", None)
    assert "left 230 mm³ good" in row(case, tmp_path / "out").sentence


def test_what_metal_hides_was_not_removed(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    for item in measured["ears"][0]["measurements"]:
        item |= {"value": None, "remark": METAL}
    table = shown(case, folder, measured)
    assert (table["values"], table["left_metal"]) == ("automatic", "yes")
    assert table["left_volume_mm3"] is None and table["left_helicotrema_R"] == 1.0
    assert row(case, tmp_path / "out").sentence.startswith("left with metal, good")


@pytest.mark.parametrize("said", [True, False])
def test_a_segment_that_was_removed_has_no_volume(case, tmp_path, said):
    """Also where measurements of an earlier version call what is left automatic."""
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    measured["ears"][0]["measurements"] = []
    if said:
        measured["made_of"] = "reviewed"
        measured["ears"][0]["segment"] = "removed"
    table = shown(case, folder, measured)
    assert table["values"] == "reviewed"
    for name in ("volume_mm3", "a_diameter_mm"):
        assert table[f"left_{name}"] is None, name
    assert (table["left_verdict"], table["left_helicotrema_R"]) == ("good", 1.0)
    assert row(case, tmp_path / "out").sentence.startswith("left without a segment, good")
    summary = json.loads(as_json([row(case, tmp_path / "out")]))
    assert summary["cases"][0]["values"] == "reviewed"


def test_what_was_removed_is_reviewed_and_what_does_not_say_is_unknown(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    measured["ears"][0]["landmarks"][2] |= {"ras_mm": None, "state": "not found"}
    table = shown(case, folder, measured)
    assert table["values"] == "reviewed" and table["left_round_window_R"] is None
    measured["ears"] = []
    table = shown(case, folder, measured)
    assert (table["values"], table["left_verdict"]) == ("reviewed", None)
    assert table["left_volume_mm3"] is None
    old = {"ears": [{key: MEASURED["ears"][0][key] for key in ("side", "measurements")}]}
    assert shown(case, folder, old)["values"] == "unknown"


def test_the_advice_is_true_where_the_scene_has_no_landmarks(case, tmp_path, capsys, synthetic_ear):
    folder = publish(case, tmp_path / "out")
    with headless_scene() as session:
        volume = add_volume(session.scene, synthetic_ear.ct)
        (node,) = add_result(session.scene, volume, truth_of(synthetic_ear)).landmarks.values()
        session.scene.RemoveNode(node)
        write_bundle(session.scene, folder / "scene.mrb")
    assert main(["report", str(folder)]) == 2
    assert "landmarks of the left ear were removed" in capsys.readouterr().err
    said = row(case, tmp_path / "out")
    assert cells(said)["values"] == "automatic"
    assert "If report refuses that scene" in said.reason and "--again makes new" in said.reason
    publish(case, tmp_path / "out")  # as --again does
    assert (row(case, tmp_path / "out").reason, cells(said)["values"]) == ("", "automatic")
