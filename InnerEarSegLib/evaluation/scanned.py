"""A model on specimens scanned again by simulation, and on heads without a reference.

    python -m InnerEarSegLib.evaluation.scanned --data DATA --model MODEL.pt --output OUT.json \
        [--cases F06,T03,F13] [--heads HEAD ...]
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..decoding.topology import count_canals
from ..finding.pose import fit_pose
from ..geometry import Volume
from ..inferring.bundle import Bundle, load_bundle
from ..model_file import bundled_model
from ..reading.dataset import read_case
from ..reading.volume import read_ct
from ..results import HELICOTREMA, LANDMARKS, OVAL_WINDOW, Ear
from ..segment import segment
from ..training.cases import TrainingCase, training_case
from ..training.scanner import AXIAL_NORMAL, Protocol, axes_across, scan
from .metrics import measure

PROTOCOLS = {
    "cone beam": Protocol(0.3, 0.5, 0.3, 0.3, 0.2, 60.0, 0.5),
    "bone kernel": Protocol(0.45, 0.65, 0.6, 0.6, 0.5, 60.0, 0.5),
    "soft kernel": Protocol(0.5, 1.1, 1.0, 1.0, 0.0, 20.0, 0.9),
}
"""Cone beam of 0.3 mm; 0.45 x 0.45 x 0.6 mm bone; 0.5 x 0.5 x 1.0 mm soft."""


def scanned_again(case: TrainingCase, protocol: Protocol, template: dict) -> Volume:
    """A specimen in a simulated scan, lying as in a patient; the same in every call."""
    rng = np.random.default_rng(zlib.crc32(f"{case.name} {protocol}".encode()))
    pose = fit_pose(template, case.landmarks).matrix
    normal = AXIAL_NORMAL + 0.15 * rng.normal(size=3)
    axes = axes_across(pose[:3, :3] @ normal, rng)
    ct, geometry = scan(torch.from_numpy(case.ct).float(), case.geometry, axes, protocol, rng)
    return Volume(ct.round().to(torch.int16).numpy(), geometry, case.name)


def canals_of(ear: Ear) -> int | None:
    """Closed canals of an ear; None without its landmarks."""
    at = {landmark.name: landmark.ras for landmark in ear.landmarks}
    oval, apex = at[OVAL_WINDOW], at[HELICOTREMA]
    if oval is None or apex is None:
        return None
    return count_canals(ear.labyrinth, ear.geometry.ijk_to_ras, np.array(oval), np.array(apex))


def row(name: str, kind: str, ear: Ear | None) -> dict[str, Any]:
    """What is known without a reference."""
    if ear is None:
        return {"case": name, "scan": kind, "found": False}
    return {
        "case": name,
        "scan": kind,
        "found": True,
        "side": ear.side,
        "canals": canals_of(ear),
        "volume": ear.volume_mm3,
        "verdict": ear.quality.verdict,
        "reasons": list(ear.quality.reasons),
        "expected_dice": ear.quality.expected_dice,
        "signs": dict(ear.signs),
    }


def evaluate_scans(case: TrainingCase, bundle: Bundle) -> list[dict[str, Any]]:
    """One specimen on its own grid and in each protocol, against its labels."""
    own = Volume(case.ct, case.geometry, case.name)
    scans = {"own grid": own} | {
        kind: scanned_again(case, how, bundle.template) for kind, how in PROTOCOLS.items()
    }
    rows = []
    for kind, ct in scans.items():
        started = time.monotonic()
        ears = segment(ct, bundle).ears
        seconds = time.monotonic() - started
        ear = ears[0] if ears else None
        found = row(case.name, kind, ear) | {"seconds": seconds}
        if ear is not None:
            metrics = measure(ear, case.labels, case.geometry, case.landmarks, case.side)
            errors = [metrics.landmark_mm[name] for name in LANDMARKS]
            found |= {
                "dice": metrics.masks.dice if metrics.masks else None,
                "assd": metrics.masks.assd_mm if metrics.masks else None,
                "volume_error": metrics.masks.volume_error if metrics.masks else None,
                "landmarks": [None if e is None else round(e, 3) for e in errors],
                "side_right": metrics.side_right,
            }
        rows.append(found)
        print(_line(found), flush=True)
    return rows


def evaluate_head(path: Path, bundle: Bundle) -> list[dict[str, Any]]:
    """The ears of a scan without a reference."""
    ct = read_ct(path)
    started = time.monotonic()
    ears = segment(ct, bundle).ears
    rows = [row(path.name, "head", ear) for ear in ears] or [row(path.name, "head", None)]
    rows[0]["seconds"] = time.monotonic() - started
    for found in rows:
        print(_line(found), flush=True)
    return rows


def _line(found: dict[str, Any]) -> str:
    """A row to read."""
    if not found["found"]:
        return f"{found['case']:10} {found['scan']:12} no ear"
    parts = [f"{found['case']:10} {found['scan']:12} {found['side']:5}"]
    if found.get("dice") is not None:
        parts.append(f"Dice {found['dice']:.4f} ASSD {found['assd']:.4f} "
                     f"V {100 * found['volume_error']:+.1f}% mm {found['landmarks']}")  # fmt: skip
    parts.append(f"canals {found['canals']} {found['volume']:.0f} mm³ {found['verdict']}")
    expected = found["expected_dice"]
    parts.append("" if expected is None else f"foreseen {expected:.3f}")
    parts.append(f"{found.get('seconds', 0.0):.1f} s; " + " ".join(found["reasons"]))
    return " ".join(parts)


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Means by kind of scan."""
    result = {}
    for kind in dict.fromkeys(found["scan"] for found in rows):
        some = [found for found in rows if found["scan"] == kind]
        ears = [found for found in some if found["found"]]
        result[kind] = {
            "scans": len(some),
            "ears": len(ears),
            "three canals": sum(found["canals"] == 3 for found in ears),
            "good with open canals": sum(
                found["verdict"] == "good" and found["canals"] != 3 for found in ears
            ),
            "good": sum(found["verdict"] == "good" for found in ears),
        }
        measured = [found for found in ears if found.get("dice") is not None]
        if measured:
            errors = [e for found in measured for e in found["landmarks"] if e is not None]
            result[kind] |= {
                "dice": round(float(np.mean([found["dice"] for found in measured])), 4),
                "worst dice": round(min(found["dice"] for found in measured), 4),
                "assd_mm": round(float(np.mean([found["assd"] for found in measured])), 4),
                "landmarks_mm": round(float(np.mean(errors)), 3),
                "worst landmark_mm": round(max(errors), 3),
            }
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--cases", default="F06,T03,F13")
    parser.add_argument("--heads", type=Path, nargs="*", default=())
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    bundle = load_bundle(given.model or bundled_model(), torch.device("cpu"))
    rows: list[dict[str, Any]] = []
    for name in given.cases.split(",") if given.data else ():
        rows += evaluate_scans(training_case(read_case(given.data, name)), bundle)
    for path in given.heads:
        rows += evaluate_head(path, bundle)
    for kind, figures in summary(rows).items():
        print(kind, json.dumps(figures))
    if given.output:
        given.output.write_text(json.dumps({"rows": rows, "summary": summary(rows)}, indent=2))


if __name__ == "__main__":
    main()
