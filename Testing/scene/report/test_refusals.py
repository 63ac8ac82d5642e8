"""What ``innerearseg report`` refuses, and a page that a real browser prints."""

import importlib.util
import re
import shutil
import subprocess

import pytest

from InnerEarSegLib.cli.main import main

from .subjects import saved, truth_of


def test_refusals(result_folder, synthetic_ear, tmp_path, monkeypatch, capsys):
    several = tmp_path / "several.mrb"
    saved(several, truth_of(synthetic_ear), synthetic_ear.ct, synthetic_ear.ct)
    (tmp_path / "broken.mrb").write_bytes(b"no zip")
    (tmp_path / "note.txt").write_text("x")
    before = sorted(tmp_path.iterdir())
    for arguments, said in (
        ([tmp_path / "gone"], "does not exist"),
        ([tmp_path], "holds no scene.mrb"),
        ([tmp_path / "note.txt"], "neither a folder nor a Slicer scene"),
        ([tmp_path / "broken.mrb"], "cannot be opened"),
        ([several], "results of 2 CTs; choose one with --ct, by its name"),
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
    assert pages == 6  # measurements, landmarks, cochlea and labyrinth, duct, definitions (2)
