"""A folder with one DICOM series, its files in no order."""

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.reading.volume import read_ct


def write_series(folder, values, modality="CT", uid="1.2.826.0.1.3680043.2.1125.1"):
    """Slices along S at 0.6 mm, rescale intercept -1024, file names in reverse order."""
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, slice_values in enumerate(values):
        # The writer takes HU and stores them with the rescale that the tags below ask for.
        image = sitk.GetImageFromArray(slice_values.astype(np.int16))
        image.SetSpacing([0.3, 0.4])
        for tag, value in {
            "0008|0060": modality,
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{k + 1}",
            "0020|000d": f"{uid}.100",
            "0020|000e": f"{uid}.200",
            "0020|0032": f"-10\\-20\\{0.6 * k + 5:.3f}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "-1024",
            "0028|1053": "1",
        }.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{99 - k:03d}-{uid[-1]}.dcm"))
        writer.Execute(image)


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(-1000, 2000, (12, 16, 20))


def test_slices_are_sorted_by_position_and_rescaled(values, tmp_path):
    write_series(tmp_path / "s", values)
    ct = read_ct(tmp_path / "s")
    assert np.array_equal(ct.array, values) and ct.array.dtype == np.int16
    assert ct.geometry.spacing == pytest.approx([0.3, 0.4, 0.6], abs=1e-6)
    assert ct.geometry.to_ras([0, 0, 0]) == pytest.approx([10, 20, 5])


def test_several_series_and_other_modalities_are_refused(values, tmp_path):
    write_series(tmp_path / "mr", values, modality="MR")
    with pytest.raises(UnusableInput, match="modality MR"):
        read_ct(tmp_path / "mr")
    write_series(tmp_path / "two", values)
    write_series(tmp_path / "two", values, uid="1.2.826.0.1.3680043.2.1125.2")
    with pytest.raises(UnusableInput, match="holds 2 DICOM series"):
        read_ct(tmp_path / "two")
