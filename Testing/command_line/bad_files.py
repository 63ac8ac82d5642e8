"""Files that cannot be used, each made by hand: (name, how it is made, what is said)."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .make_ct import edit, patch, phantom, write

DIM, DATATYPE, PIXDIM, OFFSET, SLOPE, QFORM_CODE, QUATERNION, SROW = (
    40,
    70,
    76,
    108,
    112,
    252,
    256,
    280,
)
"""Places in a NIfTI-1 header."""


def nifti(folder: Path, *patches: tuple[int, bytes]) -> Path:
    path = write(folder / "ct.nii")
    for at, content in patches:
        patch(path, at, content)
    return path


def spacing(value: float):
    return lambda folder: nifti(folder, (PIXDIM + 4, struct.pack("<f", value)))


def nrrd(old: bytes, new: bytes):
    return lambda folder: edit(write(folder / "ct.nrrd", spacing=0.5), old, new)


def mha(old: bytes, new: bytes):
    return lambda folder: edit(write(folder / "ct.mha", spacing=0.5), old, new)


def image(make, ending=".nrrd"):
    def write_image(folder: Path) -> Path:
        sitk.WriteImage(make(), str(folder / f"ct{ending}"))
        return folder / f"ct{ending}"

    return write_image


def values(make, **options):
    return lambda folder: write(folder / "ct.nrrd", make(phantom()), **options)


def truncated(ending: str, keep: float, compress: bool = False):
    def cut(folder: Path) -> Path:
        path = write(folder / f"ct{ending}", compress=compress)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        return path

    return cut


def flipped(ending: str):
    """A packed file with one bit changed among its voxels: its checksum tells."""

    def flip(folder: Path) -> Path:
        path = write(folder / f"ct{ending}", compress=True)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
        return path

    return flip


def unreadable(folder: Path) -> Path:
    # root may read everything, so a link that leads to itself stands for a file that is closed.
    (folder / "ct.nii").symlink_to(folder / "ct.nii")
    return folder / "ct.nii"


def text(name: str, content: bytes):
    def write_text(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write_text


def a_folder(name: str):
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def skewed_sform(folder: Path) -> Path:
    return nifti(folder, (SROW, struct.pack("<4f", -0.4, 0.2, 0.0, 0.0)))


def singular_sform(folder: Path) -> Path:
    return nifti(folder, (SROW, struct.pack("<12f", *[0.0] * 12)))


def no_rotation(folder: Path) -> Path:
    codes = struct.pack("<2h", 1, 0)
    return nifti(folder, (QFORM_CODE, codes), (QUATERNION, struct.pack("<3f", 2.0, 0.0, 0.0)))


def contradiction(folder: Path) -> Path:
    return nifti(folder, (PIXDIM + 4, struct.pack("<3f", 0.2, 0.2, 0.2)))


def skewed_gz(folder: Path) -> Path:
    path = skewed_sform(folder)
    packed = folder / "ct.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def gigavoxel_nifti(folder: Path) -> Path:
    return nifti(folder, (DIM, struct.pack("<4h", 3, 2000, 2000, 2000)))


def lying_gz(folder: Path) -> Path:
    path = nifti(folder, (DIM, struct.pack("<4h", 3, 900, 900, 900)))
    packed = folder / "ct.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def with_nan(share: float):
    def make(array):
        array = array.astype(np.float32)
        array.flat[: int(share * array.size)] = np.nan
        return array

    return make


def many(array):
    """The phantom with each voxel made infinite in every tenth slice."""
    array = array.astype(np.float32)
    array[::10] = np.inf
    return array


def label_map(array):
    return (array > 500).astype(np.uint8) * 3 + (array > 0)


def loud_label_map(array):
    """Labels as some atlases number them, in the thousands."""
    return (np.digitize(array, [-500, 500, 1200]) * 1000).astype(np.int16)


def magnetic(array):
    """No air peak, no valley, values from 0 on: an MR."""
    return np.abs(
        array.astype(np.int32) + 200 + np.random.default_rng(1).integers(0, 900, array.shape)
    ).astype(np.uint16)


def detached(folder: Path) -> Path:
    path = write(folder / "ct.nhdr")
    for other in folder.iterdir():
        if other != path:
            other.unlink()
    return path


def detached_meta(folder: Path) -> Path:
    path = write(folder / "ct.mhd")
    (folder / "ct.raw").unlink()
    return path


def vectors():
    return image_of_vectors(sitk.sitkVectorFloat32)


def colours():
    return image_of_vectors(sitk.sitkVectorUInt8)


def image_of_vectors(kind):
    return sitk.Image([16, 16, 16], kind, 3)


def complex_numbers():
    return sitk.Image([16, 16, 16], sitk.sitkComplexFloat32)


def four_dimensions():
    array = np.stack([phantom()] * 3)
    return sitk.JoinSeries([sitk.GetImageFromArray(part) for part in array])


TABLE = [
    # The file as a whole
    ("missing file", lambda folder: folder / "none.nrrd", "does not exist"),
    ("unreadable file", unreadable, "cannot be read"),
    ("unknown kind", text("ct.jpg", b"x"), "is of no known kind"),
    ("empty file", text("ct.nii", b""), "damaged, cut short"),
    ("text with the name of an image", text("ct.nrrd", b"hello\n" * 99), "damaged, cut short"),
    ("a folder with the name of a file", a_folder("ct.nii"), "holds no DICOM image"),
    ("empty folder", a_folder("dicom"), "holds no DICOM image"),
    ("truncated .nii", truncated(".nii", 0.5), "cut short"),
    ("truncated .nii, the last bytes", truncated(".nii", 0.999), "cut short"),
    ("truncated .nii, in the header", truncated(".nii", 0.005), "cut short"),
    ("truncated .nii.gz", truncated(".nii.gz", 0.5), "cut short"),
    ("truncated .nii.gz, in the header", truncated(".nii.gz", 0.002), "cut short"),
    ("truncated .nii.gz, the checksum", truncated(".nii.gz", 0.9999), "cut short"),
    ("truncated .nrrd", truncated(".nrrd", 0.5), "cut short"),
    ("truncated .nrrd, packed", truncated(".nrrd", 0.5, True), "cut short"),
    ("truncated .nrrd, in the header", truncated(".nrrd", 0.001), "damaged, cut short"),
    ("truncated .mha", truncated(".mha", 0.5), "cut short"),
    ("truncated .mha, packed", truncated(".mha", 0.5, True), "cut short"),
    ("truncated .mha, in the header", truncated(".mha", 0.001), "damaged, cut short"),
    ("a changed bit, .nii.gz", flipped(".nii.gz"), "damaged, cut short"),
    ("a changed bit, .nrrd", flipped(".nrrd"), "damaged, cut short"),
    ("a changed bit, .mha", flipped(".mha"), "damaged, cut short"),
    ("header without its voxels (.nhdr)", detached, "which is not there"),
    ("header without its voxels (.mhd)", detached_meta, "which is not there"),
    # Dimensions and kinds of voxels
    ("2D image", image(lambda: sitk.Image([64, 64], sitk.sitkInt16)), "2 dimensions"),
    ("2D image .nii", image(lambda: sitk.Image([64, 64], sitk.sitkInt16), ".nii"), "2 dimensions"),
    ("4D volume .nii", image(four_dimensions, ".nii"), "4 dimensions"),
    ("4D volume .nrrd", image(four_dimensions), "4 dimensions"),
    ("4D volume .mha", image(four_dimensions, ".mha"), "4 dimensions"),
    ("RGB picture", image(colours), "colours, vectors"),
    ("RGB picture .nii", image(colours, ".nii"), "colours, vectors"),
    ("vectors .nii", image(vectors, ".nii"), "colours, vectors"),
    ("vectors .mha", image(vectors, ".mha"), "colours, vectors"),
    ("complex numbers", image(complex_numbers, ".nii"), "complex numbers"),
    ("complex numbers .nrrd", image(complex_numbers), "complex numbers"),
    ("fewer than 8 slices", values(lambda a: a[:7]), "at least 8 in each direction"),
    ("fewer than 8 columns", values(lambda a: a[:, :, :5]), "at least 8 in each direction"),
    ("gigavoxels", gigavoxel_nifti, "the limit is 1.0"),
    ("gigavoxels .nrrd", nrrd(b"sizes: 40 32 24", b"sizes: 4000 3200 240"), "the limit is 1.0"),
    ("gigavoxels .mha", mha(b"DimSize = 40 32 24", b"DimSize = 4000 3200 240"), "the limit is 1.0"),
    ("a tiny file that promises 0.7 gigavoxels", lying_gz, "cut short"),
    ("a tiny .nrrd that promises", nrrd(b"sizes: 40 32 24", b"sizes: 900 900 900"), "cut short"),
    ("negative size", nrrd(b"sizes: 40 32 24", b"sizes: 40 -32 24"), "damaged, cut short"),
    (
        "unknown data type",
        lambda f: nifti(f, (DATATYPE, struct.pack("<h", 77))),
        "it is damaged",
    ),
    (
        "words for numbers",
        mha(b"DimSize = 40 32 24", b"DimSize = 40 32 xy"),
        "damaged, cut short",
    ),
    (
        "voxels at no place",
        lambda f: nifti(f, (OFFSET, struct.pack("<f", np.nan))),
        "where the voxels begin",
    ),
    # Geometry
    ("zero spacing", spacing(0.0), "impossible voxel size"),
    ("negative spacing", spacing(-0.4), "impossible voxel size"),
    ("infinite spacing", spacing(np.inf), "impossible voxel size"),
    ("spacing that is no number", spacing(np.nan), "impossible voxel size"),
    (
        "zero spacing .mha",
        mha(b"ElementSpacing = 0.5 0.5", b"ElementSpacing = 0.5 0"),
        "impossible voxel size",
    ),
    (
        "negative spacing .mha",
        mha(b"ElementSpacing = 0.5 0.5", b"ElementSpacing = 0.5 -0.5"),
        "impossible voxel size",
    ),
    ("zero spacing .nrrd", nrrd(b"(-0.5,0,0)", b"(0,0,0)"), "impossible voxel size"),
    ("infinite spacing .nrrd", nrrd(b"(-0.5,0,0)", b"(inf,0,0)"), "damaged, cut short"),
    ("two voxel sizes", contradiction, "contradicts itself"),
    ("pixels over 1.5 mm", values(lambda a: a, spacing=1.6), "too coarse for an inner ear"),
    ("slices over 2 mm", nrrd(b"(0,0,0.5", b"(0,0,2.2"), "too coarse for an inner ear"),
    ("skewed sform", skewed_sform, "not at right angles"),
    ("skewed sform .nii.gz", skewed_gz, "not at right angles"),
    ("singular sform", singular_sform, "its axes are singular"),
    ("qform that is no rotation", no_rotation, "qform is no rotation"),
    ("skewed axes .nrrd", nrrd(b"(-0.5,0,0)", b"(-0.5,0.1,0)"), "not at right angles"),
    ("two equal axes .nrrd", nrrd(b"(-0.5,0,0)", b"(0,-0.5,0)"), "not at right angles"),
    (
        "skewed axes .mha",
        mha(b"TransformMatrix = -1 0 0", b"TransformMatrix = -0.8 0.6 0"),
        "not at right angles",
    ),
    ("kilometres away", mha(b"Offset = ", b"Offset = 1e9 0 0\nComment = "), "kilometres away"),
    # Values
    ("many NaN", values(with_nan(0.05)), "not numbers"),
    ("many infinite voxels", values(many), "not numbers"),
    ("all the same", values(np.zeros_like), "all its voxels are 0"),
    ("all NaN", values(lambda a: np.full(a.shape, np.nan, np.float32)), "not numbers"),
    ("label map", values(label_map), "a label map, perhaps"),
    ("label map in thousands", values(loud_label_map), "a label map, perhaps"),
    (
        "attenuation per centimetre",
        values(lambda a: (a / 1000 + 1).astype(np.float32)),
        "no CT in Hounsfield units",
    ),
    (
        "grey values of 8 bits",
        values(lambda a: ((a + 1024) // 10).astype(np.uint8)),
        "no value below 0",
    ),
    ("MR without a modality", values(magnetic), "an MR, perhaps"),
    ("values cut off at 0", values(lambda a: np.maximum(a, 0)), "no value below 0"),
    ("wrong byte order", values(lambda a: a.astype(np.float32) * 1e6), "no CT in Hounsfield units"),
    (
        "slope that is no number",
        lambda f: nifti(f, (SLOPE, struct.pack("<f", np.nan))),
        "rescale slope",
    ),
]
