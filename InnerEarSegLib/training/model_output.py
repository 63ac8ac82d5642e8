"""Where an exported model goes: its file and its card, both or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UnusableInput
from ..staging import clean_stale, make_stage, replace_together

CARD_ENDS_IN = ".md"


def check_model_file(output: Path) -> None:
    """Refuse a model file that could not be written in the end; changes nothing.

    Raises:
        UnusableInput: if it or its card is a folder, its name is that of the card, or its folder
            is a file or cannot be made or written.
    """
    try:
        if output.is_dir():
            raise UnusableInput(f"{output} is a folder; --output needs a file, MODEL.pt.")
        if output.suffix.lower() == CARD_ENDS_IN:
            raise UnusableInput(
                f"The model cannot be written to {output}: its card is written there; end its name "
                "in .pt."
            )
        if output.with_suffix(CARD_ENDS_IN).is_dir():
            raise UnusableInput(
                f"The model {output} cannot be written: its card "
                f"{output.with_suffix(CARD_ENDS_IN)} is a folder."
            )
        place = output.resolve().parent
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise UnusableInput(f"The model {output} cannot be written: {place} is a file.")
        if not os.access(place, os.W_OK | os.X_OK):
            raise UnusableInput(
                f"The model {output} cannot be written: {place} is not open for writing."
            )
        make_stage(place).rmdir()  # what the system allows is only known by trying
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise _unwritable(output, error) from None


@contextmanager
def published_model(output: Path) -> Iterator[Path]:
    """A hidden file to write the model to, its card beside it; both move to their places together.

    Args:
        output: the model file; its folder is made if it is not there.

    Raises:
        UnusableInput: if they cannot be written; all is as it was.
    """
    stage = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        clean_stale(output.parent)
        stage = make_stage(output.parent)
        new = stage / "new" / output.name
        new.parent.mkdir()
        yield new
        names = (output.name, output.with_suffix(CARD_ENDS_IN).name)
        replace_together([(new.with_name(n), output.with_name(n)) for n in names], stage)
    except OSError as error:
        raise _unwritable(output, error) from None
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


def _unwritable(output: Path, error: Exception) -> UnusableInput:
    reason = getattr(error, "strerror", None) or error
    return UnusableInput(f"The model {output} cannot be written: {reason}.")
