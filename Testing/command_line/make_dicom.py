"""DICOM files as scanners and archives write them, through pydicom."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.43"


def dataset(pixels: np.ndarray, **tags: object) -> Dataset:
    """One image: ``pixels`` are stored values (uint16 or int16), ``tags`` by DICOM keyword."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = Dataset()
    ds.file_meta = meta
    content = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{ROOT}.1.1",
        "StudyInstanceUID": f"{ROOT}.100",
        "SeriesInstanceUID": f"{ROOT}.200",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PixelSpacing": [0.4, 0.3],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [-10, -20, 5],
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        **tags,
    }
    for keyword, value in content.items():
        if value is not None:
            setattr(ds, keyword, value)
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return ds


def save(ds: Dataset, path: Path) -> Path:
    """Write one file, with its preamble."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path, hu: np.ndarray, *, places: list[float] | None = None, shear: float = 0.0,
    number: int = 1, intercept: int = -1024, compress: str | None = None,
    skip: tuple[int, ...] = (), **tags: object,
) -> Path:  # fmt: skip
    """One file a slice along S, named in reverse order.

    Args:
        folder: made if it is not there.
        hu: [k, j, i].
        places: mm along S for each slice; None: every 0.6 mm from 5 on.
        shear: mm along A by which each mm of S moves a slice (a tilted gantry).
        number: distinguishes series.
        intercept: of the rescale.
        compress: transfer syntax UID that pydicom can write.
        skip: indices of slices that are not written.
        tags: by DICOM keyword, for all slices.
    """
    for k, plane in enumerate(hu):
        if k in skip:
            continue
        place = 5 + 0.6 * k if places is None else places[k]
        ds = dataset(
            (plane.astype(np.int32) - intercept).astype(np.uint16),
            **{
                "SOPInstanceUID": f"{ROOT}.{number}.{k + 1}",
                "SeriesInstanceUID": f"{ROOT}.200.{number}",
                "ImagePositionPatient": [-10, round(-20 - shear * (place - 5), 5), round(place, 5)],
                "InstanceNumber": k + 1,
                "RescaleIntercept": intercept,
                **tags,
            },
        )
        if compress:
            ds.compress(compress)
        save(ds, folder / f"{999 - k:03d}-{number}.dcm")
    return folder


def uid(number: int = 1) -> str:
    """The SeriesInstanceUID of ``write_series``."""
    return f"{ROOT}.200.{number}"


def write_multi_frame(path: Path, hu: np.ndarray, order: list[int] | None = None, **tags) -> Path:
    """An enhanced CT in one file, its frames in any order, every 0.6 mm along S from 5 on."""
    order = list(range(len(hu))) if order is None else order
    shared, measures, orientation, transform = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.4, 0.3], 0.6
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    transform.RescaleIntercept, transform.RescaleSlope = -1024, 1
    transform.RescaleType = "HU"
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [transform]
    frames = [Dataset() for _ in order]
    for k, frame in zip(order, frames, strict=True):
        position = Dataset()
        position.ImagePositionPatient = [-10, -20, round(5 + 0.6 * k, 3)]
        frame.PlanePositionSequence = [position]
    elsewhere = ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient",
                 "RescaleIntercept", "RescaleSlope")  # fmt: skip
    tags = {"SOPClassUID": EnhancedCTImageStorage, "NumberOfFrames": len(order)} | tags
    ds = dataset(
        (hu[order].astype(np.int32) + 1024).astype(np.uint16), **dict.fromkeys(elsewhere), **tags
    )
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = frames
    return save(ds, path)
