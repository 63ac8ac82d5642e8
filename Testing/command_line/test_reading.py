"""What can be read, is read as ITK (and so 3D Slicer) reads it; and what had to be done is said."""

import gzip
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.checks import NO_ORIENTATION
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.types import Geometry

from .bad_files import DIM, PIXDIM, QFORM_CODE, SLOPE, SROW, header, with_value
from .conftest import REPOSITORY
from .make_ct import edit, patch, phantom, write

ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
ANGLE = st.floats(-3.1, 3.1)


def turned(angles, spacing, origin, flips=(1, 1, 1), order=(0, 1, 2)):
    """A grid with any direction matrix."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*map(float, angles))
    rotation = np.array(transform.GetMatrix()).reshape(3, 3) * flips
    matrix = np.eye(4)
    matrix[:3, :3] = rotation[:, list(order)] * spacing
    matrix[:3, 3] = origin
    return Geometry(matrix, phantom().shape)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_values_and_geometry_are_those_of_itk(ending, compress, tmp_path):
    @settings(max_examples=15, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(
        st.tuples(ANGLE, ANGLE, ANGLE),
        st.tuples(*[st.floats(0.1, 1.5)] * 3),
        st.tuples(*[st.floats(-300, 300)] * 3),
        st.tuples(*[st.sampled_from((1, -1))] * 3),
        st.permutations([0, 1, 2]),
    )
    def same(angles, spacing, origin, flips, order):
        path = tmp_path / f"ct{ending}"
        write(path, grid=turned(angles, spacing, origin, flips, order), compress=compress)
        ct = read_ct(path)
        image = sitk.ReadImage(str(path))
        expected = Geometry.of_image(image)
        corners = np.array([[0, 0, 0], [39, 0, 0], [0, 31, 0], [0, 0, 23]])
        found = ct.geometry.to_ras(corners)
        assert found == pytest.approx(expected.to_ras(corners), abs=1e-3)
        assert np.array_equal(ct.array, sitk.GetArrayFromImage(image))
        assert ct.name == "ct" and NO_ORIENTATION not in ct.warnings

    same()


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_types(ending, dtype, tmp_path):
    ct = read_ct(write(tmp_path / f"ct{ending}", phantom().astype(dtype)))
    assert np.array_equal(ct.array, phantom()) and ct.warnings == ()
    assert ct.array.dtype == (np.float32 if dtype.startswith("float") else np.int16)


@pytest.mark.parametrize("offset", [1024, 1000])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_unsigned_values_are_shifted(ending, dtype, offset, tmp_path):
    hu = np.maximum(phantom((40, 48, 56)), -offset)
    ct = read_ct(write(tmp_path / f"ct{ending}", (hu.astype(np.int32) + offset).astype(dtype)))
    assert np.abs(ct.array - hu).max() <= 24  # which of the two it was hardly matters
    assert any("was subtracted" in warning for warning in ct.warnings)


@pytest.mark.parametrize(("value", "share"), [(np.nan, 1e-4), (-0.5, 1e-4), (-2000, 0.2)])
def test_a_stray_value_or_padding_does_not_hide_unsigned_values(value, share, tmp_path):
    stored = with_value(value, share)(phantom((40, 48, 56)).astype(np.int32) + 1024)
    ct = read_ct(write(tmp_path / "ct.nii.gz", stored))
    kept = stored.ravel() != value
    kept[: int(share * stored.size)] = False
    assert np.array_equal(ct.array.ravel()[kept], stored.ravel()[kept] - 1024)
    assert (ct.array.ravel()[~kept] == -1024).all()
    assert "1024 was subtracted" in ct.warnings[-1]


def test_unsigned_values_are_shifted_where_resampling_overshot_below_0(tmp_path):
    stored = (phantom((40, 48, 56)).astype(np.int32) + 1024).astype(np.float32)
    stored[::5, ::5, ::4] = -120.5  # 1 % of the voxels
    ct = read_ct(write(tmp_path / "ct.nrrd", stored))
    assert np.array_equal(ct.array, np.maximum(stored - 1024, -1024))


def test_a_ct_without_air_stays_as_it_is(tmp_path):
    """An opacified ear: values below 0 are noise of fluid, here 0.5 % of the voxels."""
    noise = np.random.default_rng(2).normal(0, 25, (24, 32, 40))
    values = np.where(phantom() < 500, 64, phantom()) + noise
    assert 0.004 < (values < 0).mean() < 0.006
    ct = read_ct(write(tmp_path / "ct.nrrd", values.astype(np.int16)))
    assert np.array_equal(ct.array, values.astype(np.int16)) and ct.warnings == ()


@pytest.mark.parametrize("padding", [-2000, -3024, -32768])
def test_padding_becomes_air(padding, tmp_path):
    values = phantom()
    values[:, :4] = padding
    ct = read_ct(write(tmp_path / "ct.nii.gz", values))
    assert ct.array.min() == -1024 and np.array_equal(ct.array[:, 4:], values[:, 4:])


def test_a_few_voxels_that_are_no_numbers(tmp_path):
    values = phantom().astype(np.float32)
    values[3, 3, 3:6] = np.nan, np.inf, -np.inf
    ct = read_ct(write(tmp_path / "ct.nrrd", values))
    assert np.all(ct.array[3, 3, 3:6] == -1024) and np.isfinite(ct.array).all()
    assert "3 voxels were not numbers" in ct.warnings[0]


@pytest.mark.parametrize(("make", "expected"), [
    (header((SLOPE, "<2f", (2.0, -500.0))), np.maximum(phantom() * 2 - 500, -1024)),
    (header((SLOPE, "<2f", (0.0, 99.0))), phantom()),  # a slope of 0 means that there is none
    (header((DIM, "<5h", (4, 40, 32, 24, 1))), phantom()),
], ids=["slope and intercept", "slope of 0", "four dimensions of which one is empty"])  # fmt: skip
def test_fields_of_nifti(make, expected, tmp_path):
    assert np.array_equal(read_ct(make(tmp_path)).array, expected)


def test_four_dimensions_of_which_one_is_empty_in_nrrd(tmp_path):
    path = write(tmp_path / "ct.nrrd", spacing=0.5)
    for old, new in (
        (b"dimension: 3", b"dimension: 4"),
        (b"sizes: 40 32 24", b"sizes: 40 32 24 1"),
        (b"kinds: domain domain domain", b"kinds: domain domain domain list"),
        (b"(0,0,0.5)", b"(0,0,0.5) none"),
    ):
        edit(path, old, new)
    assert np.array_equal(read_ct(path).array, phantom())


def test_big_endian_and_misnamed_files(tmp_path):
    path = write(tmp_path / "ct.nrrd")
    start = path.read_bytes().index(b"\n\n") + 2
    patch(path, start, phantom().astype(">i2").tobytes())
    assert np.array_equal(read_ct(edit(path, b"little", b"big")).array, phantom())
    packed = gzip.compress(write(tmp_path / "x.nii").read_bytes())
    (tmp_path / "packed.nii").write_bytes(packed)
    assert np.array_equal(read_ct(tmp_path / "packed.nii").array, phantom())


@pytest.mark.parametrize("order", "<>")
def test_nifti_2_of_either_byte_order(order, tmp_path):
    affine = np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] = 7, 8, 9
    made = nibabel.Nifti2Image(phantom().T, affine)
    made.header.set_xyzt_units("mm")
    made = nibabel.Nifti2Image(phantom().T, affine, made.header.as_byteswapped(order))
    nibabel.save(made, tmp_path / "two.nii")
    ct = read_ct(tmp_path / "two.nii")
    assert np.array_equal(ct.array, phantom())
    assert ct.geometry.to_ras([2, 0, 0]) == pytest.approx([8, 8, 9])


def test_no_orientation_is_said(tmp_path):
    for path in (
        header((QFORM_CODE, "<2h", (0, 0)))(tmp_path),
        edit(write(tmp_path / "ct.nrrd"), b"space: left-posterior-superior", b"space dimension: 3"),
        edit(write(tmp_path / "ct.mha"), b"TransformMatrix =", b"Comment ="),
    ):
        assert NO_ORIENTATION in read_ct(path).warnings


@pytest.mark.parametrize(("codes", "first"), [((1, 1), 50.0), ((1, 2), 0.0)])
def test_two_orientations_are_said(codes, first, tmp_path):
    moved = (SROW, "<4f", (-0.4, 0, 0, 50))
    path = header(moved, (QFORM_CODE, "<2h", codes))(tmp_path)
    ct = read_ct(path)
    assert ct.geometry.to_ras([0, 0, 0])[0] == pytest.approx(first)
    assert Geometry.of_image(sitk.ReadImage(str(path))).to_ras([0, 0, 0])[0] == pytest.approx(first)
    assert "two different orientations" in ct.warnings[0]


@pytest.mark.parametrize(("unit", "factor"), [(1, 1e-3), (3, 1e3)])
def test_metres_and_micrometres(unit, factor, tmp_path):
    size = 0.4 * factor
    path = header(
        (123, "B", unit),
        (PIXDIM + 4, "<3f", (size,) * 3),
        (SROW, "<12f", np.diag([size] * 4)[:3].ravel()),
        (QFORM_CODE, "<2h", (0, 1)),
    )(tmp_path)
    assert read_ct(path).geometry.spacing == pytest.approx([0.4] * 3, rel=1e-5)


@pytest.mark.parametrize(("spacing", "status"), [
    ((0.5, 0.5, 0.6), "read"),
    ((0.5, 0.5, 0.81), "warned"),
    ((0.5, 2.0, 0.5), "warned"),
    ((0.43, 0.43, 2.04), "warned"),
    ((1.5, 1.5, 1.5), "warned"),
    ((0.5, 0.5, 2.1), "refused"),
    ((1.6, 1.6, 1.0), "refused"),
    ((0.5, 1.6, 1.6), "refused"),
])  # fmt: skip
def test_the_rule_for_voxel_sizes(spacing, status, tmp_path):
    grid = Geometry(np.diag([*spacing, 1.0]), phantom().shape)
    path = write(tmp_path / "ct.nrrd", grid=grid)
    if status == "refused":
        with pytest.raises(UnusableInput, match="too coarse"):
            read_ct(path)
    else:
        said = any("less accurate" in warning for warning in read_ct(path).warnings)
        assert said == (status == "warned")


def test_series_is_for_dicom(tmp_path):
    with pytest.raises(UnusableInput, match="--series does not apply"):
        read_ct(write(tmp_path / "ct.nrrd"), "1.2.3")


def test_without_nibabel_nrrd_is_read_and_nifti_refused_in_a_sentence(tmp_path):
    """As inside 3D Slicer."""
    program = (
        "import sys; sys.modules['nibabel'] = None; "
        "from pathlib import Path; from InnerEarSegLib.io.volume import read_ct; "
        "print(read_ct(Path(sys.argv[1])).array.shape); read_ct(Path(sys.argv[2]))"
    )
    paths = [write(tmp_path / "ct.nrrd"), write(tmp_path / "ct.nii.gz")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stdout == "(24, 32, 40)\n"
    assert "UnusableInput" in done.stderr and "run pip install nibabel" in done.stderr
