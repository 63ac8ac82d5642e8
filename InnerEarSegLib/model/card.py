"""Find the model file and read its card, without loading its networks or torch."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from ..errors import UnusableModel
from ..types import LANDMARKS
from .provenance import ancestors, counted, training_data

CARD = "card.json"
CARD_SCHEMA = 2
NETWORKS = ("locate", "orient", "refine")
"""Networks in a model file, in the order of their use."""

ANY_CT = "any CT"
"""What the card says that ``refine`` draws if it was trained for scans of every resolution."""

BUNDLED = "bundled"
"""Stands for the bundled model, or its config, where a command asks for a file."""

NAME = "InnerEarSeg.pt"
MAX_BYTES = 2_000_000_000
"""Larger files are refused before they are read into memory."""


def bundled_model() -> Path:
    """Return the model that comes with InnerEarSeg: beside the library, or in it if installed.

    Raises:
        UnusableModel: if it is missing.
    """
    library = Path(__file__).resolve().parents[1]
    places = [folder / "Resources" / "Models" / NAME for folder in (library.parent, library)]
    for path in places:
        if path.is_file():
            return path
    raise UnusableModel(
        f"The bundled model {NAME} is missing from {places[0].parent}; reinstall InnerEarSeg or "
        "choose another model file."
    )


def file_content(path: Path) -> bytes:
    """Read all bytes of a model file.

    Raises:
        UnusableModel: if it cannot be read.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableModel(f"The model file {path.name} is too large for a model.")
        return path.read_bytes()
    except OSError as error:
        sentence = f"The model file {path.name} cannot be read: {error.strerror}."
        raise UnusableModel(sentence) from None


def read_card(path: Path) -> dict[str, Any]:
    """Read the card of a model file.

    Raises:
        UnusableModel: saying what is wrong with the file.
    """
    return card_in(file_content(path), path)


def card_in(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the card in a model file's bytes.

    Raises:
        UnusableModel: naming ``path`` and what is wrong, such as another schema.
    """
    name = Path(path).name
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:  # as TorchScript files are
            places = [each for each in archive.namelist() if each.endswith(f"/extra/{CARD}")]
            card = json.loads(archive.read(places[0])) if places else None
    except Exception:  # zipfile raises much besides BadZipFile on damaged archives
        raise UnusableModel(
            f"The model file {name} is empty, cut short or no TorchScript file."
        ) from None
    if not places:
        raise UnusableModel(
            f"The model file {name} has no card; it was not written by `innerearseg export`."
        )
    schema = card.get("schema") if isinstance(card, dict) else None
    if not isinstance(card, dict) or schema != CARD_SCHEMA:
        raise UnusableModel(
            f"The model file {name} has card schema {schema!r}, this version of InnerEarSeg reads "
            f"schema {CARD_SCHEMA}; use a model that fits it."
        )
    return card


FIGURES = (
    ("metrics", "dice", "Dice, held out"),
    ("metrics", "assd_mm", "Surface"),
    *(("metrics", f"{name} mm", name.capitalize()) for name in LANDMARKS),
    ("crossval", "dice", "Dice, cross-validated"),
    ("crossval", "all landmarks mm", "Landmarks, cross-validated"),
)
"""Figures of the card that are shown: part of the card, name, title."""


def card_lines(card: dict[str, Any]) -> list[tuple[str, str]]:
    """Format the card for users, as titles and texts."""
    data = training_data(card)
    lines = [
        ("In use", f"{card.get('name', '?')}, version {card.get('version', '?')}"),
        ("Made", f"{card.get('date', '?')} by {card.get('made_by', '?')}"),
        ("Finds", ", ".join(name for name in LANDMARKS if name in card.get("landmarks", []))),
    ]
    lines += [("Trained on", str(each)) for each in data]
    for model in ancestors(card):
        trained = "; ".join(map(str, model.data))
        lines.append(("Built on", f"{model.name} {model.version}, trained on {trained}"))
    for part, name, title in FIGURES:
        figures = (card.get(part) or {}).get("summary") or {}
        if name in figures:
            unit = " mm" if name.endswith("mm") else ""
            mean, worst = (figures[name][key] for key in ("mean", "worst"))
            of = counted(figures[name]["cases"], "case")
            lines.append((title, f"{mean:.3f}{unit}, worst {worst:.3f} of {of}"))
    lines.append(("Licence", str(card.get("licence", "not said"))))
    return lines
