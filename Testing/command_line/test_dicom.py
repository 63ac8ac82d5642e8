"""DICOM: folders, files, series, and planes that do not lie on a regular grid."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.uid import RLELossless

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.volume import read_ct

from .make_ct import linear, phantom
from .make_dicom import dataset, save, uid, write_multi_frame, write_series


@pytest.fixture
def hu():
    return phantom((14, 16, 20))


def check_grid(ct, shape, spacing=(0.3, 0.4, 0.6), origin=(10, 20, 5)):
    assert ct.array.shape == shape
    assert ct.geometry.spacing == pytest.approx(spacing, abs=1e-5)
    assert ct.geometry.to_ras([0, 0, 0]) == pytest.approx(origin, abs=1e-4)


def test_slices_are_sorted_by_position_and_rescaled(hu, tmp_path):
    ct = read_ct(write_series(tmp_path / "s", hu))
    assert np.array_equal(ct.array, hu) and ct.array.dtype == np.int16
    check_grid(ct, hu.shape)
    assert ct.warnings == ()
    write_series(tmp_path / "t", hu[:7], intercept=-2000)  # from slice to slice
    write_series(tmp_path / "t" / "rest", hu, intercept=-1024, skip=tuple(range(7)))
    assert np.array_equal(read_ct(tmp_path / "t").array, hu)


@pytest.mark.parametrize(("options", "change"), [
    ({"RescaleSlope": 0.5}, lambda hu: (hu.astype(float) + 1024) * 0.5 - 1024),
    ({"compress": RLELossless}, lambda hu: hu),
    ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, lambda hu: hu),
], ids=["fractional slope", "compressed by run length", "a lone reformat"])  # fmt: skip
def test_read_as_it_is(hu, tmp_path, options, change):
    assert read_ct(write_series(tmp_path, hu, **options)).array == pytest.approx(change(hu))


@pytest.mark.parametrize("tags", [{}, {"SliceThickness": ""}, {"SliceThickness": 0}])
def test_a_thickness_that_the_header_lacks_is_not_known(hu, tmp_path, tags):
    assert read_ct(write_series(tmp_path, hu, **tags)).slice_mm is None


def test_slices_may_be_thicker_than_their_distance(hu, tmp_path):
    ct = read_ct(write_series(tmp_path / "overlapping", hu, SliceThickness="1.5"))
    assert ct.slice_mm == 1.5
    check_grid(ct, hu.shape)
    path = write_multi_frame(tmp_path / "enhanced.dcm", hu)
    assert read_ct(path).slice_mm == 0.6


def test_padding_is_air(hu, tmp_path):
    hu[:, :3] = -3024
    ct = read_ct(write_series(tmp_path, hu, intercept=-3024))
    assert ct.array.min() >= -1024 and np.array_equal(ct.array[:, 3:], hu[:, 3:])


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_compressed_by_gdcm(hu, tmp_path, compressor):
    write_series(tmp_path / "raw", hu)
    (tmp_path / "packed").mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    for path in (tmp_path / "raw").iterdir():
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        image = sitk.Cast(reader.Execute(), sitk.sitkInt16)  # which drops the tags
        for key in reader.GetMetaDataKeys():
            image.SetMetaData(key, reader.GetMetaData(key))
        writer.SetFileName(str(tmp_path / "packed" / path.name))
        writer.Execute(image)
    syntaxes = {dcmread(p).file_meta.TransferSyntaxUID for p in (tmp_path / "packed").iterdir()}
    assert all(syntax.is_compressed for syntax in syntaxes)
    ct = read_ct(tmp_path / "packed")
    assert np.array_equal(ct.array, hu)


def test_multi_frame_in_any_order(hu, tmp_path):
    order = list(np.random.default_rng(0).permutation(len(hu)))
    path = write_multi_frame(tmp_path / "d" / "enhanced.dcm", hu, order)
    for place in (path, path.parent):
        ct = read_ct(place)
        assert np.array_equal(ct.array, hu)
        check_grid(ct, hu.shape)


def test_oblique_planes(hu, tmp_path):
    angle = np.radians(30)
    row = np.array([np.cos(angle), np.sin(angle), 0])
    column = np.array([0, 0, -1.0])
    normal = np.cross(row, column)
    for k, plane in enumerate(hu):
        ds = dataset(
            (plane + 1024).astype(np.uint16),
            SOPInstanceUID=f"1.2.3.{k + 1}",
            ImageOrientationPatient=[round(float(v), 6) for v in (*row, *column)],
            ImagePositionPatient=[round(float(v), 6) for v in 1.0 + 0.6 * k * normal],
            InstanceNumber=k + 1,
        )
        save(ds, tmp_path / f"{k}.dcm")
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.array, hu)
    ijk = np.array([3, 5, 7])
    lps = 1.0 + row * 0.3 * 3 + column * 0.4 * 5 + normal * 0.6 * 7
    assert ct.geometry.to_ras(ijk) == pytest.approx(lps * [-1, -1, 1], abs=1e-4)


def test_gantry_tilt_is_resampled_and_said(tmp_path):
    # HU linear in space: where slices lie, the straightened volume must show the same function.
    def value(ras):
        return -300 + 20 * ras[..., 0] + 15 * ras[..., 1] - 25 * ras[..., 2]

    shape, shear = (12, 30, 24), 0.25
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    place = 5 + 0.6 * k
    ras = np.stack([10 - 0.3 * i, 20 + shear * (place - 5) - 0.4 * j, place], axis=-1)
    ct = read_ct(write_series(tmp_path, np.round(value(ras)).astype(int), shear=shear))
    assert any("tilted by 14.0 degrees" in warning for warning in ct.warnings)
    inner = np.argwhere(ct.array > -1000)[:, ::-1]
    expected = value(ct.geometry.to_ras(inner))
    found = ct.array[tuple(inner[:, ::-1].T)]
    inside = np.abs(found - expected) < 2
    assert inside.mean() > 0.9  # all but the blended edge of each slice
    assert ct.geometry.spacing == pytest.approx([0.3, 0.4, 0.6], abs=1e-5)
    direction = ct.geometry.ijk_to_ras[:3, :3] / ct.geometry.spacing
    assert np.allclose(direction.T @ direction, np.eye(3))


def test_irregular_distance_is_resampled_and_said(tmp_path):
    steps = np.random.default_rng(0).uniform(0.4, 0.8, 19)
    places = [5.0, *(5.0 + np.cumsum(steps)).round(3).tolist()]
    hu = np.stack([np.full((16, 20), 40 * place - 900) for place in places])
    hu = hu + linear((1, 16, 20), start=0)[0]
    ct = read_ct(write_series(tmp_path, np.round(hu).astype(int), places=places))
    assert any("were resampled to" in warning for warning in ct.warnings)
    ijk = np.zeros((len(ct.array), 3))
    ijk[:, 2] = np.arange(len(ct.array))
    height = ct.geometry.to_ras(ijk)[:, 2]
    assert ct.array[:, 0, 0] == pytest.approx(40 * height - 900, abs=1)


def test_missing_slices_are_interpolated_and_named(tmp_path):
    hu = linear((20, 16, 20))
    ct = read_ct(write_series(tmp_path, hu, skip=(7, 12, 13)))
    check_grid(ct, hu.shape)
    assert ct.array == pytest.approx(hu, abs=1)
    (said,) = ct.warnings
    assert "3 slices are missing between instance numbers 7 and 9 (at S 9.2 mm)" in said
    assert "12 and 15" in said


def test_copies_are_ignored_and_a_second_acquisition_is_left_out(hu, tmp_path):
    folder = write_series(tmp_path / "a", hu, AcquisitionNumber=1)
    shutil.copytree(folder, tmp_path / "a" / "copy")
    assert read_ct(folder).warnings == ()
    write_series(folder / "later", hu[:, ::-1], AcquisitionNumber=2)
    for path in (folder / "later").iterdir():  # same series, other instances
        ds = dcmread(path)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"9.{ds.InstanceNumber}"
        save(ds, path)
    ct = read_ct(folder)
    assert np.array_equal(ct.array, hu)
    (said,) = ct.warnings
    assert "14 slices lie at the place of another" in said


def test_a_cd_with_a_scout_a_report_and_two_kernels(hu, tmp_path):
    cd = tmp_path / "cd" / "DICOM"
    scout, reformat = ["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "SECONDARY", "MPR"]
    write_series(cd / "S1", hu[:2], number=1, ImageType=scout)
    bone = {"ConvolutionKernel": "H70h"}
    write_series(cd / "S2", hu, number=2, SeriesDescription="Felsenbein", **bone)
    write_series(cd / "S3", hu, number=3, ConvolutionKernel="H30s")
    write_series(cd / "S4", hu, number=4, ImageType=reformat, **bone)
    write_series(cd / "S5", hu[:1], number=5, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    cd = cd.parent
    (cd / "AUTORUN.INF").write_text("[autorun]")
    (cd / "README").write_bytes(b"x" * 500)
    ct = read_ct(cd)
    assert np.array_equal(ct.array, hu)
    (said,) = ct.warnings
    assert uid(2) in said and '"Felsenbein", kernel H70h, 14 slices of 0.60 mm' in said
    assert np.array_equal(read_ct(cd, uid(4)).array, hu)
    with pytest.raises(UnusableInput, match=r"has no series 1\.2\.3; it holds .*Felsenbein"):
        read_ct(cd, "1.2.3")


def test_the_thinnest_bone_kernel_is_chosen(hu, tmp_path):
    thick = [5 + 1.2 * k for k in range(len(hu))]
    write_series(tmp_path, hu, number=1, ConvolutionKernel="BONEPLUS", places=thick)
    write_series(tmp_path, hu, number=2, ConvolutionKernel="BONEPLUS")
    write_series(tmp_path, hu, number=3, ConvolutionKernel="STANDARD")
    assert uid(2) in read_ct(tmp_path).warnings[0]


@pytest.mark.parametrize("kernels", [("H70h", "H70h"), ("H30s", "H20f"), ("", "")])
def test_what_is_ambiguous_is_listed(hu, tmp_path, kernels):
    for number, kernel in enumerate(kernels):
        write_series(tmp_path, hu, number=number, ConvolutionKernel=kernel or None)
    with pytest.raises(UnusableInput, match=r"2 CT series, choose one with --series UID") as error:
        read_ct(tmp_path)
    assert uid(0) in str(error.value) and uid(1) in str(error.value)
    assert "or give one of its files instead of the folder" in str(error.value)


def test_one_file_stands_for_its_series(hu, tmp_path):
    write_series(tmp_path, hu)
    write_series(tmp_path, hu, number=2)
    ct = read_ct(tmp_path / "990-1.dcm")
    assert np.array_equal(ct.array, hu) and "the whole series was read" in ct.warnings[0]


def test_files_without_a_preamble(hu, tmp_path):
    write_series(tmp_path, hu)
    for path in tmp_path.iterdir():
        ds = dcmread(path)
        del ds.file_meta
        ds.preamble = None
        ds.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[:2] == b"\x08\x00"
    assert np.array_equal(read_ct(tmp_path).array, hu)


def test_a_scout_within_the_series_is_left_out(hu, tmp_path):
    write_series(tmp_path, hu)
    ds = dataset(hu[0].astype(np.uint16), SOPInstanceUID="1.9", SeriesInstanceUID=uid(1),
                 ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
                 ImageOrientationPatient=[0, 1, 0, 0, 0, -1])  # fmt: skip
    save(ds, tmp_path / "scout.dcm")
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.array, hu) and "1 images of the series" in ct.warnings[0]
