"""One manifest for every command: other names, formats, axes and values, the same figures."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation.check import (
    EVALUATE,
    PLAN,
    SCANS,
    TRAIN,
    check_case,
    same_cts,
    summary,
)
from InnerEarSegLib.evaluation.evaluate import row_of
from InnerEarSegLib.evaluation.measurement_errors import COMPARED, reference
from InnerEarSegLib.evaluation.simulated_scans import in_scan
from InnerEarSegLib.io.case import DataSource
from InnerEarSegLib.io.dataset import SOURCE, specimen
from InnerEarSegLib.io.fingerprint import SPECIMENS, fingerprint
from InnerEarSegLib.io.labels import read_labels
from InnerEarSegLib.io.landmarks import read_landmarks
from InnerEarSegLib.io.manifest import read_dataset
from InnerEarSegLib.segmentation.pose import handedness
from InnerEarSegLib.synthetic.files import write_case
from InnerEarSegLib.training.cases import load_cases, training_case
from InnerEarSegLib.types import LANDMARKS, Ear, Geometry, Landmark, Segmentation, Volume

LPS = np.array([-1.0, -1.0, 1.0])


def turned(array, geometry, order, flips):
    """The same voxels with other axes, in the same place."""
    return sitk.Flip(sitk.PermuteAxes(Volume(array, geometry).to_sitk(), order), flips)


def write_converted(root, folder):
    """F06, T03 and F13 as a user might have them; return the manifest."""
    f06, t03, f13 = (specimen(root, name).read() for name in ("F06", "T03", "F13"))

    sitk.WriteImage(turned(f06.ct.array, f06.ct.geometry, (2, 0, 1), (True, False, True)),
                    str(folder / "eins.nrrd"), True)  # fmt: skip
    where = np.argwhere(f06.labels)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    part = f06.labels[tuple(map(slice, low, high))]
    grid = f06.label_geometry.part(low[::-1], part.shape)
    # Two overlapping segments in layers, as Slicer saves them, cropped.
    layers = [part * 3, np.ones_like(part)]
    image = sitk.Compose([turned(layer, grid, (1, 2, 0), (False, True, False)) for layer in layers])
    for number, (name, value) in enumerate((("Innenohr", 3), ("Kasten", 1))):
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(value))
        image.SetMetaData(f"Segment{number}_Layer", str(number))
    sitk.WriteImage(image, str(folder / "eins.seg.nrrd"), True)
    with (folder / "eins.fcsv").open("w") as file:
        file.write("# CoordinateSystem = LPS\n# columns = id,x,y,z,label\n")
        names = ("Apex", "Fenestra ovalis", "RW", "basal_turn_centre", "V")
        keys = ("helicotrema", "oval window", "round window", "basal turn centre",
                "vestibule centre")  # fmt: skip
        for name, key in zip(names, keys, strict=True):
            x, y, z = f06.landmarks[key] * LPS
            file.write(f"1,{x},{y},{z},{name}\n")

    ct = sitk.Cast(turned(t03.ct.array, t03.ct.geometry, (1, 0, 2), (False, False, True)),
                   sitk.sitkFloat32)  # fmt: skip
    sitk.WriteImage(ct, str(folder / "zwei.nii.gz"))
    many = t03.labels * 7
    many[:3] = 2
    sitk.WriteImage(turned(many, t03.label_geometry, (0, 2, 1), (True, True, False)),
                    str(folder / "zwei labels.mha"), True)  # fmt: skip
    with (folder / "zwei.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("label", "l", "p", "s", "defined", "selected", "description"))
        for name, at in t03.landmarks.items():
            rows.writerow((name.title(), *(at * LPS), 1, 1, ""))
        rows.writerow(("gone", 0, 0, 0, 0, 1, ""))

    sitk.WriteImage(turned(f13.ct.array, f13.ct.geometry, (2, 1, 0), (True, True, True)),
                    str(folder / "drei.mha"), True)  # fmt: skip
    sitk.WriteImage(
        Volume(f13.labels * 4, f13.label_geometry).to_sitk(), str(folder / "drei.nii.gz")
    )
    points = [{"label": name, "position": list(at)} for name, at in f13.landmarks.items()]
    markup = {"coordinateSystem": "RAS", "controlPoints": points}
    (folder / "drei.mrk.json").write_text(json.dumps({"markups": [markup]}))

    manifest = folder / "cases.tsv"
    manifest.write_text(
        "case\timage\tlabels\tlabel_values\tsegments\tlandmarks\tlandmark_names\tside\tgroup\t"
        "licence\tcitation\n"
        "eins\teins.nrrd\teins.seg.nrrd\t\tinnenohr\teins.fcsv\t"
        f"apex=helicotrema; fenestra ovalis = OW\t{f06.side}\tP1\tours\tnobody 2026\n"
        f"zwei\tzwei.nii.gz\tzwei labels.mha\t7\t\tzwei.csv\t\t{t03.side.upper()}\tP1\t\t\n"
        f"drei\tdrei.mha\tdrei.nii.gz\t\t\tdrei.mrk.json\t\t{f13.side}\t\t\t\n"
    )
    return manifest


@pytest.fixture(scope="module")
def pairs(specimens, tmp_path_factory):
    """Specimens, and the same from other files by a manifest."""
    manifest = write_converted(specimens, tmp_path_factory.mktemp("own"))
    converted = read_dataset(manifest)
    assert converted.names == ("eins", "zwei", "drei")
    originals = [specimen(specimens, name).read() for name in ("F06", "T03", "F13")]
    return list(zip(originals, [case.read() for case in converted.cases], strict=True)), manifest


def around_the_apex(case):
    """The case with a part of its labels, which is sooner measured."""
    places = np.moveaxis(np.indices(case.labels.shape)[::-1], 0, -1)
    away = case.label_geometry.to_ras(places) - case.landmarks["helicotrema"]
    return replace(case, labels=case.labels * (np.linalg.norm(away, axis=-1) < 3.0))


def found_in(case):
    """What a model might find: the labels a voxel further, landmarks half a millimetre off."""
    mask = np.roll(case.labels, 1, axis=2)
    landmarks = tuple(
        Landmark(name, tuple(case.landmarks[name] + (0.3, -0.4, 0.0)), 0.9, 0.6)
        for name in LANDMARKS
    )
    return Segmentation((Ear(case.side, mask, case.label_geometry, landmarks, 0.0),), None, "cpu")


def test_files_of_another_kind_give_the_same_figures(pairs):
    for original, own in pairs[0]:
        assert own.remarks == () and own.missing == () and own.side == original.side
        assert fingerprint(own.ct.array) == fingerprint(original.ct.array)
        for name, at in original.landmarks.items():
            assert own.landmarks[name] == pytest.approx(at, abs=1e-6)
        places = [
            np.sort(case.label_geometry.to_ras(np.argwhere(case.labels)[:, ::-1]).round(2), axis=0)
            for case in (original, own)
        ]
        assert places[0] == pytest.approx(places[1], abs=0.02)
    original, own = map(around_the_apex, pairs[0][0])
    result = found_in(original)
    before, after = row_of(original, result), row_of(own, result)
    assert 0.5 < before["dice"] < 1.0 and before["helicotrema mm"] == pytest.approx(0.5)
    for key in before.keys() - {"case", "remark"}:
        assert after[key] == pytest.approx(before[key], abs=1e-4), key


def test_plans_and_training_data_are_the_same(pairs):
    original, own = pairs[0][0]
    before, after = reference(original), reference(own)
    for key in COMPARED:
        assert after[key].value == pytest.approx(before[key].value, abs=0.02), key
    for original, own in pairs[0]:
        known, mine = training_case(original), training_case(own)
        assert mine.labels.sum() == known.labels.sum() and mine.labels.shape == mine.ct.shape
        assert mine.group == (own.group or "") and mine.fingerprint == known.fingerprint
    cases = load_cases(pairs[1], 0, 0, print)
    assert [case.source.licence for case in cases] == ["ours", "", ""]


def test_simulated_scans_are_the_same_whatever_a_case_is_called(pairs):
    original, own = pairs[0][1]
    assert own.name == "zwei"
    template = {name: original.landmarks[name] for name in LANDMARKS}
    known, mine = (in_scan(case, "soft kernel", template).ct for case in (original, own))
    assert mine.geometry.ijk_to_ras == pytest.approx(known.geometry.ijk_to_ras, abs=1e-4)
    assert np.abs(mine.array.astype(int) - known.array).max() <= 1  # rounding


def test_a_specimen_is_told_by_its_voxels_and_not_by_its_name(pairs, tmp_path, synthetic_ear):
    original, own = pairs[0][0]
    assert original.source == SOURCE and SPECIMENS["F06"] == fingerprint(own.ct.array)
    write_case(synthetic_ear, tmp_path, "F06")
    impostor = specimen(tmp_path, "F06").read()
    assert impostor.source == DataSource()
    assert fingerprint(impostor.ct.array) not in SPECIMENS.values()
    # Of hand-made values: -3024 is padding, and counts as -1024.
    few = np.array([[[5, -1024], [5, 7]]], np.int16)
    same = np.array([[[7.0], [5.0], [-3024.0], [5.0]]], np.float32)
    assert fingerprint(few) == fingerprint(same) != fingerprint(few + 1)


def test_check_says_what_a_case_is_for_and_what_is_improbable(pairs):
    (original, own), *others = pairs[0]
    good = check_case(own)
    assert good.remarks == () and good.uses == (TRAIN, EVALUATE, SCANS, PLAN)
    assert good.labyrinth_mm3 == pytest.approx(check_case(original).labyrinth_mm3)
    # As where the coordinates of a table in LPS are taken for RAS.
    mirrored = {name: at * LPS for name, at in own.landmarks.items()}
    mirrored_case = check_case(replace(own, landmarks=mirrored))
    assert re.match(
        r"The helicotrema lies [\d.]+ mm outside the CT: .*RAS or LPS", mirrored_case.doubts[0]
    )
    assert mirrored_case.lacks[TRAIN] == "landmarks outside the CT"
    with pytest.raises(UnusableInput, match="Its landmarks lie outside the CT: they may be in"):
        training_case(replace(own, landmarks=mirrored))
    more = len(mirrored_case.doubts) - 1
    assert summary([good, mirrored_case], {})[-2:] == [
        f"Doubtful: {own.name}: {mirrored_case.doubts[0]} ({more} more above)",
        f"{own.name} and {own.name} are the same CT and side.",
    ]
    swapped = check_case(replace(own, side="right" if own.side == "left" else "left"))
    assert "landmarks and labels have the shape of a " + own.side in swapped.doubts[0]
    bare = check_case(replace(own, labels=None, side=None))
    assert bare.uses == (EVALUATE,) and bare.lacks[TRAIN] == "side not stated"
    assert bare.lacks[PLAN] == "no labels, side not stated"
    part = np.where(np.arange(own.labels.shape[0])[:, None, None] % 2, own.labels, 0)
    assert "is it the whole labyrinth" in check_case(replace(own, labels=part)).doubts[0]
    twice = replace(good, name="again")
    assert same_cts([good, twice, *(check_case(case) for _, case in others)]) == [
        "eins and again are the same CT and side."
    ]
    assert same_cts([good, replace(twice, side=swapped.side, group=None)]) == [
        "eins and again are the same CT: give them one group."
    ]
    assert same_cts([good, replace(twice, side=swapped.side)]) == []


def test_every_specimen_has_the_handedness_of_its_side(pairs):
    for original, _ in pairs[0]:
        voxels = original.label_geometry.to_ras(np.argwhere(original.labels)[:, ::-1])
        at = (original.landmarks[name] for name in LANDMARKS)
        sense = handedness(*at, voxels.mean(axis=0))
        assert ("left" if sense > 0.0 else "right") == original.side


def test_segments_and_values_that_are_not_there_are_said_with_those_that_are(tmp_path):
    array = np.zeros((9, 9, 9), np.uint8)
    array[4, 4, 3:6] = (2, 3, 3)
    image = Volume(array, Geometry(np.eye(4), array.shape)).to_sitk()
    sitk.WriteImage(image, str(tmp_path / "map.nrrd"))
    assert read_labels(tmp_path / "map.nrrd", (3,))[0].sum() == 2
    mask, _, remarks = read_labels(tmp_path / "map.nrrd", (3, 4))
    assert mask.sum() == 2
    assert remarks == ("The labels hold no voxel of value 4; they hold the values 2, 3.",)
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "four axes.nii.gz"))
    assert read_labels(tmp_path / "four axes.nii.gz")[0].shape == array.shape
    mask, _, remarks = read_labels(tmp_path / "map.nrrd")
    assert mask.sum() == 3 and remarks == ("All labels count as labyrinth: the values 2, 3.",)
    with pytest.raises(UnusableInput, match=r"hold no voxel of value 1; they hold the values 2, 3"):
        read_labels(tmp_path / "map.nrrd", (1,))
    with pytest.raises(UnusableInput, match="no segment 'ear'; there are none; give label_values"):
        read_labels(tmp_path / "map.nrrd", (), ("ear",))
    for key, value in {"Name": "Labyrinth", "LabelValue": "4"}.items():
        image.SetMetaData(f"Segment0_{key}", value)
    sitk.WriteImage(image, str(tmp_path / "map.seg.nrrd"))
    with pytest.raises(UnusableInput, match="no segment 'ear'; there are Labyrinth"):
        read_labels(tmp_path / "map.seg.nrrd", (), ("ear",))
    with pytest.raises(UnusableInput, match=r"segment .labyrinth. in .* is empty"):
        read_labels(tmp_path / "map.seg.nrrd", (), ("labyrinth",))


def test_overlapping_segments_are_not_joined_in_silence(tmp_path):
    first, second = np.zeros((2, 9, 9, 9), np.uint8)
    first[2:5, 2:5, 2:5], second[1:7, 1:7, 1:7] = 1, 1  # layers of Slicer, each of value 1
    image = sitk.Compose([sitk.GetImageFromArray(layer) for layer in (first, second)])
    for number, name in enumerate(("Labyrinth", "Facial nerve")):
        for key, value in {"Name": name, "LabelValue": "1", "Layer": str(number)}.items():
            image.SetMetaData(f"Segment{number}_{key}", value)
    path = tmp_path / "two.seg.nrrd"
    sitk.WriteImage(image, str(path))
    mask, _, remarks = read_labels(path)
    assert mask.sum() == 216
    assert remarks == ("All labels count as labyrinth: Labyrinth, Facial nerve.",)
    with pytest.raises(UnusableInput, match=r"give segments instead .*: Labyrinth, Facial nerve\."):
        read_labels(path, (1,))
    assert read_labels(path, (), ("labyrinth",))[0].sum() == 27


def test_points_that_mean_nothing_are_said(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("Name;R;A;S\nOval-Window;1;2;3\napex;4;5;6\n")
    found = read_landmarks(path)
    assert found.landmarks["oval window"].tolist() == [1, 2, 3] and found.unknown == ("apex",)
    found = read_landmarks(path, {"Apex": "helicotrema", "RF": "round window"})
    assert found.landmarks["helicotrema"].tolist() == [4, 5, 6]
    assert found.unknown == () and found.unused == ("RF",)
    with pytest.raises(UnusableInput, match="hold more than one oval window"):
        read_landmarks(path, {"apex": "oval window"})
    path.write_text("label,x,y,z\nA,1,2,3\n")
    with pytest.raises(UnusableInput, match=r"r, a, s or l, p, s, .* other columns are x, y, z"):
        read_landmarks(path)
    for text in ("label;r;a;s\nA;1,5;2;3\n", "label,r,a,s\nA,1,5,2,5,3,5\n"):
        path.write_text(text)
        with pytest.raises(UnusableInput, match="write decimal points"):
            read_landmarks(path)
    for text, encoding in (("sep=;\r\nlabel;r;a;s\r\nA;1;2;3\r\n", "utf-8"),
                           ("label\tr\ta\ts\r\nA\t1\t2\t3\r\n", "utf-16")):  # fmt: skip
        path.write_bytes(text.encode(encoding))
        assert read_landmarks(path).landmarks["helicotrema"].tolist() == [1, 2, 3]
    path.write_text("label,r,a,s\nA,1,2,far\n")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_landmarks(path)


@pytest.mark.parametrize(("column", "cell", "sentence"), [
    ("landmark_names", "apex", "must read like apex=helicotrema"),
    ("landmark_names", "apex=top", "gives 'top'; the landmarks are helicotrema, oval window"),
    ("label_values,segments", "1,Ear", "give label_values or segments, not both"),
])  # fmt: skip
def test_a_row_that_contradicts_itself_is_refused(tmp_path, column, cell, sentence):
    (tmp_path / "list.csv").write_text(f"case,image,{column}\nP,ct.nii,{cell}\n")
    with pytest.raises(UnusableInput, match=rf"row 2: .*{sentence}"):
        read_dataset(tmp_path / "list.csv")


def test_an_empty_manifest_is_said_to_be_empty(tmp_path):
    (tmp_path / "list.csv").write_text("\n \n")
    with pytest.raises(UnusableInput, match=r"list.csv is empty\."):
        read_dataset(tmp_path / "list.csv")


def test_every_unusable_case_is_named_before_training(tmp_path, synthetic_ear):
    write_case(synthetic_ear, tmp_path, "S1")
    (tmp_path / "list.csv").write_text(
        "case,image,side\nP1,gone.nii,left\nP2,S1/CT/S1_CT_RAW.nii,\n"
    )
    said = []
    with pytest.raises(UnusableInput, match=r"2 of 2 cases cannot be used: P1: Row 2: .* P2: "):
        load_cases(tmp_path / "list.csv", 0, 0, said.append)
    assert len(said) == 2 and said[1].startswith("P2: Its side is not stated")
