"""The trained drawing network in place of `refine` in a model file.

python -m InnerEarSegLib.training.drawing_export --run RUN --base MODEL.pt --output NEW.pt
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from .. import __version__
from ..inferring.bundle import load_bundle
from ..model_file import CARD, card_in, file_content
from ..network.drawing import DrawingUNet
from ..network.unet import count_parameters
from .config import from_dict
from .drawing import CHECKPOINT, DrawingConfig, new_network
from .export import _Networks
from .run import code_revision

ANY_CT = "any CT"
"""What the card says of a `refine` that draws scans of every resolution."""


def drawing_network(run: Path) -> tuple[DrawingUNet, DrawingConfig, int]:
    """The averaged network of a run, its config and its steps."""
    content = json.loads((run / "run.json").read_text(encoding="utf-8"))
    config = from_dict(DrawingConfig, content, str(run / "run.json"))
    state = torch.load(run / CHECKPOINT, map_location="cpu", weights_only=True)
    network = new_network(config, state["average"]["module.mean_ear"][0, 0])
    average = AveragedModel(network)
    average.load_state_dict(state["average"])
    result = average.module.eval()
    assert isinstance(result, DrawingUNet)
    return result, config, int(state["step"])


def export_drawing(
    run: Path,
    base: Path,
    output: Path,
    version: str,
    notes: Sequence[str] = (),
    shift: float = 0.0,
) -> dict[str, Any]:
    """Write a model file whose other networks are those of ``base``.

    What the base's calibration says of Dice is left out: it is of another drawing network.

    Args:
        run: folder of the training.
        base: the model file that the training started from.
        output: the .pt file.
        version: of the new model.
        notes: what else a reader should know of the training, one sentence each.
        shift: added to the labyrinth's logits, so that volumes are right on the held-out ears.

    Returns:
        The card.
    """
    content = file_content(base)
    card = card_in(content, base)
    network, config, steps = drawing_network(run)
    with torch.no_grad():
        network.labyrinth_head.bias.add_(shift)  # type: ignore[operator]
    card |= {
        "version": version,
        "date": datetime.date.today().isoformat(),
        "made_by": f"InnerEarSeg {__version__}, code revision {code_revision()}",
        "metrics": {},
        "refine": {
            "spacing_mm": config.stage.spacing_mm,
            "window": list(config.stage.window),
            "heatmap_sigma_mm": config.stage.loss.heatmap_sigma_mm,
            "parameters": count_parameters(network),
            "steps": steps,
            "code_revision": code_revision(),
            "draws": ANY_CT,
            "logit_shift": shift,
        },
    }
    card["training"]["notes"] = [
        *card["training"].get("notes", ()),
        f"refine of this version: {steps} steps from the weights of 1.2.0's, on specimens as other "
        "scanners would show them; the mean ear is an input; no synthetic ears.",
        *notes,
    ]
    if "calibration" in card:
        card["calibration"]["dice"] = {}
    old = torch.jit.load(io.BytesIO(content), map_location="cpu")
    module = torch.jit.script(_Networks(old.locate, old.orient, network.half()))
    buffer = io.BytesIO()
    torch.jit.save(module, buffer, _extra_files={CARD: json.dumps(card, indent=2)})
    output.write_bytes(buffer.getvalue())
    load_bundle(output, torch.device("cpu"))
    return card


def main(arguments: Sequence[str] | None = None) -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--version", default="1.3.0")
    parser.add_argument("--shift", type=float, default=0.0)
    parser.add_argument("--note", action="append", default=[])
    given = parser.parse_args(arguments)
    export_drawing(given.run, given.base, given.output, given.version, given.note, given.shift)
    print(f"{given.output}: {given.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
