"""Models and devices that cannot be used, with a CT that can."""

import json
import zipfile

import numpy as np
import pytest
import torch

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.model.card import CARD_SCHEMA

from .conftest import check_refusal
from .make_ct import phantom, write
from .make_model import Network, Strange, write_model


@pytest.fixture(scope="module")
def small_ct(tmp_path_factory):
    """About the size of one ear, so that the networks are asked."""
    return write(tmp_path_factory.mktemp("ct") / "ct.nrrd", phantom((60, 64, 68)), spacing=0.4)


def changed(**card):
    return lambda path: write_model(path, change=lambda content: content.update(card))


def without(name):
    return lambda path: write_model(path, change=lambda content: content.pop(name))


def cut(keep):
    def make(path):
        content = write_model(path).read_bytes()
        path.write_bytes(content[: int(keep * len(content))])

    return make


def middle_overwritten(path):
    write_model(path)
    with zipfile.ZipFile(path) as archive:
        place = next(i.header_offset for i in archive.infolist() if i.filename.endswith("data.pkl"))
    content = bytearray(path.read_bytes())
    content[place + 90 : place + 150] = b"\xff" * 60
    path.write_bytes(bytes(content))


def not_torchscript(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/extra/card.json", json.dumps({"schema": CARD_SCHEMA}))


def network(**changes):
    return lambda path: write_model(path, change=lambda card: card["locate"].update(changes))


TABLE = [
    ("missing", lambda path: None, "cannot be read"),
    ("a folder", lambda path: path.mkdir(), "cannot be read"),
    ("empty", lambda path: path.write_bytes(b""), "empty, cut short"),
    ("truncated", cut(0.5), "empty, cut short"),
    ("truncated, the last bytes", cut(0.999), "empty, cut short"),
    ("not TorchScript", not_torchscript, "is damaged"),
    ("a CT", lambda path: write(path.with_suffix(".nrrd")).rename(path), "no TorchScript file"),
    ("damaged in the middle", middle_overwritten, "is damaged"),
    ("no card", lambda path: torch.jit.save(torch.jit.script(Strange()), str(path)), "has no card"),
    ("impossible calibration", changed(calibration={"factors": {"0.9": -1.0}}), "incomplete"),
    ("another schema", changed(schema=99), "card schema 99"),
    ("card without a stage", without("refine"), "incomplete"),
    ("card without landmarks", without("landmarks"), "incomplete"),
    ("unknown landmarks", changed(landmarks=["a", "b", "c", "d", "e"]), "does not know"),
    ("window of nothing", network(window=[0, 0, 0]), "impossible numbers"),
    ("window of the whole body", network(window=[9000] * 3), "impossible numbers"),
    ("spacing of nothing", network(spacing_mm=0), "impossible numbers"),
    ("outputs of wrong shape", lambda p: write_model(p, Network(shift=1)), "do not have the shape"),
    ("too few heatmaps", lambda p: write_model(p, Network(heatmaps=2)), "not as many as"),
    ("outputs of NaN", lambda p: write_model(p, Network(value=np.nan)), "are not numbers"),
    ("one output", lambda p: write_model(p, Strange()), "cannot be run"),
]


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_bad_model(make, message, small_ct, tmp_path, capfd):
    make(tmp_path / "model.pt")
    arguments = [small_ct, "--device", "cpu", "--model", tmp_path / "model.pt"]
    check_refusal(capfd, tmp_path, arguments, message)


def test_a_good_one_of_these_models_runs(small_ct, quick_model, tmp_path):
    arguments = ["--device", "cpu", "--model", str(quick_model)]
    assert main(["segment", str(small_ct), *arguments, "--output", str(tmp_path / "out")]) == 3


BAD_DEVICES = {
    "is unknown": ("tpu", "", "cuda:x", "cuda:-1", "cpu:", "CPU"),
    "is not there": ("cpu:3", "cuda:77"),
}


@pytest.mark.parametrize(
    ("device", "message"), [(each, said) for said, all_ in BAD_DEVICES.items() for each in all_]
)
def test_bad_device(device, message, small_ct, tmp_path, capfd):
    check_refusal(capfd, tmp_path, [small_ct, "--device", device], message)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(small_ct, tmp_path, capfd):
    check_refusal(capfd, tmp_path, [small_ct, "--device", "cuda"], "use --device cpu")
