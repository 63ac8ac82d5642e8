"""Where the networks run."""

from __future__ import annotations

import torch

from ..errors import UnusableInput

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The torch device for a name: "auto" takes a GPU where there is one; "cuda:1" the second.

    Raises:
        UnusableInput: if the name is unknown or the machine has no such device.
    """
    count = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if name == "auto":
        name = next(kind for kind, there in count.items() if there)
    kind, colon, index = name.partition(":")
    if kind not in count or (colon and not (index.isascii() and index.isdigit())):
        raise UnusableInput(
            f"The device {name!r} is unknown; choose one of {', '.join(DEVICES)}, or cuda:0, "
            "cuda:1 and so on."
        )
    if not count[kind]:
        raise UnusableInput(
            f"The device {name!r} is not there (no GPU, or torch was installed without its "
            "support); use --device cpu."
        )
    if colon and int(index) >= count[kind]:
        raise UnusableInput(
            f"The device {name!r} is not there; the last one of this machine is "
            f"{kind}:{count[kind] - 1}."
        )
    return torch.device(name)
