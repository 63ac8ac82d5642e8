"""The human bony labyrinth dataset, and lists of one's own cases; damaged files included."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.dataset import case_names, specimen
from InnerEarSegLib.io.landmarks import read_landmarks
from InnerEarSegLib.io.manifest import read_dataset
from InnerEarSegLib.synthetic.files import write_case
from InnerEarSegLib.training.cases import training_case
from InnerEarSegLib.types import Geometry, Volume


@pytest.fixture
def root(tmp_path, synthetic_ear):
    write_case(synthetic_ear, tmp_path, "S01")
    return tmp_path


def test_whole_case(root, synthetic_ear):
    case = specimen(root, "S01").read()
    assert case_names(root) == ["S01"] and case.remarks == ()
    assert np.array_equal(case.ct.array, synthetic_ear.ct.array)
    assert np.array_equal(case.labels, synthetic_ear.labels.array)
    assert case.side == synthetic_ear.side
    assert np.allclose(case.landmarks["helicotrema"], synthetic_ear.landmarks["helicotrema"],
                       atol=1e-3)  # fmt: skip
    ct = root / "S01" / "CT" / "S01_CT_RAW.nii"
    ct.with_name("S01_CT_LABELS.nii").write_bytes(ct.read_bytes())  # labels that are a CT
    case = specimen(root, "S01").read()
    assert case.labels is None and "look like a CT: they hold" in case.remarks[0]
    path = ct.with_name("S01_CT_LABELS.nii")
    sitk.WriteImage(
        Volume(synthetic_ear.labels.array * 7, synthetic_ear.labels.geometry).to_sitk(), str(path)
    )
    case = specimen(root, "S01").read()
    assert case.labels is None
    assert case.remarks[0].endswith("hold no voxel of value 1; they hold the values 7.")


def test_ct_cut_short_keeps_its_whole_slices_and_says_so(root, synthetic_ear):
    path = root / "S01" / "CT" / "S01_CT_RAW.nii"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.93)])
    case = specimen(root, "S01").read()
    slices = case.ct.array.shape[0]
    assert 0.9 * len(synthetic_ear.ct.array) <= slices < len(synthetic_ear.ct.array)
    assert np.array_equal(case.ct.array, synthetic_ear.ct.array[:slices])
    assert "cut short" in case.remarks[0] and str(slices) in case.remarks[0]
    assert training_case(case).labels.shape == case.ct.array.shape


def test_a_folders_ct_passes_the_checks_of_every_ct(root, synthetic_ear):
    path, hu = root / "S01" / "CT" / "S01_CT_RAW.nii", synthetic_ear.ct.array
    shifted = Volume((hu.astype(np.int32) + 1024).astype(np.uint16), synthetic_ear.ct.geometry)
    sitk.WriteImage(shifted.to_sitk(), str(path))
    case = specimen(root, "S01").read()
    assert np.array_equal(case.ct.array, hu)
    assert case.remarks == ("S01: The values were stored without sign; 1024 was subtracted.",)
    labels = path.with_name("S01_CT_LABELS.nii").read_bytes()
    path.write_bytes(labels)
    with pytest.raises(UnusableInput, match="a label map, perhaps"):
        specimen(root, "S01").read()


def test_a_cut_ct_keeps_its_rescale_slope_and_byte_order(root, synthetic_ear):
    path, hu = root / "S01" / "CT" / "S01_CT_RAW.nii", synthetic_ear.ct.array
    stored = nibabel.load(path)
    header = stored.header.as_byteswapped(">")
    header.set_slope_inter(2.0, -1024.0)
    header.set_data_dtype(">i2")
    halves = ((hu.T.astype(np.int32) + 1024) // 2).astype(">i2")
    header["vox_offset"] = 352
    path.write_bytes(header.binaryblock + bytes(4) + halves.tobytes("F")[:-1])
    ct = specimen(root, "S01").read().ct
    assert np.abs(ct.array - hu[:-1]).max() <= 1 and len(ct.array) == len(hu) - 1


def test_what_cannot_be_used_is_said(root, tmp_path):
    with pytest.raises(UnusableInput, match="no specimen in the layout"):
        case_names(root / "S01")
    (root / "S01" / "CT" / "S01_CT_RAW.nii").write_bytes(b"nothing")
    with pytest.raises(UnusableInput, match="damaged, cut short or not"):
        specimen(root, "S01").read()
    (root / "S01" / "CT" / "S01_CT_RAW.nii").unlink()
    with pytest.raises(UnusableInput, match=r"S01_CT_RAW\.nii does not exist\.$"):
        specimen(root, "S01").read()
    with pytest.raises(UnusableInput, match=r"nope does not exist\.$"):
        case_names(root / "nope")


@pytest.mark.parametrize(("text", "sentence"), [
    ('{"SIDE": "LEFT"}', "lacks LANDMARKS"),
    ('{"SIDE": "LEFT", "LANDMARKS": [1]}', "lacks LANDMARKS"),
    ('{"SIDE": 3, "LANDMARKS": {}}', "lacks SIDE"),
    ("[]", "lacks LANDMARKS"),
    ('{"SIDE": ', "is no JSON text"),
    ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2]}}', "gives landmark A no three numbers"),
    ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2, NaN]}}', "gives landmark A no three numbers"),
    ('{"SIDE": "LEFT", "LANDMARKS": {"A": 1}}', "gives landmark A no three numbers"),
    ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2, "x"]}}', "gives landmark A no three"),
    (None, "cannot be read: No such file or directory"),
])  # fmt: skip
def test_a_description_that_cannot_be_used_is_said_in_our_words(root, text, sentence):
    path = root / "S01" / "S01_DESC.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(UnusableInput, match=rf"^S01_DESC\.json in .*{sentence}.*\.$"):
        specimen(root, "S01").read()


def test_real_dataset_has_one_short_ct_and_one_file_without_labels(specimens):
    cases = {name: specimen(specimens, name).read() for name in case_names(specimens)}
    assert len(cases) == 15
    remarked = {name for name, case in cases.items() if case.remarks}
    assert remarked == {"T04", "F12"}
    assert cases["T04"].ct.array.shape[0] == 110 and cases["T04"].labels.shape[0] == 119
    assert cases["F12"].labels is None and len(cases["F12"].landmarks) == 5


def markups(path, system="LPS", label="Helicotrema", position=(1.0, 2.0, 3.0)):
    point = {"label": label, "position": list(position), "positionStatus": "defined"}
    gone = {"label": "oval window", "position": [0, 0, 0], "positionStatus": "undefined"}
    content = {"markups": [{"coordinateSystem": system, "controlPoints": [point, gone]}]}
    path.write_text(json.dumps(content))
    return path


FCSV = """# Markups fiducial file version = 4.11
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,1.0,2.0,3.0,0,0,0,1,1,1,0,"A",,
2,7.0,8.0,9.0,0,0,0,1,1,1,0,"something, else",,
"""


@pytest.fixture
def folder(tmp_path, synthetic_ear):
    """A CT, a label map with two labels, and landmarks."""
    ct, labels = synthetic_ear.ct, synthetic_ear.labels
    sitk.WriteImage(ct.to_sitk(), str(tmp_path / "ct.nii.gz"))
    both = labels.array * 3
    both[0, 0, :5] = 7
    sitk.WriteImage(Volume(both, labels.geometry).to_sitk(), str(tmp_path / "labels.nrrd"))
    points = [
        {"label": name, "position": [float(value) for value in point]}
        for name, point in synthetic_ear.landmarks.items()
    ]
    content = {"markups": [{"coordinateSystem": "RAS", "controlPoints": points}]}
    (tmp_path / "points.mrk.json").write_text(json.dumps(content))
    return tmp_path


def write_list(folder, text):
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


def test_a_list_gives_ct_labels_landmarks_and_side(folder, synthetic_ear):
    path = write_list(
        folder,
        "case,image,labels,landmarks,side,label_values\n"
        f"one,ct.nii.gz,labels.nrrd,points.mrk.json,{synthetic_ear.side.upper()},3\n"
        "two, ct.nii.gz,,,,\n",
    )
    cases = read_dataset(path).readers
    assert list(cases) == ["one", "two"]
    one, two = cases["one"](), cases["two"]()
    assert np.array_equal(one.ct.array, synthetic_ear.ct.array)
    assert np.array_equal(one.labels, synthetic_ear.labels.array)
    assert one.side == synthetic_ear.side
    assert np.allclose(one.landmarks["helicotrema"], synthetic_ear.landmarks["helicotrema"])
    assert two.labels is None and two.landmarks == {} and two.side is None


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_line_ends(folder, separator):
    text = "\ufeffcase,image,side\r\none,ct.nii.gz,left\r\n".replace(",", separator)
    (folder / "list.csv").write_bytes(text.encode())
    assert read_dataset(folder / "list.csv").readers["one"]().side == "left"


def test_what_spreadsheets_add_does_no_harm(folder):
    # Capital titles, empty rows, and another ending of the name; rows keep their numbers.
    text = "Case,Image ,SIDE\n\n,,\none,ct.nii.gz,left\n , ,\n"
    (folder / "list.txt").write_text(text)
    assert read_dataset(folder / "list.txt").readers["one"]().side == "left"
    with pytest.raises(UnusableInput, match="row 6: case is empty"):
        read_dataset(write_list(folder, text + ",ct.nii.gz,left\n"))


def test_all_values_but_zero_are_labyrinth_unless_the_list_says_which(folder, synthetic_ear):
    path = write_list(folder, "case,image,labels\none,ct.nii.gz,labels.nrrd\n")
    assert read_dataset(path).readers["one"]().labels.sum() == synthetic_ear.labels.array.sum() + 5
    write_case(synthetic_ear, folder, "S01")  # a folder is read in the dataset's layout
    assert read_dataset(folder).readers["S01"]().side == synthetic_ear.side


@pytest.mark.parametrize(("text", "sentence"), [
    ("case,labels\na,b\n", "no column 'image'"),
    ("case,image,lables\na,ct.nii.gz,x\n", "has a column 'lables'"),
    ("case,image\n", "holds no case"),
    ("case,image\na,ct.nii.gz\na,ct.nii.gz\n", "'a' twice"),
    ("case,image\n,ct.nii.gz\n", "row 2: case is empty"),
    ("case,image,side\na,ct.nii.gz,up\n", "neither left nor right"),
    ("case,image,label_values\na,ct.nii.gz,x\n", "whole numbers"),
    ("case,image\na,ct.nii.gz,more\n", "more cells than"),
])  # fmt: skip
def test_a_list_that_cannot_be_used_is_refused_with_a_sentence(folder, text, sentence):
    with pytest.raises(UnusableInput, match=sentence):
        read_dataset(write_list(folder, text))


@pytest.mark.parametrize("gone", ["image", "labels", "landmarks"])
def test_a_file_that_is_gone_is_said_when_its_row_is_read(folder, gone):
    row = {"image": "ct.nii.gz", "labels": "", "landmarks": ""} | {gone: "nothing.nii"}
    text = f"case,image,labels,landmarks\none,ct.nii.gz,,\ntwo,{','.join(row.values())}\n"
    cases = read_dataset(write_list(folder, text)).readers
    assert cases["one"]().name == "one"
    with pytest.raises(UnusableInput, match=rf"Row 3: {gone} .*nothing\.nii does not exist\."):
        cases["two"]()


def test_what_is_no_list_or_no_labels_is_refused(folder, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"case,image\nM\xfcller,ct.nii\n")
    with pytest.raises(UnusableInput, match="is not UTF-8 text; in Excel, save it as"):
        read_dataset(tmp_path / "x.csv")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_dataset(tmp_path / "nothing.csv")
    with pytest.raises(UnusableInput, match="is an image; needed is a manifest"):
        read_dataset(folder / "ct.nii.gz")
    for name, values, sentence in (
        ("ct.nii.gz", "", "look like a CT: they hold"),
        ("labels.nrrd", "9", r"hold no voxel of value 9; they hold the values 3, 7\."),
        ("points.mrk.json", "", "cannot be read as an image"),
    ):
        text = f"case,image,labels,label_values\na,ct.nii.gz,{name},{values}\n"
        with pytest.raises(UnusableInput, match=sentence):
            read_dataset(write_list(folder, text)).readers["a"]()
    part = Volume(np.ones((2, 3, 4), np.uint8), Geometry(np.eye(4), (2, 3, 4))).to_sitk()
    colours = sitk.Compose([part] * 2)
    sitk.WriteImage(colours, str(folder / "colours.nrrd"))
    with pytest.raises(UnusableInput, match="not one 3D label map"):
        read_dataset(write_list(folder, "case,image,labels\na,ct.nii.gz,colours.nrrd\n")).readers[
            "a"
        ]()


def test_markups_are_turned_to_ras_and_missing_points_left_out(tmp_path):
    lps = read_landmarks(markups(tmp_path / "a.mrk.json")).landmarks
    assert list(lps) == ["helicotrema"] and lps["helicotrema"].tolist() == [-1.0, -2.0, 3.0]
    ras = read_landmarks(markups(tmp_path / "b.mrk.json", "RAS")).landmarks
    assert ras["helicotrema"].tolist() == [1.0, 2.0, 3.0]
    path = tmp_path / "b.mrk.json"
    path.write_bytes("\ufeff".encode() + path.read_bytes())  # a byte order mark does no harm
    assert read_landmarks(path).landmarks["helicotrema"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("system", "expected"), [("RAS", 1.0), ("0", 1.0), ("LPS", -1.0), ("1", -1.0)]
)
def test_fcsv_of_every_age(tmp_path, system, expected):
    (tmp_path / "a.fcsv").write_text(FCSV.format(system=system))
    points = read_landmarks(tmp_path / "a.fcsv").landmarks
    assert list(points) == ["helicotrema"]
    assert points["helicotrema"].tolist() == [expected, 2 * expected, 3.0]


def test_landmarks_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(UnusableInput, match="hold none of helicotrema"):
        read_landmarks(markups(tmp_path / "a.mrk.json", label="F-1"))
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_landmarks(markups(tmp_path / "a.mrk.json", position=(1.0, float("nan"), 0.0)))
    (tmp_path / "a.fcsv").write_text("# columns = x\n1\n")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_landmarks(tmp_path / "a.fcsv")
