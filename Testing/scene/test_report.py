"""``innerearseg report``: what it shows, what it counts, and what it never tells."""

import csv
import importlib.util
import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from InnerEarSegLib.cli import report_command
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.derived import DERIVED
from InnerEarSegLib.geometry import Geometry, Volume
from InnerEarSegLib.output import Output
from InnerEarSegLib.reading.volume import read_ct
from InnerEarSegLib.report.handover import read_subject, write_subject
from InnerEarSegLib.report.planes import LOW_HU, PIXELS, draw, orthogonal_planes
from InnerEarSegLib.report.privacy import LEFT_OUT, SEVERAL, without_names
from InnerEarSegLib.report.subject import ReviewedEar
from InnerEarSegLib.results import AUXILIARY, LANDMARKS, Ear, Landmark, ModelIdentity, Segmentation
from InnerEarSegLib.scene.boot import headless_scene
from InnerEarSegLib.scene.find_results import find_results
from InnerEarSegLib.scene.landmark_memory import remember_confirmed, set_position
from InnerEarSegLib.scene.populate import add_result
from InnerEarSegLib.scene.report_subject import subject_of
from InnerEarSegLib.scene.save import write_bundle, write_scene
from InnerEarSegLib.scene.volume_node import add_volume
from InnerEarSegLib.scene.window import can_render
from Testing.command_line.make_ct import phantom
from Testing.command_line.make_dicom import uid, write_series

MODEL = ModelIdentity("Test model", "1.2.3", "ab" * 32)


def truth_of(ear) -> Segmentation:
    """A result as good as the generator's own truth."""
    marks = {
        name: Landmark(name, tuple(map(float, ras)), 0.9, 0.5)
        for name, ras in ear.landmarks.items()
    }
    volume = float(ear.labels.array.sum() * ear.labels.geometry.voxel_volume)
    found = Ear(
        ear.side, ear.labels.array, ear.labels.geometry, tuple(marks[n] for n in LANDMARKS), volume,
        auxiliary=tuple(marks[name] for name in AUXILIARY),
    )  # fmt: skip
    return Segmentation((found,), MODEL, "cpu")


@pytest.fixture(scope="module")
def result_folder(synthetic_ear, tmp_path_factory):
    """As ``innerearseg segment`` leaves it, but that the ear is the generator's truth."""
    folder = tmp_path_factory.mktemp("result")
    write_scene(synthetic_ear.ct, truth_of(synthetic_ear), folder)
    return folder


@pytest.fixture
def in_3d():
    """Wanted by tests that look at the pictures in 3D."""


@pytest.fixture(autouse=True)
def flat(request, monkeypatch):
    """Spares the process that draws in 3D, but for tests that ask for it."""
    if "in_3d" not in request.fixturenames:
        monkeypatch.setattr("InnerEarSegLib.scene.ear_views.draw_in_child", lambda folder: "")


class Outside(HTMLParser):
    """Whatever in a page would need something that is not in it."""

    def __init__(self):
        super().__init__()
        self.found, self.pictures, self.words = [], 0, []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        self.found += [name for name in values if name == "src" or name.startswith("on")]
        target = values.get("href")
        if target is not None:
            self.pictures += target.startswith("data:image/png;base64,")
            self.found += [] if target.startswith("data:image/png;base64,") else [target]

    def handle_data(self, data):
        self.words.append(data)


def looked_at(path):
    parser = Outside()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def words_of_pdf(path):
    """All that a PDF holds, its streams unpacked; texts in its own fonts are there as they are."""
    raw = path.read_bytes()
    stream = re.compile(
        rb"<<([^<>]*(?:<<[^<>]*>>[^<>]*)*)>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL
    )
    unpacked = [stream.sub(rb"<<\1>>", raw)]
    for description, content in stream.findall(raw):
        if b"/Image" not in description:
            unpacked.append(zlib.decompress(content) if b"Flate" in description else content)
    return b"\n".join(unpacked).decode("latin-1")


def test_a_page_a_pdf_and_the_numbers(result_folder, in_3d, capsys):
    assert main(["report", str(result_folder), "--pdf"]) == 0
    names = ("report.html", "report.pdf", "measurements.csv", "measurements.json")
    assert capsys.readouterr().out.split() == [str(result_folder / name) for name in names]
    page = looked_at(result_folder / "report.html")
    text = " ".join(page.words)
    assert page.found == []
    # 3 planes of 3 landmarks, 2 of the cochlea, 2 in 3D; the cochlea's and the 3D ones twice.
    assert page.pictures == (17 if can_render() else 13)
    for said in ("not a medical device", "Test model 1.2.3", "ab" * 32, "Quality: good",
                 "Helicotrema", "within 0.5 mm in 90 % of cases", "A diameter"):  # fmt: skip
        assert said in text, said
    html = (result_folder / "report.html").read_text(encoding="utf-8")
    assert "style>" not in text and "url(" not in html
    numbers = json.loads((result_folder / "measurements.json").read_text(encoding="utf-8"))
    with (result_folder / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert numbers["made_of"] == "automatic"
    for item in numbers["ears"][0]["measurements"]:
        assert float(rows[item["key"]]["value"]) == item["value"]
    shown = rows["a_diameter"]
    value, spread = float(shown["value"]), float(shown["uncertainty_90"])
    assert f"{value:.1f} ± {spread:.1f} mm" in text
    assert "Not a medical device" in words_of_pdf(result_folder / "report.pdf")


def reviewed(synthetic_ear, tmp_path):
    """A scene in which one landmark was corrected by 0.5 mm and one confirmed."""
    path = tmp_path / "reviewed.mrb"
    with headless_scene() as session:
        volume = add_volume(session.scene, synthetic_ear.ct)
        add_result(session.scene, volume, truth_of(synthetic_ear))
        (node,) = find_results(session.scene, volume).landmarks.values()
        r, a, s = synthetic_ear.landmarks["oval window"]
        set_position(node, "oval window", (r + 0.3, a - 0.4, s))
        remember_confirmed(node, "oval window")
        remember_confirmed(node, "round window")
        write_bundle(session.scene, path)
        return path, subject_of(session.scene, volume)


def test_what_the_user_did_is_said_and_counts(synthetic_ear, tmp_path, capsys):
    path, subject = reviewed(synthetic_ear, tmp_path)
    assert main(["report", str(path), "--output", str(tmp_path / "new" / "o1.html")]) == 0
    text = " ".join(looked_at(tmp_path / "new" / "o1.html").words)
    assert "corrected and confirmed" in text and "moved by 0.5 mm" in text
    assert "Nobody has confirmed or corrected: helicotrema." in text
    states = [(x.state, x.moved_mm, x.settled, x.radius_mm) for x in subject.ears[0].landmarks]
    assert states == [
        ("automatic", pytest.approx(0.0, abs=1e-3), False, 0.5),
        ("corrected", pytest.approx(0.5, abs=1e-3), True, None),  # whose radius is not the model's
        ("confirmed", pytest.approx(0.0, abs=1e-3), True, 0.5),
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
    ours, theirs = subject.ears[0], back.ears[0]
    for ear in (ours, theirs):
        assert ear.labyrinth.any()
    assert np.array_equal(ours.labyrinth, theirs.labyrinth)
    assert np.array_equal(ours.ct.array, theirs.ct.array)
    assert np.allclose(ours.ct.geometry.ijk_to_ras, theirs.ct.geometry.ijk_to_ras)
    assert (ours.landmarks, ours.auxiliary, ours.radii, ours.quality, ours.edited) == (
        theirs.landmarks, theirs.auxiliary, theirs.radii, theirs.quality, theirs.edited,
    )  # fmt: skip
    assert (back.model, back.spacing_mm) == (MODEL, subject.spacing_mm)


def test_a_new_result_takes_its_old_report_away_and_no_other_file(result_folder, tmp_path, capsys):
    assert (
        main(["report", str(result_folder), "--pdf", "--output", str(tmp_path / "report.html")])
        == 0
    )
    assert {path.name for path in tmp_path.iterdir()} == set(DERIVED)
    (tmp_path / "measurements.csv").write_text("patient,age\n")
    with Output(tmp_path).staging() as stage:
        (stage / "result.json").write_text("{}")
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "measurements.csv"}
    assert main(["report", str(result_folder), "--output", str(tmp_path / "report.html")]) == 2
    assert "not made by InnerEarSeg" in capsys.readouterr().err
    assert (tmp_path / "measurements.csv").read_text() == "patient,age\n"


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
    assert f"{tmp_path / 'measurements.json'} cannot be written" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.undo()
    (tmp_path / "measurements.csv").unlink()
    (tmp_path / "measurements.csv").mkdir()
    assert main([*arguments, "--pdf"]) == 2
    assert "measurements.csv is a folder" in capsys.readouterr().err
    assert page.read_bytes() == before[page]


def test_an_old_pdf_does_not_stay_beside_a_new_page(result_folder, tmp_path, capsys):
    arguments = ["report", str(result_folder), "--output", str(tmp_path / "a.html")]
    assert main([*arguments, "--pdf"]) == 0 and main(arguments) == 0
    assert not (tmp_path / "a.pdf").exists()
    assert f"{tmp_path / 'a.pdf'} was of the earlier report" in capsys.readouterr().err
    (tmp_path / "a.pdf").write_bytes(b"%PDF of somebody else")
    assert main(arguments) == 0 and (tmp_path / "a.pdf").exists()
    assert capsys.readouterr().err == ""


# Who it is

TELLING = {
    "PatientName": "DOE^JANEQUERY",
    "PatientID": "PID-77123",
    "PatientBirthDate": "19610203",
    "AccessionNumber": "ACC90817",
    "InstitutionName": "Hospital Nowhere",
    "StudyDescription": "Petrous of Jane",
    "SeriesDescription": "Doe bone 0.6",
    "StudyDate": "20240517",
}


@pytest.fixture
def dicom_result(made, tmp_path):
    """A result of a DICOM folder named after its patient, with a choice of series."""
    folder = tmp_path / "Doe_Janequery_1961"
    write_series(folder, phantom((40, 60, 60)), ConvolutionKernel="B60", **TELLING)
    write_series(
        folder, phantom((12, 60, 60)), number=2, places=[5 + 2 * k for k in range(12)],
        ConvolutionKernel="B30", **TELLING | {"SeriesDescription": "Doe soft 2.0"},
    )  # fmt: skip
    ct = read_ct(folder)
    center = ct.geometry.center
    ear = made.ear("left", made.grid(np.eye(3), (0.3, 0.3, 0.3), center, (36, 40, 44)))
    result = Segmentation((ear,), MODEL, "cpu", warnings=ct.warnings)
    out = tmp_path / "Janequery_result"
    out.mkdir()
    write_scene(ct, result, out)
    return out, ct


def test_nothing_tells_whose_ears_they_are(dicom_result, tmp_path, capsys):
    out, ct = dicom_result
    told = ["Doe", "Janequery", "1961", str(tmp_path), *TELLING.values(), uid(1), uid(2)]
    told += [ct.name, "1.2.826", ".dcm", "DICOM"]
    assert any("bone 0.6" in warning for warning in ct.warnings)  # there is something to hide
    assert main(["report", str(out), "--pdf"]) == 0
    files = [out / name for name in ("report.html", "measurements.csv", "measurements.json")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    texts["report.pdf"] = words_of_pdf(out / "report.pdf")
    assert SEVERAL in texts["report.html"] and SEVERAL in texts["report.pdf"]
    for name, text in texts.items():
        plain = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text).lower()
        for word in told:
            assert word.lower() not in plain, (name, word)


def test_who_it_is_appears_as_it_was_typed(dicom_result, capsys):
    out, _ = dicom_result
    assert main(["report", str(out), "--pdf", "--patient", "Case <7> Müller"]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Case &lt;7&gt; Müller" in page and "<7>" not in page
    assert "Case <7> Müller" in words_of_pdf(out / "report.pdf")
    capsys.readouterr()
    assert main(["report", str(out), "--pdf", "--patient", "李"]) == 0
    assert "李" in (out / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().err == report_command.LETTERS + "\n"


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("Of 3 CT series in the folder, 1.2.3 'Doe' (0.6 mm, B60) was read.", (SEVERAL,)),
        ("doe.dcm is one slice of a series; the whole series was read.", ()),
        ("Something about /home/doe/ct.", (LEFT_OUT,)),
        ("Something about 1.2.840.113619.2.", (LEFT_OUT,)),
        ("The voxels are 0.9 mm along S.", ("The voxels are 0.9 mm along S.",)),
    ],
)
def test_sentences_without_names(sentence, left):
    assert without_names([sentence, sentence]) == left


# Pictures


def ear_of(ct, labyrinth, geometry):
    return ReviewedEar("right", ct, labyrinth, geometry, ())


def test_pictures_show_right_on_the_left_and_front_above():
    step, shape = 0.4, (61, 61, 61)
    matrix = np.diag([step, step, step, 1.0])
    matrix[:3, 3] = (-12.0, -12.0, -12.0)
    geometry = Geometry(matrix, shape)
    r, a, s = geometry.to_ras(np.indices(shape)[::-1].transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    hu = 500 + 100 * r + 30 * a - 20 * s  # linear: exact wherever it is sampled
    distance = np.sqrt(r**2 + a**2 + s**2)
    ear = ear_of(Volume(hu, geometry), (distance < 4.0).astype(np.uint8), geometry)
    for plane, right, up in zip(
        orthogonal_planes((0.0, 0.0, 0.0)),
        ((-1, 0, 0), (-1, 0, 0), (0, -1, 0)),
        ((0, 1, 0), (0, 0, 1), (0, 0, 1)),
        strict=True,
    ):
        pixels = draw(ear, plane).astype(int)
        for row, column in ((30, 400), (220, 20), (410, 215)):
            x, y = (column + 0.5) / PIXELS * 20 - 10, 10 - (row + 0.5) / PIXELS * 20
            place = x * np.array(right) + y * np.array(up)
            expected = 500 + place @ (100, 30, -20)
            assert pixels[row, column] == pytest.approx((expected - LOW_HU) / 4000 * 255, abs=1)
        edge = np.argwhere(pixels[..., 0] != pixels[..., 1])
        # A ball of 4 mm radius in a picture of 20 mm.
        assert np.ptp(edge, axis=0) == pytest.approx(np.full(2, 8 / 20 * PIXELS), abs=10)
    letters = [plane.letters for plane in orthogonal_planes((0, 0, 0))]
    assert [(x["left"], x["top"]) for x in letters] == [("R", "A"), ("R", "S"), ("A", "S")]


def test_a_landmark_that_is_missing_has_no_pictures_and_stops_nothing(made, tmp_path, capsys):
    write_scene(made.ct, made.two, tmp_path)
    assert main(["report", str(tmp_path), "--pdf"]) == 0
    text = " ".join(looked_at(tmp_path / "report.html").words)
    assert "No position, so no pictures." in text and "left − right" in text.lower()
    assert "not found" in text


def test_a_landmark_that_was_taken_away_is_not_called_not_found(synthetic_ear, tmp_path, capsys):
    path = tmp_path / "removed.mrb"
    with headless_scene() as session:
        volume = add_volume(session.scene, synthetic_ear.ct)
        add_result(session.scene, volume, truth_of(synthetic_ear))
        (node,) = find_results(session.scene, volume).landmarks.values()
        set_position(node, "helicotrema", None)
        write_bundle(session.scene, path)
    assert main(["report", str(path), "--output", str(tmp_path / "out" / "page.html")]) == 0
    text = " ".join(looked_at(tmp_path / "out" / "page.html").words)
    assert "Other than the automatic result: helicotrema removed by hand." in text
    assert "not found" not in text
    numbers = json.loads((tmp_path / "out" / "page.measurements.json").read_text(encoding="utf-8"))
    assert numbers["made_of"] == "reviewed"


def test_without_opengl_the_rest_is_there(result_folder, in_3d, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("InnerEarSegLib.scene.ear_views.sys.executable", "/bin/false")
    page = tmp_path / "report.html"
    assert main(["report", str(result_folder), "--output", str(page)]) == 0
    parser = looked_at(page)
    assert "3D views are missing" in " ".join(parser.words) and parser.pictures == 13


# Refusals


def test_refusals(result_folder, synthetic_ear, tmp_path, monkeypatch, capsys):
    several = tmp_path / "several.mrb"
    with headless_scene() as session:
        for name in ("one", "two"):
            volume = add_volume(session.scene, replace(synthetic_ear.ct, name=name))
            add_result(session.scene, volume, truth_of(synthetic_ear))
        write_bundle(session.scene, several)
    (tmp_path / "broken.mrb").write_bytes(b"no zip")
    (tmp_path / "note.txt").write_text("x")
    before = sorted(tmp_path.iterdir())
    for arguments, said in (
        ([tmp_path / "gone"], "does not exist"),
        ([tmp_path], "holds no scene.mrb"),
        ([tmp_path / "note.txt"], "neither a folder nor a Slicer scene"),
        ([tmp_path / "broken.mrb"], "cannot be opened"),
        ([several], "results of 2 CTs; choose one with --ct: 'one', 'two'"),
        ([several, "--ct", "three"], "no results of InnerEarSeg for a CT named 'three'"),
        ([result_folder, "--output", tmp_path / "report.docx"], "ends in .html"),
        ([result_folder, "--output", tmp_path / "note.txt" / "r.html"], "cannot be written"),
    ):
        assert main(["report", *map(str, arguments)]) == 2
        errors = capsys.readouterr().err
        assert said in errors and errors.startswith("innerearseg: "), errors
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["report", str(result_folder), "--pdf", "--output", str(tmp_path / "r.html")]) == 2
    assert "pip install fpdf2" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_prints_from_a_browser(result_folder, in_3d, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["report", str(result_folder), "--output", str(page)]) == 0
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}",
        "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'printed.pdf'}", page.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "printed.pdf").read_bytes()))
    assert pages == 4  # measurements, landmarks, cochlea and labyrinth, definitions
