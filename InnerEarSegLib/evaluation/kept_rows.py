"""What a cross-validation keeps of each fold, and with which networks it was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..model_file import STAGES, file_content
from ..training.folds import fold_folder
from ..training.stage import steps_done

ROWS = "rows.json"
MADE_WITH = "made_with"


def made_of(folder: Path, base: Path | None, copies: Sequence[str]) -> dict[str, Any]:
    """What the rows of a fold depend on.

    Args:
        folder: of the fold.
        base: the model whose networks stand in for stages that the fold did not train.
        copies: names of what each specimen is measured on.

    Returns:
        steps of each stage, copies, and the base's SHA-256; None where no stage needs it.
    """
    steps = {name: steps_done(folder / name) for name in STAGES}
    sha256 = None
    if base is not None and min(steps.values()) == 0:
        sha256 = hashlib.sha256(file_content(base)).hexdigest()
    return {"steps": steps, "copies": list(copies), "base": sha256}


def known_rows(folder: Path) -> dict[str, Any] | None:
    """What is kept of a fold: MADE_WITH (which earlier versions did not write) and rows."""
    path = folder / ROWS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def keep(path: Path, content: Mapping[str, Any]) -> None:
    """Write rows whole or not at all: what a kill cuts short could not be read again."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(path)


def check_same_base(output: Path, count: int, base: Path | None, copies: Sequence[str]) -> None:
    """Refuse to put rows of another base beside those that there are.

    Args:
        output: of the cross-validation; need not be there.
        count: how many folds.
        base: the model that is to stand in.
        copies: as of ``made_of``.

    Raises:
        UnusableInput: if a fold was measured with the networks that it has now and another base.
    """
    for number in range(1, count + 1):
        folder = fold_folder(output, number)
        earlier = (known_rows(folder) or {}).get(MADE_WITH)
        if earlier is None:
            continue
        now = made_of(folder, base, copies)
        if earlier != now and earlier | {"base": None} == now | {"base": None}:
            raise UnusableInput(
                f"{folder} was measured with another base model (SHA-256 {earlier['base']}): give "
                f"that one as --base, choose another --output, or delete {ROWS} in the folders of "
                "all folds to measure them again."
            )


def networks_trained(output: Path, count: int) -> dict[str, list[int]]:
    """How many steps each fold trained each stage; 0 where the base stood in."""
    return {
        name: [steps_done(fold_folder(output, n) / name) for n in range(1, count + 1)]
        for name in STAGES
    }
