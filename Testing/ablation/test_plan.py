"""Plans are checked before anything is trained, and the shipped one really varies all it says."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch.utils.data import default_collate

from InnerEarSegLib.ablation.plan import BASAL, NETWORK, load_plan
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.training.run import canonical_template
from InnerEarSegLib.training.samples import Sample, Samples
from InnerEarSegLib.training.trainer import build_network, build_optimiser, training_step

from .conftest import PLAN

SHIPPED = Path(__file__).parents[2] / "InnerEarSegLib" / "training" / "configs" / "ablation.json"
SHIPPED_PLAN = load_plan(SHIPPED)


def refused(tmp_path, message: str, **changes) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**PLAN, **changes}))
    with pytest.raises(UnusableInput, match=message):
        load_plan(path)


def variations(*changes: dict, names: tuple[str, ...] = ("one", "two")) -> list[dict]:
    both = zip(names, changes, strict=False)
    return [{"name": name, "group": "g", "why": "w", "change": change} for name, change in both]


@pytest.mark.parametrize(("change", "message"), [
    ({"network.dropout": 0.1, "seed": 1}, r"changes 2 fields \(network.dropout, seed\)"),
    ({}, "changes 0 fields"),
    ({"network.kernal_size": 5}, "unknown field 'network.kernal_size'; known in network are"),
    ({"sead": 5}, "unknown field 'sead'; known in a study are"),
    ({"seed.more": 5}, "unknown field 'seed.more'"),
    ({"network": {"dropout": 0.1, "residual": True}}, "'network' is a group of fields"),
    ({"network.residual": False}, "already has this value"),
    ({"network.activation": "tanh"}, "'tanh' is none of"),
    ({"optimiser.batch": 1.5}, "1.5 does not fit int"),
    ({"window": [8, 16, 17]}, r"window \(8, 16, 17\) must be multiples of 2"),
    ({"network.channels": [4, 8, 8, 8, 8]}, "must be multiples of 16"),
], ids=str)  # fmt: skip
def test_a_variation_changes_exactly_one_field_that_exists(tmp_path, change, message):
    refused(tmp_path, message, segmentation_alone="one", variations=variations(change))


def test_names_and_changes_are_unique(tmp_path):
    two = ({"seed": 1}, {"seed": 2})
    for message, changes, names in (
        ("two of this name", two, ("one", "one")),
        ("is not 'basal'", two, (BASAL,)),
        ("small letters", two, ("../up",)),
        ("variation 'two': changes the same as 'one'", two[:1] * 2, ("one", "two")),
    ):
        refused(tmp_path, message, variations=variations(*changes, names=names))
    refused(tmp_path, "no variation 'three'", landmarks_alone="three")


def test_a_plan_that_cannot_be_read(tmp_path):
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_plan(tmp_path / "none.json")
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(UnusableInput, match="is not JSON"):
        load_plan(tmp_path / "plan.json")


def test_shipped_plan_has_all_variations_and_both_single_tasks():
    plan = SHIPPED_PLAN
    alone = {plan.segmentation_alone, plan.landmarks_alone}
    assert len(plan.variations) == 45 and len(alone) == 2
    assert {v.field for v in plan.variations if v.name in alone} == {"loss.tasks"}
    whys = {v.why for v in plan.variations}
    assert len(whys) == len(plan.variations) and min(map(len, whys)) > 20


def test_every_augmentation_that_the_basal_training_has_is_switched_off_once():
    plan = SHIPPED_PLAN
    strengths = {"rotation_degrees", "shift_mm", "scale", "elastic_mm", "gain", "offset_hu",
                 "lumen", "coarse", "blur", "kernel", "noise", "outside", "crop"}  # fmt: skip
    used = {name for name in strengths if getattr(plan.basal.augmentation, name) > 0}
    off = {v.field.removeprefix("augmentation.") for v in plan.variations
           if v.field.startswith("augmentation.") and v.change[v.field] == 0}  # fmt: skip
    assert off == used


@pytest.mark.parametrize("variation", SHIPPED_PLAN.variations, ids=lambda v: v.name)
def test_each_shipped_variation_trains(variation, specimen):
    """At toy size: small windows, half the channels, all else as the plan says."""
    study = SHIPPED_PLAN.study(variation.name)
    edge = 2 * study.network.patch_multiple  # at the coarsest level two voxels
    edges = study.window if variation.field == "window" else (edge,) * 3
    narrow = tuple(width // 2 for width in study.network.channels)
    network = dataclasses.replace(study.network, channels=narrow)
    small = dataclasses.replace(study, window=edges, network=network)
    config = small.config("toy")
    setup = config.networks()[NETWORK]
    template = canonical_template([specimen], config.landmarks)
    samples = Samples([specimen], template, config, setup)
    batch = Sample(*default_collate([samples[n] for n in range(small.optimiser.batch)]))
    torch.manual_seed(small.seed)
    network = build_network(config, setup)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimiser = build_optimiser(network, small.optimiser)
    for group in optimiser.param_groups:
        group["lr"] = small.optimiser.learning_rate
    losses = training_step(network, optimiser, batch, setup, torch.device("cpu"))
    assert losses.total.isfinite()
    moved = [not torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
    heads = {"segmentation": "landmark_head", "landmarks": "labyrinth_head"}
    idle = heads.get(small.loss.tasks, "no head")
    for (name, _), has_moved in zip(network.named_parameters(), moved, strict=True):
        assert has_moved != name.startswith(idle), name
    if variation.field.startswith("network."):  # the others are the basal network
        network.eval()
        scripted = torch.jit.script(network)
        for mine, theirs in zip(network(batch.ct), scripted(batch.ct), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-5)
