"""The human bony labyrinth dataset, in the layout of Zenodo.

Wimmer et al. 2019, doi:10.5281/zenodo.3355272 (CC BY 4.0)::

    F01/CT/F01_CT_RAW.nii      F01/CT/F01_CT_LABELS.nii      F01/F01_DESC.json

Cases of one's own may lie in this layout, too: a specimen is told by its voxels, not its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import SIDES, Side
from .case import Case, DatasetCase, DataSource
from .fingerprint import DOI, SPECIMENS, fingerprint
from .labels import read_labels
from .landmarks import KEYS, ras_of
from .volume import read_ct

SOURCE = DataSource(
    "CC BY 4.0",
    "Wimmer W, Anschuetz L, Weder S, Wagner F, Delingette H, Caversaccio M (2019): Human Bony "
    "Labyrinth: Co-Registered CT and micro-CT Images, Surface Models and Anatomical Landmarks, "
    f"doi:{DOI}; Data in Brief 27:104782, doi:10.1016/j.dib.2019.104782",
)


@dataclass(frozen=True)
class Specimen(DatasetCase):
    """A case in the layout of the dataset; ``landmarks`` is its DESC.json, which names the side.

    What is damaged is used as far as it goes: a CT that is cut short, labels that are none.
    """

    def read(self) -> Case:
        """Read the case, of a cut CT its whole slices; UnusableInput if it cannot be used."""
        assert self.landmarks is not None and self.labels is not None
        landmarks, side = _read_description(self.landmarks)
        ct = replace(read_ct(self.image, cut_short=True), name=self.name)
        labels, geometry = None, ct.geometry
        remarks = tuple(f"{self.name}: {warning}" for warning in ct.warnings)
        try:
            labels, geometry, _ = read_labels(self.labels, self.label_values)
        except UnusableInput as error:
            remarks += (f"{self.name}: {error}",)
        known = fingerprint(ct.array) in SPECIMENS.values()
        source = SOURCE if known else self.source
        return Case(self.name, ct, labels, geometry, landmarks, side, remarks, None, source)


def case_names(root: Path) -> list[str]:
    """List the cases under a folder in the dataset's layout, sorted; refuse one without any."""
    if not root.exists():
        raise UnusableInput(f"{root} does not exist.")
    names = sorted(path.parent.name for path in root.glob("*/*_DESC.json"))
    if not names:
        raise UnusableInput(
            f"{root} holds no specimen in the layout of the human bony labyrinth dataset "
            "(CASE/CASE_DESC.json and CASE/CT/CASE_CT_RAW.nii); list cases of your own in a "
            "manifest (docs/own_data.md)."
        )
    return names


def specimen(root: Path, name: str) -> Specimen:
    """Return a case of a folder in the dataset's layout; nothing is read yet."""
    ct, labels = (root / name / "CT" / f"{name}_CT_{what}.nii" for what in ("RAW", "LABELS"))
    return Specimen(name, ct, labels, (1,), landmarks=root / name / f"{name}_DESC.json")


def _read_description(path: Path) -> tuple[dict[str, NDArray[np.float64]], Side]:
    """Return the landmarks, RAS mm by name, and the side."""
    what = f"{path.name} in {path.parent}"
    try:
        description = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnusableInput(f"{what} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise UnusableInput(f"{what} is no JSON text.") from None
    for key, kind in (("LANDMARKS", dict), ("SIDE", str)):
        if not isinstance(description, dict) or not isinstance(description.get(key), kind):
            raise UnusableInput(f"{what} lacks {key}.")
    side = next((side for side in SIDES if side == description["SIDE"].lower()), None)
    if side is None:
        raise UnusableInput(f"{what} gives the SIDE {description['SIDE']!r}, not LEFT or RIGHT.")
    landmarks = {}
    for key, ras in description["LANDMARKS"].items():
        if key in KEYS:
            try:
                landmarks[KEYS[key]] = ras_of(ras)
            except (TypeError, ValueError):
                raise UnusableInput(f"{what} gives landmark {key} no three numbers.") from None
    return landmarks, side
