"""A model's card in words for people."""

from __future__ import annotations

from typing import Any

from ..results import LANDMARKS

FIGURES = {"dice": "Dice, held out", "assd_mm": "Surface"}
"""Names of the card's figures for people, where the card's own would not do."""


def card_lines(card: dict[str, Any]) -> list[tuple[str, str]]:
    """The card for people: heading and text."""
    training = card.get("training") or {}
    data = training.get("data") or {}
    lines = [
        ("In use", f"{card.get('name', '?')}, version {card.get('version', '?')}"),
        ("Made", f"{card.get('date', '?')} by {card.get('made_by', '?')}"),
        ("Finds", ", ".join(name for name in LANDMARKS if name in card.get("landmarks", []))),
    ]
    if data:
        trained = len(training.get("trained_on", []))
        lines.append(("Trained on", f"{trained} specimens of {data.get('name', 'unnamed data')}"))
        lines.append(("Data by", str(data.get("authors", "not said"))))
    for name, value in ((card.get("metrics") or {}).get("summary") or {}).items():
        if isinstance(value, dict):
            words = str(name).replace("_", " ")
            heading = words.removesuffix(" mm")
            unit = words[len(heading) :]
            text = f"{value['mean']:.3f}{unit}, worst {value['worst']:.3f}"
            text += f" of {value['cases']} cases"
            lines.append((FIGURES.get(name, heading.capitalize()), text))
    lines.append(("Licence", str(card.get("licence", "not said"))))
    return lines
