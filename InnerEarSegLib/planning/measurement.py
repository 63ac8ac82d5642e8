"""One number, what it means, where it comes from, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A number of one ear.

    Attributes:
        key: stable name for tables, such as "a_diameter".
        label: what to show.
        value: in ``unit``; None where it could not be measured.
        unit: "mm", "mm³" or "°".
        uncertainty: half width of the 90 % interval in ``unit``, carried over from landmarks and
            walls; None where no landmark has a part in it or there is no value.
        definition: one sentence.
        source: publication of the definition or formula.
        remark: one sentence where the value wants a look, else empty.
    """

    key: str
    label: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    definition: str = ""
    source: str = ""
    remark: str = ""

    @property
    def text(self) -> str:
        """Value and uncertainty for a person: "9.1 ± 0.2 mm"; a dash without a value."""
        if self.value is None:
            return "–"
        digits = 0 if self.unit in ("°", "mm³") else 1
        unit = self.unit if self.unit == "°" else f" {self.unit}"
        if self.uncertainty is None:
            return f"{self.value:.{digits}f}{unit}"
        # Never "± 0.0" of what is not known exactly.
        least = 10.0**-digits if self.uncertainty > 1e-6 else 0.0
        return f"{self.value:.{digits}f} ± {max(self.uncertainty, least):.{digits}f}{unit}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; also a row of a table."""
        return {
            "key": self.key,
            "label": self.label,
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.unit,
            "uncertainty_90": None if self.uncertainty is None else round(self.uncertainty, 3),
            "definition": self.definition,
            "source": self.source,
            "remark": self.remark,
        }
