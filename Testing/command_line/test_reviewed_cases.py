"""``innerearseg batch`` over cases that the user has worked on: nothing of that is ever lost."""

import copy
import json
import os
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.batch.status import UNCOUNTED, status_of
from InnerEarSegLib.batch.summary import as_json, ears_of
from InnerEarSegLib.batch.tables import case_cells, ear_cells
from InnerEarSegLib.cochlea.measurements import METAL
from InnerEarSegLib.io.result_folder import ResultFolder, known_as

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
    assert said.uncounted == (("scene.mrb",) if work is correct else ())
    assert (UNCOUNTED.format("scene.mrb") in said.reason) == (work is correct)
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
def test_a_correction_counts_once_the_measurements_are_made_from_it(case, tmp_path, name):
    out = tmp_path / "out"
    folder = publish(case, out, more={name: b"as it was found"})
    assert row(case, out).uncounted == ()
    (folder / name).write_bytes(b"as the user sees it")
    said = UNCOUNTED.format(name)
    assert row(case, out).uncounted == (name,)
    assert row(case, out).reason == f"Changed since: {name}. {said}"
    measured = MEASURED | {"made_from": {name: known_as(folder / name)}}
    with ResultFolder(folder).adding() as stage:  # as a report does
        (stage / "measurements.json").write_text(json.dumps(measured))
        (stage / "report.html").write_text("page")
    assert row(case, out).uncounted == ()
    assert row(case, out).reason == f"Changed since: {name}."  # and not what was written for it
    (folder / name).write_bytes(b"as it was found")  # taken back
    assert row(case, out).uncounted == (name,)
    os.utime(case.source.path)
    assert row(case, out).status == "kept" and row(case, out).reason.endswith(said)


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


def cells(row):
    """The case's and its left ear's row; empty cells where there is no left ear."""
    ear = ears_of(row.result, row.measurements).get("left")
    return ear_cells(row, "left", ear or {}, ()) | case_cells(row)


def shown(case, folder, measured):
    (folder / "measurements.json").write_text(json.dumps(measured))
    return cells(row(case, folder.parent))


def test_a_row_is_of_one_set(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    automatic = cells(row(case, tmp_path / "out"))
    assert automatic["made_of"] == "automatic" and automatic["labyrinth_volume_mm3"] == 214.0
    assert automatic["helicotrema_confidence"] == 0.9

    measured = copy.deepcopy(MEASURED) | {"made_of": "reviewed"}
    corrected = MARKS[0] | {"ras_mm": [1.5, 2.0, 3.0], "state": "corrected", "radius_90_mm": None}
    measured["ears"][0] |= {"landmarks": [corrected, *MARKS[1:]], "segment": "edited"}
    measured["ears"][0]["measurements"][1]["value"] = 230.5
    table = shown(case, folder, measured)
    assert (table["made_of"], table["labyrinth_volume_mm3"]) == ("reviewed", 230.5)
    assert (table["helicotrema_r_mm"], table["helicotrema_confidence"]) == (1.5, None)
    assert table["helicotrema_radius_90_mm"] is None
    assert (table["oval_window_r_mm"], table["oval_window_confidence"]) == (1.0, 0.9)
    assert table["verdict"] == "good"
    for of in (automatic, table):  # findings stay those of the automatic result
        assert (of["closed_canals"], of["edge_width_mm"]) == (3, 0.55)
        assert (of["slice_mm"], of["metal"], of["metal_mm3"]) == (None, True, 2.0)
    assert "left 230 mm³ good" in row(case, tmp_path / "out").sentence


def test_what_metal_hides_was_not_removed(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    for item in measured["ears"][0]["measurements"]:
        item |= {"value": None, "remark": METAL}
    table = shown(case, folder, measured)
    assert (table["made_of"], table["metal"]) == ("automatic", True)
    assert table["labyrinth_volume_mm3"] is None and table["helicotrema_r_mm"] == 1.0
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
    assert table["made_of"] == "reviewed"
    for name in ("labyrinth_volume_mm3", "a_diameter_mm"):
        assert table[name] is None, name
    assert (table["verdict"], table["helicotrema_r_mm"]) == ("good", 1.0)
    assert row(case, tmp_path / "out").sentence.startswith("left without a segment, good")
    summary = json.loads(as_json([row(case, tmp_path / "out")]))
    assert summary["cases"][0]["made_of"] == "reviewed"


def test_what_was_removed_is_reviewed_and_what_does_not_say_is_unknown(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    measured["ears"][0]["landmarks"][2] |= {"ras_mm": None, "state": "not found"}
    table = shown(case, folder, measured)
    assert table["made_of"] == "reviewed" and table["round_window_r_mm"] is None
    measured["ears"] = []
    table = shown(case, folder, measured)
    assert (table["made_of"], table["verdict"]) == ("reviewed", None)
    assert table["labyrinth_volume_mm3"] is None
    old = {"ears": [{key: MEASURED["ears"][0][key] for key in ("side", "measurements")}]}
    assert shown(case, folder, old)["made_of"] == "unknown"
