"""The human bony labyrinth dataset, damaged files included."""

import numpy as np
import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.dataset import case_names, read_case
from InnerEarSegLib.synthetic.files import write_case
from InnerEarSegLib.training.cases import training_case


@pytest.fixture
def root(tmp_path, synthetic_ear):
    write_case(synthetic_ear, tmp_path, "S01")
    return tmp_path


def test_whole_case(root, synthetic_ear):
    case = read_case(root, "S01")
    assert case_names(root) == ["S01"] and case.remarks == ()
    assert np.array_equal(case.ct.array, synthetic_ear.ct.array)
    assert np.array_equal(case.labels, synthetic_ear.labels.array)
    assert case.side == synthetic_ear.side
    assert np.allclose(case.landmarks["helicotrema"], synthetic_ear.landmarks["helicotrema"],
                       atol=1e-3)  # fmt: skip


def test_ct_cut_short_keeps_its_whole_slices_and_says_so(root, synthetic_ear):
    path = root / "S01" / "CT" / "S01_CT_RAW.nii"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.93)])
    case = read_case(root, "S01")
    slices = case.ct.array.shape[0]
    assert 0.9 * len(synthetic_ear.ct.array) <= slices < len(synthetic_ear.ct.array)
    assert np.array_equal(case.ct.array, synthetic_ear.ct.array[:slices])
    assert "cut short" in case.remarks[0] and str(slices) in case.remarks[0]
    assert training_case(case).labels.shape == case.ct.array.shape


def test_what_cannot_be_used_is_said(root, tmp_path):
    with pytest.raises(UnusableInput, match="no specimen in the layout"):
        case_names(root / "S01")
    (root / "S01" / "CT" / "S01_CT_RAW.nii").write_bytes(b"nothing")
    with pytest.raises(UnusableInput, match="cannot be read as NIfTI"):
        read_case(root, "S01")
    (root / "S01" / "CT" / "S01_CT_RAW.nii").unlink()
    with pytest.raises(UnusableInput, match=r"S01: the CT .*S01_CT_RAW\.nii is missing\.$"):
        read_case(root, "S01")
    with pytest.raises(UnusableInput, match=r"nope does not exist\.$"):
        case_names(root / "nope")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"SIDE": "LEFT"}', "lacks LANDMARKS; download it again"),
        ('{"SIDE": "LEFT", "LANDMARKS": [1]}', "lacks LANDMARKS"),
        ('{"SIDE": 3, "LANDMARKS": {}}', "lacks SIDE"),
        ("[]", "lacks LANDMARKS"),
        ('{"SIDE": ', "is no JSON text"),
        ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2]}}', "gives landmark A no three numbers"),
        ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2, NaN]}}', "gives landmark A no three numbers"),
        ('{"SIDE": "LEFT", "LANDMARKS": {"A": 1}}', "gives landmark A no three numbers"),
        ('{"SIDE": "LEFT", "LANDMARKS": {"A": [1, 2, "x"]}}', "gives landmark A no three"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_description_that_cannot_be_used_is_said_in_our_words(root, text, sentence):
    path = root / "S01" / "S01_DESC.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(UnusableInput, match=rf"^S01_DESC\.json in .*{sentence}.*\.$"):
        read_case(root, "S01")


def test_real_dataset_has_one_short_ct_and_one_file_without_labels(specimens):
    cases = {name: read_case(specimens, name) for name in case_names(specimens)}
    assert len(cases) == 15
    remarked = {name for name, case in cases.items() if case.remarks}
    assert remarked == {"T04", "F12"}
    assert cases["T04"].ct.array.shape[0] == 110 and cases["T04"].labels.shape[0] == 119
    assert cases["F12"].labels is None and len(cases["F12"].landmarks) == 5
