"""Cases of a batch as they lie in a folder, and somebody who works on them."""

import json
import time

from InnerEarSegLib.batch.finished import names_to_keep
from InnerEarSegLib.batch.receipt import receipt_of, write_receipt
from InnerEarSegLib.batch.standing import Standing
from InnerEarSegLib.io.result_folder import Output

EAR = {
    "side": "left",
    "labyrinth_volume_mm3": 214.0,
    "landmarks": [
        {"name": name, "ras_mm": [1.0, 2.0, 3.0], "confidence": 0.9, "radius_90_mm": 0.5}
        for name in ("helicotrema", "oval window", "round window")
    ],
    "quality": {"verdict": "good", "reasons": [], "expected_dice": 0.97},
}
RESULT = {
    "ears": [EAR],
    "model": {"name": "Model", "version": "2", "sha256": "sha"},
    "device": "cpu",
    "seconds": {"read": 1.0},
    "warnings": [],
}
MARKS = [{**mark, "state": "automatic"} for mark in EAR["landmarks"]]
MEASURED = {
    "made_by": "InnerEarSeg 1",
    "made_of": "automatic",
    "ears": [
        {
            "side": "left",
            "measurements": [
                {"key": "a_diameter", "value": 9.1},
                {"key": "labyrinth_volume", "value": 214.0},
            ],
            "segment": "automatic",
            "landmarks": MARKS,
        }
    ],
}
OURS = {
    "scene.mrb": b"scene",
    "measurements.json": json.dumps(MEASURED).encode(),
    "measurements.csv": b"side,key,label,\n",
    "result.json": json.dumps(RESULT).encode(),
}
DAY = f"earlier-{time.strftime('%Y-%m-%d')}"


def publish(case, out, content="", model="sha", receipt=True, more=None):
    """A case's files, and if wanted more of them by name, as a worker publishes them."""
    output = Output(out / case.name, names_to_keep)
    with output.staging() as stage:
        for name, raw in {**OURS, **(more or {})}.items():
            (stage / name).write_bytes(raw + content.encode() * (name == "scene.mrb"))
        if receipt:
            write_receipt(receipt_of(case, model, out), stage, output.folder)
    return output.folder


def row(case, out, model="sha"):
    return Standing.of(case, model, out).row()


def first_form(folder):
    """The receipt as it was before it knew the files' content."""
    receipt = json.loads((folder / "case.json").read_text())
    for key in ("path", "output", "beside"):
        del receipt[key]
    receipt["results"] = sorted(set(receipt["results"]) - {"result.json"})
    (folder / "case.json").write_text(json.dumps(receipt))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def correct(folder):
    (folder / "scene.mrb").write_bytes(b"SCENE")  # as long as before


def add_report(folder):
    (folder / "report.html").write_text('<meta name="generator" content="InnerEarSeg 1">')


def save_beside(folder):
    (folder / "2026-11-25-Scene.mrb").write_bytes(b"corrected")
