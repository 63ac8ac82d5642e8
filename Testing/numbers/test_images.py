"""Volumes and masks as images of nibabel and SimpleITK, and CTs that come as such."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import example, given
from hypothesis import strategies as st

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.images import ct_of
from InnerEarSegLib.io.result_files import read_plain, write_plain
from InnerEarSegLib.types import RAS_FROM_LPS, Ear, Geometry, ModelIdentity, Segmentation, Volume

SEEDS = st.integers(0, 2**32 - 1)


def turned(seed: int) -> Geometry:
    """A grid of any rotation, handedness, spacing and origin."""
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes * random.uniform(0.1, 1.4, 3), random.uniform(-99, 99, 3)
    return Geometry(matrix, (5, 4, 3))


@given(SEEDS)
@example(5357)  # turned by nearly 180 degrees: no quaternion of float32 tells its qform
def test_a_voxel_keeps_its_value_and_place_in_every_library(seed):
    grid = turned(seed)
    volume = Volume(np.arange(60, dtype=np.int16).reshape(grid.shape), grid)
    ijk = (2, 1, 4)
    nifti, image = volume.to_nibabel(), volume.to_sitk()
    assert nifti.dataobj[ijk] == image[ijk] == volume.array[ijk[::-1]] == 4 * 12 + 1 * 3 + 2
    ras = grid.to_ras(ijk)
    np.testing.assert_allclose(nibabel.affines.apply_affine(nifti.affine, ijk), ras, atol=1e-9)
    stored_affines = [nifti.get_sform(), nifti.get_qform(coded=True)[0]]
    for stored in filter(lambda each: each is not None, stored_affines):  # float32 in the header
        np.testing.assert_allclose(nibabel.affines.apply_affine(stored, ijk), ras, atol=1e-3)
    lps = image.TransformIndexToPhysicalPoint(ijk)
    np.testing.assert_allclose(RAS_FROM_LPS[:3, :3] @ lps, ras, atol=1e-9)


@pytest.mark.parametrize(("seed", "code"), [(3, 1), (5357, 0)])
def test_a_qform_that_would_displace_voxels_is_not_written(seed, code):
    grid = turned(seed)
    nifti = Volume(np.zeros(grid.shape, np.int16), grid).to_nibabel()
    assert nifti.header["sform_code"] == 1 and nifti.header["qform_code"] == code


def ear_of(mask, geometry) -> Ear:
    return Ear("left", np.asarray(mask, np.uint8), geometry, (), 1.0)


def test_a_mask_on_the_ct_fits_it_voxel_by_voxel():
    ct = Geometry(np.diag([0.4, 0.4, 0.4, 1.0]), (8, 9, 10))
    fine = np.diag([0.2, 0.2, 0.2, 1.0])
    fine[:3, 3] = 1.6 - 0.1, 1.2 - 0.1, 0.8 - 0.1  # eight voxels fill the CT's (4, 3, 2)
    mask = np.zeros((4, 4, 4))
    mask[:2, :2, :2] = 1  # all of (4, 3, 2)
    mask[:2, :2, 2:] = [[[1, 0], [1, 0]], [[1, 0], [1, 0]]]  # half of (5, 3, 2)
    mask[2:, :2, 0] = 1  # half of (4, 3, 3) ...
    mask[2, 0, 0] = 0  # ... but for one
    seen = ear_of(mask, Geometry(fine, (4, 4, 4))).to_nibabel(ct)
    assert seen.shape == (10, 9, 8) and np.array_equal(seen.affine, ct.ijk_to_ras)
    assert np.argwhere(np.asarray(seen.dataobj)).tolist() == [[4, 3, 2], [5, 3, 2]]
    same = ear_of(mask, ct.part((3, 2, 1), (4, 4, 4))).mask(ct)
    assert np.array_equal(same.array[1:5, 2:6, 3:7], mask) and same.array.sum() == mask.sum()


def test_a_result_whose_mask_is_cut_is_refused(tmp_path):
    mask = np.random.default_rng(0).integers(0, 2, (20, 20, 20))
    result = Segmentation((ear_of(mask, turned(3)),), ModelIdentity("m", "1", ""), "cpu")
    write_plain(result, tmp_path)
    (tmp_path / "result.json").write_text(json.dumps(result.to_json()))
    assert np.array_equal(read_plain(tmp_path).ears[0].labyrinth, mask)
    path = tmp_path / "labyrinth_left.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnusableInput, match=r"cannot be read: labyrinth_left\.npz is damaged\."):
        read_plain(tmp_path)


@pytest.fixture(scope="module")
def ct() -> Volume:
    """A CT of noise on a turned grid."""
    array = np.random.default_rng(1).normal(200, 400, (12, 10, 9)).astype(np.int16)
    return Volume(array, replace(turned(3), shape=array.shape))


@pytest.mark.parametrize("of", [
    lambda ct: (ct,),
    lambda ct: (ct.to_sitk(),),
    lambda ct: (ct.to_nibabel(),),
    lambda ct: (ct.array.T, ct.geometry.ijk_to_ras),
    lambda ct: (ct.array.T[..., None].astype(">f8"), ct.geometry.ijk_to_ras.tolist()),
    lambda ct: (replace(ct, array=np.broadcast_to(ct.array, ct.array.shape)),),  # read-only
    lambda ct: (replace(ct, array=ct.array.astype(np.int32) + 2**16 * (ct.array == 1)),),
])  # fmt: skip
def test_a_ct_in_memory_is_read_as_from_a_file(ct, of):
    given = of(ct)
    before = np.array(given[0].array if isinstance(given[0], Volume) else ct.array)
    read = ct_of(*given)
    np.testing.assert_allclose(read.geometry.ijk_to_ras, ct.geometry.ijk_to_ras, atol=1e-9)
    assert read.array.dtype in (np.int16, np.float32)
    known = (ct.array != 1) & (ct.array >= -1024)
    np.testing.assert_array_equal(read.array[known], ct.array[known])
    if isinstance(given[0], Volume):
        np.testing.assert_array_equal(given[0].array, before)  # the caller's array stays


def test_an_image_that_nobody_else_holds_is_not_freed_before_it_is_read():
    for seed in range(5):
        array = np.random.default_rng(seed).normal(200, 400, (40, 50, 60)).astype(np.int16)
        read = ct_of(Volume(array, Geometry(np.eye(4), array.shape)).to_sitk())
        np.testing.assert_array_equal(read.array, np.maximum(array, -1024))


SWAPPED = (
    "The file does not say how the voxels lie in the patient, so left and right may be swapped."
)
DIFFER = "The file gives two different orientations; its {} was taken, as 3D Slicer does."


@pytest.mark.parametrize(("codes", "unit", "r_of_columns", "warnings"), [
    ((0, 0), 2, -0.3, (SWAPPED,)),
    ((1, 2), 2, 0.3, (DIFFER.format("qform"),)),
    ((2, 1), 2, -0.3, (DIFFER.format("sform"),)),
    ((0, 2), 1, -0.3, ()),
    ((1, 0), 3, 0.3, ()),
])  # fmt: skip
def test_a_nifti_in_memory_lies_as_its_file_does(codes, unit, r_of_columns, warnings, ct, tmp_path):
    size = 0.3 / {1: 1000.0, 2: 1.0, 3: 0.001}[unit]
    image = nibabel.Nifti1Image(np.maximum(ct.array, -1024).T, np.eye(4))
    image.header["pixdim"][:4] = 1, size, size, size
    image.header["qoffset_x"], image.header["xyzt_units"] = 10 * size, unit
    image.header["qform_code"], image.header["sform_code"] = codes
    image.header.set_sform(np.diag([-size, size, size, 1]), code=codes[1])
    nibabel.save(nibabel.Nifti1Image(image.dataobj, None, image.header), tmp_path / "ct.nii")
    by_path, loaded = ct_of(tmp_path / "ct.nii"), nibabel.load(tmp_path / "ct.nii")
    in_memory = ct_of(loaded)
    assert by_path.geometry.ijk_to_ras[0, 0] == pytest.approx(r_of_columns)
    np.testing.assert_allclose(
        in_memory.geometry.ijk_to_ras, by_path.geometry.ijk_to_ras, rtol=1e-6
    )
    np.testing.assert_array_equal(in_memory.array, by_path.array)
    assert in_memory.warnings == by_path.warnings == warnings
    loaded.affine[:3, :3] = np.diag([size, size, size])  # which counts from now on
    assert ct_of(loaded).geometry.ijk_to_ras[0, 0] == pytest.approx(0.3)


def test_holes_are_air_and_said(ct):
    holes = ct.array.astype(np.float32)
    holes[0, 0, :5] = np.nan
    read = ct_of(replace(ct, array=holes))
    assert read.array[0, 0, :5].tolist() == [-1024] * 5 and np.isnan(holes[0, 0, :5]).all()
    assert "5 voxels were not numbers and are taken for air." in read.warnings


@pytest.mark.parametrize(("of", "message"), [
    (lambda ct: {"source": replace(ct, array=np.where(ct.array > 0, np.nan, -5.0))},
     "The CT holds .* voxels that are not numbers"),
    (lambda ct: {"source": replace(ct, array=(ct.array > 0).astype(np.int16))}, "label map"),
    (lambda ct: {"source": replace(ct, array=ct.array.astype(complex))}, "complex numbers"),
    (lambda ct: {"source": replace(ct, array=ct.array[:9])}, r"\(9, 10, 9\) voxels"),
    (lambda ct: {"source": ct.array}, "needs its affine"),
    (lambda ct: {"source": ct.array, "affine": np.eye(3)}, "4 x 4 is needed"),
    (lambda ct: {"source": ct.array, "affine": np.zeros((4, 4))}, "impossible spacing"),
    (lambda ct: {"source": ct.array[0], "affine": np.eye(4)}, "2 dimensions"),
    (lambda ct: {"source": ct, "affine": np.eye(4)}, "affine goes with an array"),
    (lambda ct: {"source": ct, "series": "1.2"}, "series goes with"),
    (lambda ct: {"source": sitk.Image(9, 9, sitk.sitkInt16)}, "2 dimensions"),
    (lambda ct: {"source": 7}, "type int is no CT"),
])  # fmt: skip
def test_what_is_no_ct_is_refused(ct, of, message):
    with pytest.raises(UnusableInput, match=message):
        ct_of(**of(ct))
