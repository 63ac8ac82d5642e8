"""Configs are typed, and say what is wrong with them."""

import dataclasses
import json
from pathlib import Path

import pytest

from InnerEarSegLib.ablation.plan import MeasureConfig
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.model.config import Intensity, NetworkConfig
from InnerEarSegLib.training.config import (
    RANGES,
    AugmentationConfig,
    Config,
    LossConfig,
    NetworkTraining,
    OptimiserConfig,
    load_config,
    shortened,
)

BUNDLED = Path(__file__).parents[2] / "InnerEarSegLib" / "training" / "configs" / "bundled.json"
SMALL = {
    "name": "x",
    "locate": {"spacing_mm": 0.5, "window": [16, 16, 16]},
    "orient": {"spacing_mm": 0.4, "window": [16, 16, 16]},
    "refine": {"spacing_mm": 0.2, "window": [16, 16, 16]},
}


def refine(**changes) -> dict:
    """A config whose network of this name has other fields."""
    return {**SMALL, "refine": {**SMALL["refine"], **changes}}


def write(tmp_path, content) -> Path:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_bundled_config_trains_on_all_specimens_for_any_ct():
    config = load_config(BUNDLED)
    assert config.held_out == ()
    assert config.landmarks[:3] == ("helicotrema", "oval window", "round window")
    assert config.locate.augmentation.any_rotation
    assert config.refine.augmentation.rescan > 0 and config.refine.network.mean_ear
    assert config.refine.patch == (64, 80, 112) and config.orient.patch == config.orient.window


def test_crossval_judges_the_recipe_of_the_bundled_model():
    """All but how long it is trained."""
    bundled, crossval = load_config(BUNDLED), load_config(BUNDLED.with_name("crossval.json"))
    for name, setup in bundled.networks().items():
        other = crossval.networks()[name]
        assert dataclasses.replace(other, optimiser=setup.optimiser) == setup


def test_a_short_trial_divides_its_steps_as_the_config_does():
    """A hundredth of 1800, 1100 and 6300 steps: averages remember a hundredth as many steps."""
    config = load_config(BUNDLED)
    of = [setup.optimiser for setup in shortened(config, 92).networks().values()]
    assert [how.steps for how in of] == [18, 11, 63] and {how.warmup_steps for how in of} == {1}
    assert [how.ema for how in of] == pytest.approx([0.5, 0.5, 0.7])
    assert shortened(config, 92).refine.loss == config.refine.loss
    assert [s.optimiser.steps for s in shortened(config, 3).networks().values()] == [1, 1, 2]


def test_whole_numbers_become_floats_and_lists_tuples(tmp_path):
    config = load_config(write(tmp_path, {**SMALL, "synthetic_fraction": 1}))
    assert config.synthetic_fraction == 1.0 and config.locate.window == (16, 16, 16)
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_config(tmp_path / "none.json")


def test_ranges_are_of_fields_that_there_are():
    kinds = (Config, NetworkTraining, AugmentationConfig, LossConfig, OptimiserConfig,
             NetworkConfig, Intensity, MeasureConfig)  # fmt: skip
    known = {each.name for kind in kinds for each in dataclasses.fields(kind)}
    assert set().union(*RANGES.values()) <= known


@pytest.mark.parametrize(("content", "message"), [
    ("{", "is not JSON"),
    ([], "an object with the fields"),
    ({**SMALL, "sead": 1}, "unknown field 'sead'"),
    ({**SMALL, "seed": "1"}, "seed: '1' does not fit int"),
    ({**SMALL, "seed": True}, "seed: True does not fit int"),
    ({**SMALL, "locate": {"spacing_mm": 0.5}}, "locate: the field 'window' is missing and has"),
    ({}, "config.json: the field 'name' is missing and has no default"),
    ({**SMALL, "locate": {"spacing_mm": 0.5, "window": [16, 16]}}, "does not fit"),
    ({**SMALL, "locate": {"spacing_mm": 0.5, "window": [16, 16, 12]}}, "multiples of 8"),
    ({**SMALL, "refine": {**SMALL["refine"], "network": {"activation": "tanh"}}}, "is none of"),
    ({**SMALL, "refine": {**SMALL["refine"], "inference_window": [16, 20, 16]}},
     r"refine.inference_window \(16, 20, 16\) must be multiples of 8"),
    ({**SMALL, "refine": {**SMALL["refine"], "network": {"landmarks_from": "second"},
                          "loss": {"heatmaps": "squares"}}}, "heatmaps that are not 'squares'"),
    ({**SMALL, "locate": {"spacing_mm": -0.5, "window": [16, 16, 16]}},
     r"locate.spacing_mm: -0.5 must be above 0\."),
    ({**SMALL, "locate": {"spacing_mm": 0.5, "window": [0, 48, 48]}}, "window: 0 must be above 0"),
    (refine(optimiser={"steps": -5}), "optimiser.steps: -5 must be above 0"),
    (refine(optimiser={"ema": 1.0}), "ema: 1.0 must be from 0 to below 1"),
    (refine(augmentation={"crop": 1.5}), "crop: 1.5 must be from 0 to 1"),
    (refine(augmentation={"noise_hu": -1}), "noise_hu: -1.0 must be 0 or more"),
    (refine(network={"kernel_size": 4}), "refine.network: kernel_size 4 must be odd"),
    (refine(network={"channels": []}), "channels is empty"),
    ({**SMALL, "validate_every": 0}, "config.json.validate_every: 0 must be above 0"),
    ({**SMALL, "intensity": {"low": 9, "high": 9}}, "intensity: low must be below high"),
    (json.dumps(SMALL)[:-1] + ', "intensity": {"low": NaN}}', "must be a number of HU"),
    ({**SMALL, "landmarks": ["helicotrema"]}, "must hold oval window, round window"),
])  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, content, message):
    with pytest.raises(UnusableInput, match=message):
        load_config(write(tmp_path, content))
