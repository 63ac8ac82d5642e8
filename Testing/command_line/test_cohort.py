"""A folder of CTs to tables, a page, and corrections of many cases with one command."""

import json
import re
import shutil
import signal

import numpy as np
import pytest

from InnerEarSegLib.batch.folder import find_cases
from InnerEarSegLib.batch.summary import Row
from InnerEarSegLib.batch.tables import tables
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.cochlea.arrays import choose, read_arrays
from InnerEarSegLib.cochlea.insertion import insert
from InnerEarSegLib.cochlea.measurements import measure
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.mrml.files import write_bundle
from InnerEarSegLib.mrml.landmarks import confirm, position_of, set_position
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.subject import cts_with_results, open_scene

from .conftest import REPOSITORY, start
from .finished_cases import listed, table
from .make_ct import phantom, write
from .make_dicom import uid, write_series

SMALL = phantom((12, 16, 20))
SCANNER = {
    "Manufacturer": "SIEMENS", "ManufacturerModelName": "SOMATOM", "ConvolutionKernel": "H70s",
    "SliceThickness": 0.7,
}  # fmt: skip


def found(folder, output=None):
    """What a folder holds, as names and reasons."""
    cohort = find_cases(folder, output or folder / "out")
    cases = {case.name: (case.image, case.source.series) for case in cohort.cases}
    return cases, {each.name: each.reason for each in cohort.skipped}, cohort.ignored


def test_every_ct_of_a_folder_is_a_case(tmp_path):
    data = tmp_path / "data"
    (data / "P 1").mkdir(parents=True)
    write(data / "P 1" / "ct.nii.gz")
    write(data / "P 1" / "seg.seg.nrrd")
    (data / ".hidden").mkdir()
    write(data / ".hidden" / "x.nrrd")
    (data / "empty.nrrd").touch()
    (data / "letter.pdf").write_bytes(b"%PDF")
    for number, patient in ((1, "A"), (2, "B")):
        write_series(data / "both", SMALL, number=number, SeriesNumber=number, PatientID=patient)
    write_series(data / "both", SMALL[:1], number=3, ImageType=["ORIGINAL", "LOCALIZER"])
    write_series(data / "mr" / "s1", SMALL, number=4, Modality="MR")
    reformat = {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}
    write_series(data / "c", SMALL, number=5, StudyInstanceUID="1.5")
    write_series(data / "c", SMALL, number=6, StudyInstanceUID="1.5", **reformat)
    write_series(data / "mpr alone", SMALL, number=7, StudyInstanceUID="1.7", **reformat)
    # A CD's series over two folders, and two patients to whom one number was given.
    write_series(data / "cd" / "1", SMALL, number=8, skip=tuple(range(6, 12)))
    write_series(data / "cd" / "2", SMALL, number=8, skip=tuple(range(6)))
    for patient in "xy":
        write_series(data / patient, SMALL, number=9, PatientID=patient)
    results = data / "results" / "case"
    results.mkdir(parents=True)
    (results / "case.json").write_text(json.dumps({"results": {}}))
    write(results / "x.nrrd")

    cases, skipped, left_out = found(data)
    assert cases == {
        "P 1_ct": ("P 1/ct.nii.gz", None), "empty": ("empty.nrrd", None), "c": ("c", uid(5)),
        "both-1": ("both", uid(1)), "both-2": ("both", uid(2)), "mpr alone": ("mpr alone", uid(7)),
        "cd": ("cd", uid(8)), "x": ("x", uid(9)), "y": ("y", uid(9)),
    }  # fmt: skip
    assert sorted(name.partition("-")[0] for name in skipped) == ["both", "c", "mr_s1"]
    assert skipped["mr_s1"] == "its modality is MR, not CT" and "a scout" in skipped.values()
    assert left_out == ("2 of another kind",)
    (case,) = (case for case in find_cases(data / "both", data).cases if case.name == "both-1")
    assert case.image == "."  # the folder itself


@pytest.mark.parametrize("make", [lambda data: None, lambda data: (data / "a.txt").touch()])
def test_a_folder_without_a_ct_is_refused(tmp_path, make, capfd):
    make(tmp_path)
    assert main(["batch", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert capfd.readouterr().err.endswith("holds no CT.\n")
    write_series(tmp_path / "mr", SMALL, Modality="MR")
    with pytest.raises(UnusableInput, match=r"holds no CT \(mr: its modality is MR, not CT\)"):
        find_cases(tmp_path, tmp_path / "out")


@pytest.fixture(scope="module")
def cohort(synthetic_file, tmp_path_factory):
    """(output folder, what was printed) of a real run: an ear, two patients, an MR, a broken CT."""
    data = tmp_path_factory.mktemp("cohort") / "data"
    (data / "Müller").mkdir(parents=True)
    shutil.copy(synthetic_file, data / "Müller" / "007.nrrd")
    for number, patient in ((1, "A"), (2, "B")):
        write_series(data / "both", SMALL, number=number, SeriesNumber=number, PatientID=patient,
                     **SCANNER)  # fmt: skip
    write_series(data / "mr", SMALL, number=4, Modality="MR")
    (data / "broken.nii.gz").write_bytes(b"\x1f\x8b\x08cut")
    process = start(
        "batch", data, "--output", data / "out", "--device", "cpu", "--workers", 1,
        "--array", "FLEX24",
    )  # fmt: skip
    text, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (4, "")
    return data / "out", text


def test_a_folder_is_segmented_and_what_is_no_ct_is_said(cohort):
    out, text = cohort
    assert "Found 4 CTs\nSkipped: mr (series" in text and "its modality is MR, not CT" in text
    assert "3 of 4 cases done, 1 failed" in text
    rows = table(out)
    assert {name: row["status"] for name, row in rows.items()} == {
        "Müller_007": "done", "both-1": "no ear", "both-2": "no ear", "broken": "failed",
        "mr": "skipped",
    }  # fmt: skip
    assert rows["both-1"]["series"] == uid(1)
    keys = ("manufacturer", "scanner", "kernel", "slice_mm", "spacing_i_mm", "spacing_k_mm")
    assert [rows["both-2"][key] for key in keys] == [
        "SIEMENS",
        "SOMATOM",
        "H70s",
        "0.7",
        "0.3",
        "0.6",
    ]
    assert "cannot be read" in rows["broken"]["reason"]


def read(out, name):
    """A table as docs/cohorts.md reads it."""
    pandas = pytest.importorskip("pandas")
    return pandas.read_csv(
        out / f"{name}.csv", dtype={"case": str}, keep_default_na=False, na_values=[""]
    )


def test_pandas_reads_the_tables_without_surprises(cohort):
    pandas = pytest.importorskip("pandas")
    out, _ = cohort
    cases, ears, values = (read(out, name) for name in ("cases", "ears", "measurements"))
    for frame in (cases, ears, values):
        assert [name for name in frame.columns if hasattr(pandas.DataFrame, name)] == []
    assert values.value.dtype == values.plus_minus.dtype == float
    (ear,) = ears.to_dict("records")
    assert (ear["case"], ear["ear"]) == ("Müller_007", "left")
    assert ears.metal.dtype == bool and not ear["metal"] and ear["closed_canals"] == 3
    assert ear["helicotrema_state"] == "automatic" and np.isnan(ear["slice_mm"])
    # One number, whichever way: the case's own file, the wide and the long table.
    (measured,) = json.loads((out / "Müller_007" / "measurements.json").read_bytes())["ears"]
    known = {item["key"]: item for item in measured["measurements"]}
    long = values[values.kind == "measurement"].set_index("name")
    for key, item in known.items():
        assert long.value[key] == item["value"] and (
            np.isnan(long.plus_minus[key]) or long.plus_minus[key] == item["uncertainty_90"]
        )
    assert ear["a_diameter_mm"] == known["a_diameter"]["value"]
    assert ear["duct_apical_angle_deg"] == known["duct_apical_angle"]["value"]
    assert long.remark["duct_lateral_wall"] == "an average cochlea extends what the segment shows"


def test_arrays_reach_as_far_as_in_a_plan(cohort):
    from InnerEarSegLib.cli.result import subject_of_result

    out, _ = cohort
    subject, _ = subject_of_result(out / "Müller_007")
    laid = insert(measure(subject.segmentation.ears[0]).duct, *choose(["FLEX24"], read_arrays()))
    values = read(out, "measurements").query("kind == 'array'").set_index("name")
    reach = values.loc["med_el_flex24_reach"]
    assert reach.value == pytest.approx(laid.reach_deg, abs=0.01) and reach.unit == "deg"
    assert reach.plus_minus == pytest.approx(laid.inside[-1].angle_uncertainty_90, abs=0.01)
    assert values.value["med_el_flex24_coverage_length"] == pytest.approx(20.9)
    (ear,) = read(out, "ears").to_dict("records")
    assert ear["med_el_flex24_reach_extrapolated"] == laid.inside[-1].extrapolated
    assert {"duct_lateral_wall", "duct_apical_angle"} <= {*ear["extrapolated"].split("; ")}
    assert "a_diameter" not in ear["extrapolated"]


def test_every_column_is_described():
    """Each table's columns, in order, are those of its section in docs/cohorts.md."""
    text = (REPOSITORY / "docs" / "cohorts.md").read_text(encoding="utf-8")
    described = {
        name: re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in lines))
        for name, body in re.findall(r"### `(\w+\.csv)`(.*?)(?=\n##|\Z)", text, re.DOTALL)
        if (lines := [line for line in body.splitlines() if line.startswith("| `")])
    }
    for name, content in tables([Row("a", "a.nii")]).items():
        titles = content.decode("utf-8-sig").splitlines()[0].split(",")
        assert described[name] == titles, name


def corrected_scene(folder):
    """Move the round window by 0.5 mm and confirm the helicotrema, in 3D Slicer's scene."""
    with headless_scene() as session:
        open_scene(session.scene, folder / "scene.mrb")
        (volume,) = cts_with_results(session.scene)
        node = find_results(session.scene, volume).landmarks["left"]
        r, a, s = position_of(node, "round window")
        set_position(node, "round window", (r + 0.5, a, s))
        confirm(node, "helicotrema")
        write_bundle(session.scene, folder / "scene.mrb")


def corrected_landmarks(folder):
    """Move the oval window by 1 mm, in the file of the landmarks alone."""
    path = folder / "landmarks_left.mrk.json"
    content = json.loads(path.read_text())
    content["markups"][0]["controlPoints"][1]["position"][2] += 1.0
    path.write_text(json.dumps(content))


def as_of_segment(folder):
    """Make a case of a batch what `innerearseg segment` writes: neither measured nor drawn."""
    manifest = json.loads((folder / "case.json").read_text())
    for name in ("measurements.json", "measurements.csv", "thumbnail_left.jpg"):
        (folder / name).unlink()
        del manifest["results"][name]
    kept = ("made_by", "ct_sha256", "model", "ct", "results")
    (folder / "case.json").write_text(json.dumps({k: manifest.get(k) for k in kept}))


def test_corrections_of_all_cases_come_into_tables_and_reports(
    cohort, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr("InnerEarSegLib.report.views.draw_in_child", lambda *_: "")
    made, _ = cohort
    out = tmp_path / "out"
    shutil.copytree(made, out)
    for name in ("scene", "points", "damaged"):
        shutil.copytree(out / "Müller_007", out / name)
    assert main(["plan", str(out / "scene")]) == 0
    corrected_scene(out / "scene")
    (out / "scene" / "labyrinth.seg.nrrd").write_bytes(b"NRRD no more")
    as_of_segment(out / "points")
    corrected_landmarks(out / "points")
    (out / "damaged" / "scene.mrb").write_bytes(b"PK no more")

    # Another batch into the folder says whose corrections its tables do not have.
    path = listed(tmp_path, "case,image", f"Müller_007,{made.parent / 'Müller' / '007.nrrd'}")
    assert main(["batch", str(path), "--output", str(out), "--device", "cpu"]) == 0
    said = capfd.readouterr().out
    assert (
        "scene (scene.mrb, labyrinth.seg.nrrd)" in said
        and "points (landmarks_left.mrk.json)" in said
    )
    assert f"innerearseg update {out}" in said
    assert table(out)["scene"]["uncounted"] == "scene.mrb; labyrinth.seg.nrrd"
    assert table(out)["scene"]["made_of"] == "automatic"

    assert main(["update", str(out)]) == 4
    said = capfd.readouterr().out
    assert (
        "scene: taken: left helicotrema confirmed, left round window corrected by 0.5 mm." in said
    )
    assert "labyrinth.seg.nrrd cannot be read and was not used" in said
    assert "saved again: duct.csv, plan.json." in said
    assert "points: taken: left oval window corrected by 1.0 mm. Taken from landmarks_left" in said
    assert "damaged: not updated: " in said and "cannot be opened as a Slicer scene" in said
    assert "Unchanged: Müller_007\n" in said
    cases, ears = read(out, "cases").set_index("case"), read(out, "ears").set_index("case")
    assert dict(ears.made_of) == {"Müller_007": "automatic", "scene": "reviewed",
                                  "points": "reviewed", "damaged": "automatic"}  # fmt: skip
    assert ears.round_window_state["scene"] == "corrected"
    assert ears.round_window_moved_mm["scene"] == pytest.approx(0.5, abs=0.002)
    assert ears.helicotrema_state["scene"] == "confirmed"
    assert ears.oval_window_state["points"] == "corrected"
    assert ears.a_diameter_mm["scene"] != ears.a_diameter_mm["Müller_007"]
    assert cases.uncounted.dropna().to_dict() == {
        "damaged": "scene.mrb", "scene": "labyrinth.seg.nrrd",
    }  # fmt: skip
    assert cases.status["mr"] == "skipped" and cases.status["broken"] == "failed"

    page = (out / "cohort.html").read_text(encoding="utf-8")
    cards = re.findall(r'<h3>(.*?), left</h3>.*?<a href="(.*?)"', page, re.DOTALL)
    assert {name: (out / link).exists() for name, link in cards if name in ("scene", "points")} == {
        "scene": True, "points": True,
    }  # fmt: skip
    assert dict(cards)["scene"] == "scene/report.html" and dict(cards)["damaged"] == "damaged/"
    assert page.count("data:image/jpeg") == 4 and "http" not in page

    shutil.rmtree(out / "damaged")
    assert main(["update", str(out)]) == 4  # for scene/labyrinth.seg.nrrd, which is said again
    assert "Unchanged: Müller_007, points\n" in capfd.readouterr().out


def test_the_doubtful_ears_come_first(tmp_path):
    from InnerEarSegLib.batch.page import cohort_page

    from .finished_cases import MARKS, RESULT

    def row(name, verdict, *reasons, **more):
        ear = RESULT["ears"][0] | {"quality": {"verdict": verdict, "reasons": [*reasons]}}
        return Row(name, "x.nii", "done", result=RESULT | {"ears": [ear]}, **more)

    wall = {"key": "duct_lateral_wall_360", "value": 21.9, "uncertainty_90": 0.5}
    items = [{"key": "a_diameter", "value": 9.1}, wall | {"extrapolated": True}]
    measured = {"side": "left", "segment": "automatic", "landmarks": MARKS, "measurements": items}
    rows = [row("a", "good", measurements={"made_of": "automatic", "ears": [measured]}),
            row("b", "check", "<one>"), row("c", "poor", "1"),
            row("d", "check", "1", "2"), Row("e", "e.nii", "failed", "cut short")]  # fmt: skip
    text = cohort_page(rows, tmp_path).decode()
    assert "A 9.1 mm · wall to 360° ≈ 21.9 ± 0.5 mm" in text
    assert re.findall(r"<h3>(\w), left</h3>", text) == ["c", "d", "b", "a"]
    assert "1 poor, 2 check, 1 good" in text and "&lt;one&gt;" in text
    assert text.index("cut short") < text.index("<h3>c")


def test_update_needs_a_cohort(tmp_path, capfd):
    for path, said in ((tmp_path / "no", "is no folder"), (tmp_path, "holds no results")):
        assert main(["update", str(path)]) == 2
        errors = capfd.readouterr().err
        assert said in errors and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a signal of POSIX")
def test_ctrl_c_while_workers_start_is_one_sentence(tmp_path, quick_model):
    write(tmp_path / "a.nrrd", SMALL)
    path = listed(tmp_path, "a.nrrd", name="l.txt")
    process = start(
        "batch", path, "--output", tmp_path / "out", "--model", quick_model, "--device", "cpu",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not (tmp_path / "out" / "cases.csv").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == "innerearseg: cancelled; the same command goes on from here.\n"
    assert table(tmp_path / "out")["a"]["status"] == "pending"
