"""A model's card in words for people."""

from __future__ import annotations

from typing import Any

from ..results import LANDMARKS

FIGURES = {
    "dice": "Dice, held out",
    "assd_mm": "Surface",
    **{f"{name} mm": name.capitalize() for name in LANDMARKS},
}
"""Those of the card's figures that are shown, and what they are called."""

CROSS_VALIDATED = "all landmarks mm"


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
    measured = _summary(card, "metrics")
    lines += [(title, _words(name, measured[name])) for name, title in FIGURES.items()
              if name in measured]  # fmt: skip
    folds = _summary(card, "crossval")
    if CROSS_VALIDATED in folds:
        text = _words(CROSS_VALIDATED, folds[CROSS_VALIDATED])
        lines.append(("Landmarks, cross-validated", text))
    lines.append(("Licence", str(card.get("licence", "not said"))))
    return lines


def _summary(card: dict[str, Any], part: str) -> dict[str, Any]:
    """The figures of a part of the card; none if it has no such part."""
    return (card.get(part) or {}).get("summary") or {}


def _words(name: str, figure: dict[str, Any]) -> str:
    """A figure's mean, worst case and number of cases."""
    unit = " mm" if name.endswith("mm") else ""
    return f"{figure['mean']:.3f}{unit}, worst {figure['worst']:.3f} of {figure['cases']} cases"
