"""From a manifest of one's own to a model whose card says nothing but the truth."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.fingerprint import SPECIMENS, fingerprint
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.model.card import bundled_model, card_lines, read_card
from InnerEarSegLib.model.provenance import Ancestor, TrainingData, knows
from InnerEarSegLib.synthetic.files import random_ear
from InnerEarSegLib.training.base import BaseModel
from InnerEarSegLib.training.card_text import card_text
from InnerEarSegLib.types import LANDMARKS, Volume

SETUP = {
    "spacing_mm": 0.8,
    "window": [24, 24, 32],
    "network": {"channels": [8, 16]},
    "optimiser": {"steps": 100, "precision": "float32"},
}
CONFIG = {"name": "InnerEarSeg bundled", **dict.fromkeys(("locate", "orient", "refine"), SETUP)}

FOREIGN = ("Wimmer", "doi", "CC BY 4.0", "specimen", "one centre", "F01", "InnerEarSeg bundled")
"""What only another model's card may say."""


def write_manifest(folder, **columns):
    """Two converted ears: other names, formats, order of axes and values, and three landmarks."""
    rows = []
    for index, name in enumerate(("Meier_Ursula", "Müller_Jörg")):
        ear = random_ear(21, index)
        ct = sitk.PermuteAxes(ear.ct.to_sitk(), [2, 0, 1])
        sitk.WriteImage(ct, str(folder / f"{name}.mha"))
        labels = Volume(5 * ear.labels.array, ear.labels.geometry).to_sitk()
        sitk.WriteImage(sitk.Flip(labels, [True, False, False]), str(folder / f"{name}.seg.nii.gz"))
        points = [{"label": key, "position": [float(x) for x in ear.landmarks[key]]}
                  for key in LANDMARKS]  # fmt: skip
        markups = {"markups": [{"coordinateSystem": "RAS", "controlPoints": points}]}
        (folder / f"{name}.mrk.json").write_text(json.dumps(markups))
        row = {"case": name, "image": f"{name}.mha", "labels": f"{name}.seg.nii.gz",
               "label_values": "5", "landmarks": f"{name}.mrk.json", "side": ear.side}  # fmt: skip
        rows.append(row | columns)
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / "patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "recipe.json").write_text(json.dumps(CONFIG))
    return folder / "patients.csv"


def train(manifest, run, *more):
    words = ["train", str(manifest.parent / "recipe.json"), "--data", str(manifest)]
    words += ["--output", str(run), "--steps", "3", "--workers", "0", "--device", "cpu"]
    return main([*words, *map(str, more)])


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_manifest(
        tmp_path_factory.mktemp("clinic"), licence="CC BY-NC 4.0", citation="Ear clinic 2026",
        group="one patient",
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(manifest):
    folder = manifest.parent / "run"
    assert train(manifest, folder) == 0
    return folder


@pytest.fixture(scope="module")
def model(run):
    file = run.parent / "model.pt"
    assert main(["export", str(run), "--output", str(file)]) == 0
    return file


def test_the_card_holds_what_the_manifest_says_and_nothing_else(model, manifest):
    text = model.with_suffix(".md").read_text(encoding="utf-8")
    card = json.dumps(read_card(model), ensure_ascii=False)
    assert "2 cases of 1 patient: Ear clinic 2026; licence: CC BY-NC 4.0" in text
    assert "Licence: CC BY-NC 4.0 (as the data), not a medical device" in text
    assert "segment, with the average ear that comes with InnerEarSeg: 2 cases." in text
    names = ("Meier", "Müller", "patients.csv", "one patient", str(manifest.parent))
    for foreign in (*FOREIGN, *names):
        assert foreign not in text and foreign not in card
    shown = dict(card_lines(read_card(model)))
    assert shown["Trained on"].startswith("2 cases of 1 patient: Ear clinic 2026")


def test_the_model_segments(model, manifest, tmp_path, capsys):
    words = ["segment", str(manifest.parent / "Meier_Ursula.mha"), "--output", str(tmp_path / "r")]
    assert main([*words, "--model", str(model), "--device", "cpu"]) in (0, 3)
    content = json.loads((tmp_path / "r" / "result.json").read_text(encoding="utf-8"))
    assert content["model"]["name"] == "model"


def test_names_are_on_the_card_only_if_asked(run, tmp_path):
    """The second case of this run has no licence, as if its cell in the manifest were empty."""
    content = json.loads((run / "run.json").read_text())
    content["records"][1] |= {"licence": "", "citation": "", "group": ""}
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    file = tmp_path / "m.pt"
    words = ["export", str(tmp_path / "run"), "--output", str(file), "--name-cases"]
    assert main([*words, "--name", "Ours"]) == 0
    text = file.with_suffix(".md").read_text(encoding="utf-8")
    assert "- Cases: Meier_Ursula, Müller_Jörg." in text and text.startswith("# Ours 0\n")
    assert "\nLicence: unknown; do not share.\n" in text
    assert "- 1 case of 1 patient: Ear clinic 2026; licence: CC BY-NC 4.0.\n" in text
    assert "- 1 case: source not stated; licence: unknown; do not share.\n" in text


def test_a_finished_training_says_what_to_do_next(run, manifest, capsys):
    assert (run / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    before = (run / "run.json").read_bytes()
    assert train(manifest, run) == 0
    said = capsys.readouterr().out
    assert f"{run} is finished: nothing was left to train." in said
    assert f"Next: innerearseg export {run} --output MODEL.pt" in said
    assert (run / "run.json").read_bytes() == before


def test_networks_of_the_bundled_model_are_said_to_be_inherited(manifest, tmp_path, capsys):
    """`refine` starts from its weights, `locate` and `orient` are its own."""
    config = json.loads(json.dumps(CONFIG))
    config["refine"]["network"] = {"channels": [16, 32]}
    (tmp_path / "c.json").write_text(json.dumps(config))
    words = ["train", str(tmp_path / "c.json"), "--data", str(manifest), "--workers", "0"]
    words += ["--output", str(tmp_path / "run"), "--steps", "3", "--networks", "refine"]
    assert main([*words, "--device", "cpu", "--from", "bundled"]) == 0
    assert "locate and orient are not trained" in capsys.readouterr().out
    resumed = words[: words.index("--networks")] + ["--networks", "refine", "--device", "cpu"]
    assert main(resumed) == 0  # the run knows what it started from
    assert "nothing was left to train" in capsys.readouterr().out
    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "moved" / "run.json").write_text(json.dumps(run | {"start_file": "/gone.pt"}))
    resumed[resumed.index("--output") + 1] = str(tmp_path / "moved")
    assert main(resumed) == 2
    assert "/gone.pt is gone; say with --from where" in capsys.readouterr().err
    words = ["export", str(tmp_path / "run"), "--output", str(tmp_path / "m.pt")]
    assert main(words) == 2
    assert "has no trained locate and no orient" in capsys.readouterr().err
    assert main([*words, "--base", "bundled"]) == 0
    bundled, card = read_card(bundled_model()), read_card(tmp_path / "m.pt")
    (model,) = card["inherited"]
    assert model["unchanged"] == ["locate", "orient"] and model["first_weights"]["refine"] > 0
    assert model["data"][0]["cases"] == 15 and len(model["fingerprints"]) == 15
    text = (tmp_path / "m.md").read_text(encoding="utf-8")
    own, inherited = text.split("## Inherited from earlier models")
    assert "Ear clinic 2026" in own and "Wimmer" not in own and "Wimmer" in inherited
    assert f"### {bundled['name']} {bundled['version']}\n" in inherited
    assert "- `locate`: its network, unchanged." in inherited
    assert "Licence: CC BY 4.0 and CC BY-NC 4.0 (as the data)" in own
    # Networks that were not trained here count no synthetic ears of this run.
    card["training"]["synthetic_ears"] = 4
    assert "- Synthetic ears: 4.\n" in card_text(card)
    card["training"]["config"]["refine"]["synthetic_ears"] = False
    assert "- Synthetic ears: none.\n" in card_text(card)


def test_a_case_is_known_by_its_ct_and_not_by_its_name(model, manifest):
    ct = fingerprint(read_ct(manifest.parent / "Meier_Ursula.mha").array)
    assert knows(read_card(model), "another name", ct)
    assert not knows(read_card(model), "Meier_Ursula", "0")
    bundled = read_card(bundled_model())
    assert knows(bundled, "another name", SPECIMENS["F01"]) and not knows(bundled, "F01", ct)


def test_what_a_model_inherited_is_inherited_from_it():
    """Of the oldest, the middle one has `locate` unchanged, and weights of `orient`."""
    oldest = Ancestor("oldest", "1", "aa", (TrainingData(15, "Atlas", "CC0"),), ("f1",),
                      ("locate",), {"orient": 7})  # fmt: skip
    middle = BaseModel("middle", "2", "bb", ("case 1",), ("f2",), (TrainingData(3),), (oldest,))
    first, second = middle.inherited(["orient"], {"refine": 5})
    assert (first.name, first.networks) == ("middle", {"orient", "refine"})
    assert (second.name, second.through, second.networks) == ("oldest", "middle 2", {"orient"})
    assert [each.name for each in middle.inherited([], {"refine": 5})] == ["middle"]
    assert middle.known([("A", "f1"), ("B", "f2"), ("case 1", "f3")]) == ["A", "B"]


def test_figures_of_another_model_are_refused(run, model, tmp_path, capsys):
    row = {"case": "Schmidt", "found": False, "scan": "as scanned", "trained_on": False}
    summary = {"command": "innerearseg evaluate Schmidt.csv --output x", "model": "Other 1",
               "weights_sha256": "00", "cases": [row],
               "summary": {"cases": 1, "found": 0, "side_right": 0}}  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(summary))
    words = ["export", str(run), "--output", str(tmp_path / "m.pt"), "--metrics"]
    assert main([*words, str(tmp_path / "s.json")]) == 2
    assert "The metrics are of another model, Other 1" in capsys.readouterr().err
    own = summary | {"weights_sha256": read_card(model)["weights_sha256"], "model": "model 0"}
    (tmp_path / "s.json").write_text(json.dumps(own))
    assert main([*words, str(tmp_path / "s.json")]) == 0
    text = (tmp_path / "m.md").read_text(encoding="utf-8")
    assert "`innerearseg evaluate … --output …`" in text and "Figures of model 0." in text
    assert "Schmidt" not in text + json.dumps(read_card(tmp_path / "m.pt"))


def test_two_ears_of_a_patient_are_held_out_together(manifest, tmp_path, capsys):
    assert train(manifest, tmp_path / "run", "--hold-out", "Müller_Jörg") == 2
    said = capsys.readouterr().err
    assert "Meier_Ursula of the same group one patient is not" in said
    assert not (tmp_path / "run").exists()


@pytest.fixture
def small_disk():
    """No file of this process can grow beyond 20 kB: every write fails as on a full disk."""
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", ["pack", "train", "synthesize", "export"])
def test_a_full_disk_is_one_sentence(command, manifest, run, tmp_path, small_disk, capfd):
    data = ["--data", str(manifest)]
    words = {
        "pack": [*data, "--output", str(tmp_path / "cases.npz")],
        "train": [str(manifest.parent / "recipe.json"), *data, "--output", str(tmp_path / "run"),
                  "--steps", "3", "--workers", "0", "--device", "cpu"],
        "synthesize": ["--output", str(tmp_path / "ears")],
        "export": [str(run), "--output", str(tmp_path / "m.pt")],
    }  # fmt: skip
    capfd.readouterr()
    assert main([command, *words[command]]) == 2
    said = capfd.readouterr().err
    assert "cannot be written: " in said and said.count("\n") == 1
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {"run.json", "log.csv"}


def test_computed_landmarks_are_near_those_that_people_placed(specimens):
    """The three specimens that the average ear is not made from."""
    from InnerEarSegLib.io.dataset import specimen
    from InnerEarSegLib.training.auxiliary import auxiliary_landmarks

    for name in ("F06", "T03", "F13"):
        case = specimen(specimens, name).read()
        truth = dict(case.landmarks)
        for key in ("basal turn centre", "vestibule centre"):
            del case.landmarks[key]
        for key, point in auxiliary_landmarks(case).items():
            assert np.linalg.norm(point - truth[key]) < 0.6
