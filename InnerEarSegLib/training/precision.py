"""In what number format a training step computes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .config import OptimiserConfig

CONVOLUTIONS = (F.conv3d, F.conv_transpose3d, F.linear)


def arithmetic(how: OptimiserConfig, device: torch.device) -> AbstractContextManager[Any]:
    """The configured number format, for the forward pass of a training step."""
    if how.precision == "rounded":
        return Rounded()
    if how.precision == "bfloat16" and computes_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; a CPU that emulates it takes 60 times longer."""
    if device.type != "cpu":
        return True
    flags: dict[str, object] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch 2.11 and later can tell
    return bool(flags.get("amx_bf16") or flags.get("avx512_bf16") or flags.get("arm_bf16"))


class Rounded(TorchFunctionMode):
    """Convolutions round what they multiply, and what they give, to bfloat16.

    Their sums are kept in single precision, as bfloat16 hardware does. Gradients pass the same
    rounding on their way back.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Called by torch for each function within ``with Rounded():``."""
        kwargs = kwargs or {}
        if func not in CONVOLUTIONS:
            return func(*args, **kwargs)
        rounded = [_round(item) if isinstance(item, Tensor) else item for item in args]
        return _round(func(*rounded, **kwargs))


def _round(values: Tensor) -> Tensor:
    return values.to(torch.bfloat16).to(values.dtype)
