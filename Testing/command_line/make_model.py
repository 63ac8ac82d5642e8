"""Real TorchScript model files, good and bad, with networks of a few numbers."""

import copy
import json
from pathlib import Path

import torch

from InnerEarSegLib.model.card import bundled_model, read_card


class Network(torch.nn.Module):
    """Answers at once, in the declared form unless told otherwise."""

    def __init__(self, heatmaps: int = 5, shift: int = 0, value: float = -9.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.heatmaps, self.shift, self.value = heatmaps, shift, value

    def forward(self, ct: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        size = ct.shape[2] + self.shift
        logits = ct[:, :, :1].expand(-1, -1, size, -1, -1) * 0 + self.value
        return logits + self.weight, logits.expand(-1, self.heatmaps, -1, -1, -1) + self.weight


class Strange(torch.nn.Module):
    """Answers with one tensor instead of two."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, ct: torch.Tensor) -> torch.Tensor:
        return ct * self.weight


class All(torch.nn.Module):
    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.locate = self.orient = self.refine = network

    def forward(self, ct: torch.Tensor) -> torch.Tensor:
        return ct


def write_model(path: Path, network: torch.nn.Module | None = None, change=None) -> Path:
    """Write a model file with the bundled model's card, changed by ``change(card)``."""
    card = copy.deepcopy(read_card(bundled_model()))
    network = network or Network(len(card["landmarks"]))
    if change is not None:
        change(card)
    module = torch.jit.script(All(network))
    torch.jit.save(module, str(path), _extra_files={"card.json": json.dumps(card)})
    return path
