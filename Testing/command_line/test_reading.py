"""What can be read, is read as ITK (and so 3D Slicer) reads it; and what had to be done is said."""

import gzip
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.checks import NO_ORIENTATION
from InnerEarSegLib.io.volume import geometry_of, read_ct
from InnerEarSegLib.types import Geometry

from .bad_files import DIM, PIXDIM, QFORM_CODE, SLOPE, SROW, nifti
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
    @settings(
        max_examples=15, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
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
        expected = geometry_of(image)
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
    assert np.array_equal(ct.array, phantom())
    assert ct.array.dtype == (np.float32 if dtype.startswith("float") else np.int16)


@pytest.mark.parametrize("offset", [1024, 1000])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_unsigned_values_are_shifted(ending, dtype, offset, tmp_path):
    hu = np.maximum(phantom((40, 48, 56)), -offset)
    ct = read_ct(write(tmp_path / f"ct{ending}", (hu.astype(np.int32) + offset).astype(dtype)))
    assert np.abs(ct.array - hu).max() <= 24  # which of the two it was hardly matters
    assert any("was subtracted" in warning for warning in ct.warnings)


def test_values_with_sign_are_left_alone(tmp_path):
    ct = read_ct(write(tmp_path / "ct.nrrd"))
    assert np.array_equal(ct.array, phantom()) and ct.warnings == ()


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


def test_slope_and_intercept_of_nifti(tmp_path):
    path = nifti(tmp_path, (SLOPE, struct.pack("<2f", 2.0, -500.0)))
    assert np.array_equal(read_ct(path).array, np.maximum(phantom() * 2 - 500, -1024))
    patch(path, SLOPE, struct.pack("<2f", 0.0, 99.0))  # a slope of 0 means that there is none
    assert np.array_equal(read_ct(path).array, phantom())


def test_four_dimensions_of_which_one_is_empty(tmp_path):
    path = nifti(tmp_path, (DIM, struct.pack("<5h", 4, 40, 32, 24, 1)))
    assert read_ct(path).array.shape == (24, 32, 40)
    path = write(tmp_path / "ct.nrrd", spacing=0.5)
    for old, new in (
        (b"dimension: 3", b"dimension: 4"),
        (b"sizes: 40 32 24", b"sizes: 40 32 24 1"),
        (b"kinds: domain domain domain", b"kinds: domain domain domain list"),
        (b"(0,0,0.5)", b"(0,0,0.5) none"),
    ):
        edit(path, old, new)
    assert read_ct(path).array.shape == (24, 32, 40)


def test_big_endian_and_misnamed_files(tmp_path):
    path = write(tmp_path / "ct.nrrd")
    start = path.read_bytes().index(b"\n\n") + 2
    patch(path, start, phantom().astype(">i2").tobytes())
    assert np.array_equal(read_ct(edit(path, b"little", b"big")).array, phantom())
    packed = gzip.compress(write(tmp_path / "x.nii").read_bytes())
    (tmp_path / "packed.nii").write_bytes(packed)
    assert np.array_equal(read_ct(tmp_path / "packed.nii").array, phantom())


def test_nifti_2(tmp_path):
    old = write(tmp_path / "ct.nii", spacing=0.5).read_bytes()
    header = bytearray(544)
    struct.pack_into("<i8s2h", header, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16)
    struct.pack_into("<8q", header, 16, 3, 40, 32, 24, 1, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, 0.5, 0.5, 0.5, 1, 1, 1, 1)
    struct.pack_into("<q2d", header, 168, 544, 1.0, 0.0)
    struct.pack_into("<2i", header, 344, 0, 1)
    struct.pack_into("<12d", header, 400, 0.5, 0, 0, 7, 0, 0.5, 0, 8, 0, 0, 0.5, 9)
    struct.pack_into("<i", header, 500, 2)
    (tmp_path / "two.nii").write_bytes(bytes(header) + old[352:])
    ct = read_ct(tmp_path / "two.nii")
    assert np.array_equal(ct.array, phantom())
    assert ct.geometry.to_ras([2, 0, 0]) == pytest.approx([8, 8, 9])


def test_no_orientation_is_said(tmp_path):
    for path in (
        nifti(tmp_path, (QFORM_CODE, struct.pack("<2h", 0, 0))),
        edit(write(tmp_path / "ct.nrrd"), b"space: left-posterior-superior", b"space dimension: 3"),
    ):
        assert NO_ORIENTATION in read_ct(path).warnings


def test_two_orientations_are_said(tmp_path):
    moved = struct.pack("<4f", -0.4, 0, 0, 50)
    for codes, first in (((1, 1), 50.0), ((1, 2), 0.0)):
        path = nifti(tmp_path, (SROW, moved), (QFORM_CODE, struct.pack("<2h", *codes)))
        ct = read_ct(path)
        assert ct.geometry.to_ras([0, 0, 0])[0] == pytest.approx(first)
        assert geometry_of(sitk.ReadImage(str(path))).to_ras([0, 0, 0])[0] == pytest.approx(first)
        assert "two different orientations" in ct.warnings[0]


def test_metres_and_micrometres(tmp_path):
    for unit, factor in ((1, 1e-3), (3, 1e3)):
        path = nifti(
            tmp_path,
            (123, bytes([unit])),
            (PIXDIM + 4, struct.pack("<3f", *[0.4 * factor] * 3)),
            (SROW, struct.pack("<12f", *(np.diag([0.4 * factor] * 4)[:3].ravel()))),
            (QFORM_CODE, struct.pack("<2h", 0, 1)),
        )
        assert read_ct(path).geometry.spacing == pytest.approx([0.4] * 3, rel=1e-5)


@pytest.mark.parametrize(
    ("spacing", "status"),
    [
        ((0.5, 0.5, 0.6), "read"),
        ((0.5, 0.5, 0.81), "warned"),
        ((0.5, 2.0, 0.5), "warned"),
        ((0.43, 0.43, 2.04), "warned"),
        ((1.5, 1.5, 1.5), "warned"),
        ((0.5, 0.5, 2.1), "refused"),
        ((1.6, 1.6, 1.0), "refused"),
        ((0.5, 1.6, 1.6), "refused"),
    ],
)
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
