"""Cases of a batch as they lie in a folder, and a user who works on them."""

import csv
import json
import time

from InnerEarSegLib.batch.status import about, status_of
from InnerEarSegLib.io.result_folder import ResultFolder
from InnerEarSegLib.types import Findings

EAR = {
    "side": "left",
    "labyrinth_volume_mm3": 214.0,
    "landmarks": [{"name": name, "ras_mm": [1.0, 2.0, 3.0], "confidence": 0.9, "radius_90_mm": 0.5}
                  for name in ("helicotrema", "oval window", "round window")],
    "quality": {"verdict": "good", "reasons": []},
    "findings": json.loads(json.dumps(Findings(3, edge_width_mm=0.55, metal_mm3=2.0).to_json())),
}  # fmt: skip
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
    "ears": [{
        "side": "left", "segment": "automatic", "landmarks": MARKS,
        "measurements": [{"key": "a_diameter", "value": 9.1},
                         {"key": "labyrinth_volume", "value": 214.0}],
    }],
}  # fmt: skip
FILES = {
    "scene.mrb": b"scene",
    "measurements.json": json.dumps(MEASURED).encode(),
    "measurements.csv": b"side,key,label,\n",
    "result.json": json.dumps(RESULT).encode(),
}
TODAY = f"-earlier-{time.strftime('%Y-%m-%d')}"


def publish(case, out, content="", model="sha", more=None, ct="ct"):
    """A case's files, and if wanted more of them by name, as a worker publishes them."""
    output = ResultFolder(out / case.name)
    with output.replacing({**about(case, out), "model": model, "ct_sha256": ct}) as stage:
        for name, raw in {**FILES, **(more or {})}.items():
            (stage / name).write_bytes(raw + content.encode() * (name == "scene.mrb"))
    return output.folder


def row(case, out, model="sha"):
    return status_of(out / case.name, case, model).row(case)


def listed(folder, *lines, name="list.csv"):
    """Write a list of CTs."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def table(folder):
    """Read a batch's cases.csv by the names of its cases."""
    with (folder / "cases.csv").open(encoding="utf-8-sig", newline="") as file:
        return {each["case"]: each for each in csv.DictReader(file)}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def correct(folder):
    (folder / "scene.mrb").write_bytes(b"SCENE")  # as long as before


def add_report(folder):
    (folder / "report.html").write_text('<meta name="generator" content="InnerEarSeg 1">')


def save_beside(folder):
    (folder / "2026-11-25-Scene.mrb").write_bytes(b"corrected")
