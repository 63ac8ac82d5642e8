"""DICOM that cannot be used: (name, how it is made, what is said)."""

from pathlib import Path

import numpy as np
from pydicom.uid import RLELossless

from .make_ct import phantom
from .make_dicom import dataset, save, write_multi_frame, write_series

HU = phantom((12, 16, 20))


def series(hu=HU, **options):
    return lambda folder: write_series(folder / "dicom", hu, **options)


def cut(keep: float, **options):
    """One file of a series ends early."""

    def make(folder: Path) -> Path:
        place = write_series(folder / "dicom", HU, **options)
        path = sorted(place.iterdir())[4]
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        return place

    return make


def cut_multi_frame(folder: Path) -> Path:
    path = write_multi_frame(folder / "e.dcm", HU)
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def damaged_pixels(folder: Path) -> Path:
    place = write_series(folder / "dicom", HU, compress=RLELossless)
    for path in place.iterdir():
        content = bytearray(path.read_bytes())
        at = content.index(b"\xe0\x7f\x10\x00")
        content[at + 32 : at + 100] = b"\xff" * 68
        path.write_bytes(bytes(content))
    return place


def colours(folder: Path) -> Path:
    rgb = {"Columns": 20, "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
           "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}  # fmt: skip
    for k in range(10):
        place = {"SOPInstanceUID": f"1.2.{k + 1}", "ImagePositionPatient": [0, 0, k]}
        save(dataset(np.zeros((16, 60), np.uint8), **rgb, **place), folder / "dicom" / f"{k}.dcm")
    return folder / "dicom"


def two_series(folder: Path) -> Path:
    write_series(folder / "dicom", HU, number=1)
    return write_series(folder / "dicom", HU, number=2)


def two_patients(folder: Path) -> Path:
    """One series number for both, as some programs that anonymise give it."""
    write_series(folder / "dicom", HU, skip=tuple(range(6)), PatientID="A")
    return write_series(folder / "dicom", HU, skip=tuple(range(6, 12)), PatientID="B")


def no_image(folder: Path) -> Path:
    path = next(write_series(folder / "dicom", HU[:1]).iterdir())
    path.write_bytes(path.read_bytes()[:200])
    return path


def not_dicom(folder: Path) -> Path:
    (folder / "x").mkdir()
    (folder / "x" / "a.txt").write_text("hello")
    return folder / "x"


TABLE = [
    ("folder without DICOM", not_dicom, "holds no DICOM image"),
    ("modality MR", series(Modality="MR"), "of modality MR, not CT"),
    ("modality PT", series(Modality="PT"), "of modality PT, not CT"),
    ("two series alike", two_series, "choose one with --series UID"),
    ("two patients in one series", two_patients, "images of 2 patients"),
    ("only a scout", series(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "holds no CT scan"),
    ("secondary capture", series(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "holds no CT scan"),
    ("colour DICOM", colours, "holds no CT scan"),
    ("fewer than 8 DICOM slices", series(HU[:5]), "slices; at least 8"),
    ("no position", series(ImagePositionPatient=None), "do not say where they lie"),
    ("no orientation", series(ImageOrientationPatient=None), "do not say where they lie"),
    ("all at one place", series(ImagePositionPatient=[0, 0, 0]), "at least 8 in each direction"),
    ("skewed planes", series(ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]),
     "not at right angles"),
    ("zero pixel spacing", series(PixelSpacing=[0, 0.4]), "impossible spacing"),
    ("no pixel spacing", series(PixelSpacing=None), "impossible spacing"),
    ("slices of 3 mm", series(places=[3.0 * k for k in range(12)]), "too coarse for an inner ear"),
    ("a gap of 7 slices", series(np.tile(HU, (2, 1, 1)), skip=tuple(range(8, 15))),
     "slices are missing between instance numbers"),
    ("truncated DICOM", cut(0.6), "is cut short"),
    ("truncated DICOM, the last bytes", cut(0.999), "is cut short"),
    ("truncated DICOM, packed", cut(0.9, compress=RLELossless), "is cut short"),
    ("truncated DICOM, many frames", cut_multi_frame, "is cut short"),
    ("a DICOM file without an image", no_image, "holds no image"),
    ("damaged pixels", damaged_pixels, "its pixels are damaged"),
    ("all the same in DICOM", series(np.zeros_like(HU)), "all its voxels are 0"),
    ("many frames of 2 lines", lambda f: write_multi_frame(f / "e.dcm", HU[:, :2]),
     "at least 8 in each direction"),
]  # fmt: skip
