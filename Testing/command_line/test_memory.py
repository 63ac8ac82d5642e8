"""A GPU whose memory is gone in the middle: on with the CPU, or the panel asks."""

import dataclasses
import json

import pytest
import torch

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import OutOfMemory, UnusableModel
from InnerEarSegLib.model import bundle as bundle_module
from InnerEarSegLib.model.bundle import PatchNetwork
from InnerEarSegLib.model.config import Intensity
from InnerEarSegLib.model.device import FALLBACK, fall_back
from InnerEarSegLib.model.inference import run_patches
from InnerEarSegLib.panel.worker_process import Ending, judge
from InnerEarSegLib.progress import Progress

from .make_ct import phantom, write
from .make_model import Network

INTENSITY = Intensity(low=-1024.0, high=3071.0)
PATCHES = torch.zeros(2, 8, 8, 8)


class Greedy(torch.nn.Module):
    """Runs out of memory the first ``times`` times, as CUDA or as Apple's GPUs say it."""

    def __init__(self, times, error=torch.OutOfMemoryError):
        super().__init__()
        self.network, self.times, self.error = Network(), times, error
        self.moved = []

    def to(self, device):
        self.moved.append(device)
        return self

    def forward(self, ct):
        if self.times:
            self.times -= 1
            raise self.error("backend out of memory. Tried to allocate 2 GiB.")
        return self.network(ct)


def small(network, **options):
    return PatchNetwork(network, 0.4, (8, 8, 8), 1.0, **options)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_goes_on_with_the_cpu_and_says_so(error):
    network, progress = Greedy(1, error), Progress()
    logits, heatmaps = run_patches(small(network), PATCHES, INTENSITY, progress)
    assert logits.shape == PATCHES.shape and heatmaps.shape[1] == 5
    assert network.moved == ["cpu"] and progress.warnings == [FALLBACK]


def test_fails_where_the_cpu_is_not_wanted():
    network, progress = Greedy(1), Progress()
    with pytest.raises(OutOfMemory, match="is out of memory"):
        run_patches(small(network, cpu_fallback=False), PATCHES, INTENSITY, progress)
    assert network.moved == [] and progress.warnings == []
    with pytest.raises(OutOfMemory, match="not enough memory"):  # nor on the CPU
        run_patches(small(Greedy(9)), PATCHES, INTENSITY, Progress())
    with pytest.raises(UnusableModel, match="cannot be run"):  # other errors are the model's
        run_patches(small(Greedy(1, ValueError)), PATCHES, INTENSITY, Progress())


def test_the_panel_recognises_the_sentence():
    for kind in ("cuda", "mps"):
        with pytest.raises(OutOfMemory) as error:
            fall_back(Network(), torch.device(kind), False, None)
        assert judge(2, False, f"innerearseg: {error.value}\n").ending is Ending.OUT_OF_MEMORY


@pytest.mark.parametrize(("options", "status"), [([], 3), (["--plain"], 2)])
def test_the_command_line(options, status, quick_model, tmp_path, monkeypatch, capfd):
    ct = write(tmp_path / "ct.nrrd", phantom((60, 64, 68)), spacing=0.4)
    real = bundle_module.load_model

    def greedy(*arguments, **keywords):
        bundle, first = real(*arguments, **keywords), Greedy(1)
        stages = {x: getattr(bundle, x) for x in ("locate", "orient", "refine")}
        changed = {x: dataclasses.replace(stage, module=first) for x, stage in stages.items()}
        return dataclasses.replace(bundle, **changed)

    monkeypatch.setattr(bundle_module, "load_model", greedy)
    out = tmp_path / "out"
    arguments = [ct, "--output", out, "--device", "cpu", "--model", quick_model, *options]
    arguments = list(map(str, arguments))
    assert main(["segment", *arguments]) == status
    if status == 3:
        assert FALLBACK in json.loads((out / "result.json").read_text())["warnings"]
    else:
        assert "out of memory" in capfd.readouterr().err and not out.exists()
