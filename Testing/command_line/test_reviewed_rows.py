"""The row of a case that the user has worked on."""

import copy
import json

import pytest

from InnerEarSegLib.batch.summary import as_json, cells
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.mrml.files import write_bundle
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.volumes import add_volume

from ..scene.report.subjects import truth_of
from .finished_cases import MARKS, MEASURED, publish, row


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
    assert (table["left_verdict"], table["left_expected_dice"]) == ("good", None)
    assert "left 230 mm³ good" in row(case, tmp_path / "out").sentence


@pytest.mark.parametrize("said", [True, False])
def test_a_segment_that_was_removed_has_no_volume_and_no_dice(case, tmp_path, said):
    """Also where measurements of an earlier version call what is left automatic."""
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    measured["ears"][0]["measurements"] = []
    if said:
        measured["made_of"] = "reviewed"
        measured["ears"][0]["segment"] = "removed"
    table = shown(case, folder, measured)
    assert table["values"] == "reviewed"
    for name in ("volume_mm3", "expected_dice", "a_diameter_mm"):
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


def test_the_advice_is_true_where_the_scene_has_no_landmarks_any_more(
    case, tmp_path, capsys, synthetic_ear
):
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
