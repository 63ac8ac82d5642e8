"""Where the model file is and what its card says, without loading its networks (or torch)."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from .errors import UnusableModel

CARD = "card.json"
CARD_SCHEMA = 2
STAGES = ("locate", "orient", "refine")
"""Networks in a model file, in the order in which a CT meets them."""
NAME = "InnerEarSeg.pt"
MAX_BYTES = 2_000_000_000
"""More is no model of ours, and is not read into memory to find out."""


def bundled_model() -> Path:
    """The model that comes with the extension: beside the library, or in it when installed.

    Raises:
        UnusableModel: if it is missing.
    """
    library = Path(__file__).resolve().parent
    places = [folder / "Resources" / "Models" / NAME for folder in (library.parent, library)]
    for path in places:
        if path.is_file():
            return path
    raise UnusableModel(
        f"The bundled model {NAME} is missing from {places[0].parent}; reinstall InnerEarSeg or "
        "choose another model file."
    )


def file_content(path: Path) -> bytes:
    """All bytes of a model file.

    Raises:
        UnusableModel: if it cannot be read.
    """
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise UnusableModel(f"The model file {Path(path).name} is too large for a model.")
        return Path(path).read_bytes()
    except OSError as error:
        raise UnusableModel(
            f"The model file {Path(path).name} cannot be read: {error.strerror}."
        ) from None


def read_card(path: Path) -> dict[str, Any]:
    """The card of a model file.

    Raises:
        UnusableModel: saying in one sentence what is wrong with the file.
    """
    return card_in(file_content(path), path)


def card_in(content: bytes, path: Path) -> dict[str, Any]:
    """The card within a model file's bytes.

    Raises:
        UnusableModel: naming ``path`` and what is wrong, another schema among it.
    """
    card = card_of_any_schema(content, path)
    schema = card.get("schema") if isinstance(card, dict) else None
    if schema != CARD_SCHEMA:
        raise UnusableModel(
            f"The model file {Path(path).name} has card schema {schema!r}, this version of "
            f"InnerEarSeg reads schema {CARD_SCHEMA}; use a model that fits it."
        )
    return card


def card_of_any_schema(content: bytes, path: Path) -> Any:
    """The same, whatever version wrote it; TorchScript files are zip archives.

    Raises:
        UnusableModel: if there is none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/extra/{CARD}")]
            if not names:
                raise UnusableModel(
                    f"The model file {Path(path).name} has no card; it was not written by "
                    "`innerearseg export`."
                )
            return json.loads(archive.read(names[0]))
    except UnusableModel:
        raise
    except Exception:  # zipfile raises much besides BadZipFile on damaged archives
        raise UnusableModel(
            f"The model file {Path(path).name} is empty, cut short or no TorchScript file."
        ) from None
