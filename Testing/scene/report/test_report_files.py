"""``innerearseg report``: its files, what they hold, and what becomes of older ones."""

import csv
import json

import numpy as np
import pytest

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.cli.result import subject_of_result
from InnerEarSegLib.io.result_folder import NOTES
from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.report.files import Names, write_report
from InnerEarSegLib.report.subject import read_subject, write_subject
from InnerEarSegLib.report.views import can_render

from .subjects import MODEL, looked_at, reviewed, truth_of, words_of_pdf


def test_a_page_a_pdf_and_the_numbers(result_folder, in_3d, capsys):
    assert main(["report", str(result_folder), "--pdf"]) == 0
    names = ("report.html", "report.pdf", "measurements.csv", "measurements.json")
    assert capsys.readouterr().out.split() == [str(result_folder / name) for name in names]
    page = looked_at(result_folder / "report.html")
    text = " ".join(page.words)
    assert page.found == []
    # 3 planes of 3 landmarks, 2 of the cochlea, 2 in 3D; these four twice; 2 of the duct.
    assert page.pictures == (19 if can_render() else 15)
    for said in ("not a medical device", "Test model 1.2.3", "ab" * 32, "Quality: good",
                 "Helicotrema", "within 0.5 mm in 90 % of specimens, a lower bound for patients",
                 "A diameter"):  # fmt: skip
        assert said in text, said
    html = (result_folder / "report.html").read_text(encoding="utf-8")
    assert "style>" not in text and "url(" not in html
    numbers = json.loads((result_folder / "measurements.json").read_text(encoding="utf-8"))
    with (result_folder / "measurements.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert numbers["made_of"] == "automatic"
    for item in numbers["ears"][0]["measurements"]:
        assert float(rows[item["key"]]["value"]) == item["value"]
    shown = rows["a_diameter"]
    value, spread = float(shown["value"]), float(shown["uncertainty_90"])
    assert f"{value:.1f} ± {spread:.1f} mm" in text
    assert "Not a medical device" in words_of_pdf(result_folder / "report.pdf")


def test_what_the_user_did_is_said_and_counts(synthetic_ear, tmp_path, capsys):
    path, subject = reviewed(synthetic_ear, tmp_path)
    assert main(["report", str(path), "--output", str(tmp_path / "new" / "o1.html")]) == 0
    text = " ".join(looked_at(tmp_path / "new" / "o1.html").words)
    assert "corrected and confirmed" in text and "moved by 0.5 mm" in text
    assert "Not yet reviewed: helicotrema." in text
    states = [(x.state, x.moved_mm, x.confirmed) for x in subject.segmentation.ears[0].landmarks]
    assert states == [
        ("automatic", pytest.approx(0.0, abs=1e-3), False),
        ("corrected", pytest.approx(0.5, abs=1e-3), True),
        ("confirmed", pytest.approx(0.0, abs=1e-3), True),
    ]
    numbers = json.loads((tmp_path / "new" / "o1.measurements.json").read_text(encoding="utf-8"))
    keyed = {item["key"]: item["value"] for item in numbers["ears"][0]["measurements"]}
    oval = np.add(synthetic_ear.landmarks["oval window"], (0.3, -0.4, 0.0))
    expected = np.linalg.norm(oval - synthetic_ear.landmarks["round window"])
    assert keyed["round_window_to_oval_window"] == pytest.approx(expected, abs=2e-3)
    assert numbers["made_of"] == "reviewed" and numbers["ears"][0]["segment"] == "automatic"
    mark = numbers["ears"][0]["landmarks"][1]
    assert (mark["name"], mark["state"], mark["confirmed"]) == ("oval window", "corrected", True)
    assert mark["ras_mm"] == pytest.approx(oval, abs=1e-3) and mark["radius_90_mm"] is None


def test_a_subject_survives_the_way_to_the_worker(synthetic_ear, tmp_path):
    _, subject = reviewed(synthetic_ear, tmp_path)
    write_subject(subject, tmp_path)
    back = read_subject(tmp_path)
    (ours,), (theirs,) = subject.segmentation.ears, back.segmentation.ears
    assert ours.labyrinth.any() and np.array_equal(ours.labyrinth, theirs.labyrinth)
    ct, ct_back = subject.cts[ours.side], back.cts[ours.side]
    assert np.array_equal(ct.array, ct_back.array)
    assert np.allclose(ct.geometry.ijk_to_ras, ct_back.geometry.ijk_to_ras)
    assert ours.review_to_json() == theirs.review_to_json()
    assert (ours.auxiliary, ours.quality) == (theirs.auxiliary, theirs.quality)
    assert ours.findings == theirs.findings
    assert (back.segmentation.model, back.spacing_mm) == (MODEL, subject.spacing_mm)
    measured, measured_back = subject.measurements[ours.side], back.measurements[ours.side]
    assert measured.to_json() == measured_back.to_json()


def test_all_files_or_none(result_folder, tmp_path, monkeypatch, capsys):
    page = tmp_path / "report.html"
    arguments = ["report", str(result_folder), "--output", str(page)]
    assert main([*arguments, "--pdf"]) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    real = type(page).replace

    def refuses(path, target):
        if path.name == target.name == "measurements.json":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, target)

    monkeypatch.setattr(type(page), "replace", refuses)
    capsys.readouterr()
    assert main(arguments) == 2
    assert f"{tmp_path / 'measurements.json'} cannot be replaced" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_plans_and_surfaces_go_with_a_correction_and_only_then(synthetic_ear, tmp_path):
    folder = tmp_path / "result"
    folder.mkdir()
    write_scene(synthetic_ear.ct, truth_of(synthetic_ear), folder)

    def names():
        return {path.name for path in folder.iterdir()} - {NOTES}

    def report(page):
        return write_report([], subject_of_result(folder)[0], Names(page))

    before = names()
    assert main(["plan", str(folder), "--array", "FLEX24"]) == 0
    assert main(["mesh", str(folder)]) == 0
    of_ears = names() - before
    assert of_ears >= {"plan.json", "duct.csv", "contacts.csv"} and len(of_ears) == 4
    page = folder / "report.html"
    assert report(page) == [] and names() >= of_ears
    (path,) = folder.glob("landmarks_*.mrk.json")
    content = json.loads(path.read_text())
    content["markups"][0]["controlPoints"][0]["position"][2] += 0.3
    path.write_text(json.dumps(content))
    (folder / "duct.csv").write_text("with a column of mine")
    assert report(tmp_path / "elsewhere" / page.name) == [] and names() >= of_ears
    removed, renamed = report(page)
    gone = ", ".join(sorted(of_ears - {"duct.csv"}))
    assert f"saved again: {gone}. `innerearseg plan`" in removed
    (aside,) = folder.glob("duct-earlier-*.csv")
    assert aside.read_text() == "with a column of mine" and str(aside) in renamed
    assert not of_ears & names() and report(page) == []


def test_an_old_pdf_does_not_stay_beside_a_new_page(result_folder, tmp_path, capsys):
    arguments = ["report", str(result_folder), "--output", str(tmp_path / "a.html")]
    assert main([*arguments, "--pdf"]) == 0 and main(arguments) == 0
    assert not (tmp_path / "a.pdf").exists()
    assert f"{tmp_path / 'a.pdf'} was of the earlier report" in capsys.readouterr().err
    assert main([*arguments, "--pdf"]) == 0
    signed = (tmp_path / "a.pdf").read_bytes() + b"signature\n%%EOF\n"
    (tmp_path / "a.pdf").write_bytes(signed)
    assert main(arguments) == 0
    (aside,) = tmp_path.glob("a-earlier-*.pdf")
    assert aside.read_bytes() == signed and str(aside) in capsys.readouterr().err
    (tmp_path / "a.pdf").write_bytes(b"%PDF of another program")
    assert main(arguments) == 0 and capsys.readouterr().err == ""
    assert (tmp_path / "a.pdf").read_bytes() == b"%PDF of another program"
