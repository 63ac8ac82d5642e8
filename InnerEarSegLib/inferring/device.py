"""Where the networks run."""

from __future__ import annotations

import torch

from ..errors import UnusableInput

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The torch device for a name: "auto" takes a GPU where there is one.

    Raises:
        UnusableInput: if the name is unknown or the machine has no such device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    kind = name.split(":")[0]
    if kind not in available:
        raise UnusableInput(f"The device {name!r} is unknown; choose one of {', '.join(DEVICES)}.")
    if not available[kind]:
        raise UnusableInput(
            f"The device {name!r} is not there (no GPU, or torch was installed without its "
            "support); use --device cpu."
        )
    return torch.device(name)
