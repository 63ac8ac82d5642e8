"""Files that cannot be used, each made by hand: (name, how it is made, what is said)."""

import gzip
import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .make_ct import edit, patch, phantom, write

DIM, DATATYPE, PIXDIM, OFFSET, SLOPE = 40, 70, 76, 108, 112
QFORM_CODE, QUATERNION, SROW = 252, 256, 280
"""Places in a NIfTI-1 header."""


def header(*fields: tuple[int, str, object], packed: bool = False):
    """A NIfTI file with fields (place, struct's format, value or values) of its header changed."""

    def make(folder: Path) -> Path:
        path = write(folder / "ct.nii")
        for at, form, value in fields:
            patch(path, at, struct.pack(form, *np.atleast_1d(value)))
        if not packed:
            return path
        return file("ct.nii.gz", gzip.compress(path.read_bytes()))(folder)

    return make


def text(ending: str, old: bytes, new: bytes):
    """A file with a text header in which a piece is replaced."""
    return lambda folder: edit(write(folder / f"ct{ending}", spacing=0.5), old, new)


def file(name: str, content: bytes):
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def image(kind, ending=".nrrd", size=(16, 16, 16), components=0):
    def make(folder: Path) -> Path:
        made = sitk.Image(size, kind, components) if components else sitk.Image(size, kind)
        sitk.WriteImage(made, str(folder / f"ct{ending}"))
        return folder / f"ct{ending}"

    return make


def values(make, **options):
    return lambda folder: write(folder / "ct.nrrd", make(phantom()), **options)


def damaged(ending: str, damage, compress: bool = False):
    """A whole file, whose bytes are damaged by a function."""

    def make(folder: Path) -> Path:
        path = write(folder / f"ct{ending}", compress=compress)
        path.write_bytes(damage(path.read_bytes()))
        return path

    return make


def truncated(ending: str, keep: float, compress: bool = False):
    return damaged(ending, lambda content: content[: int(len(content) * keep)], compress)


def flip(content: bytes) -> bytes:
    """Change one bit among the voxels of a packed file: only its checksum tells."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def unreadable(folder: Path) -> Path:
    # root may read everything, so a link to itself stands for a file without permission.
    (folder / "ct.nii").symlink_to(folder / "ct.nii")
    return folder / "ct.nii"


def a_folder(name: str):
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def detached(ending: str):
    """A header without the file of its voxels."""

    def make(folder: Path) -> Path:
        path = write(folder / f"ct{ending}")
        next(each for each in folder.iterdir() if each != path).unlink()
        return path

    return make


def with_value(value, share=0.05):
    def change(array):
        array = array.astype(np.float32)
        array.flat[: int(share * array.size)] = value
        return array

    return change


def magnetic(array):
    """No air peak, no valley, values from 0 on: an MR."""
    noise = np.random.default_rng(1).integers(0, 900, array.shape)
    return np.abs(array.astype(np.int32) + 200 + noise).astype(np.uint16)


def spoilt(value, make=magnetic, share=0.001):
    """Voxels of another value do not switch off the checks of all others."""
    return values(lambda array: with_value(value, share)(make(array)))


SKEWED = (SROW, "<4f", (-0.4, 0.2, 0.0, 0.0))
INT = sitk.sitkInt16
SIZES, DIMSIZE, AXIS = b"sizes: 40 32 24", b"DimSize = 40 32 24", b"(-0.5,0,0)"
SHORT, VECTORS, NO_HU = "damaged, cut short", "colours, vectors", "no CT in Hounsfield units"
SIZE, RIGHT, LABELS = "impossible spacing", "not at right angles", "a label map, perhaps"

TABLE = [
    # The file as a whole
    ("missing file", lambda folder: folder / "none.nrrd", "does not exist"),
    ("unreadable file", unreadable, "cannot be read"),
    ("unknown kind", file("ct.jpg", b"x"), "is of no known kind"),
    ("empty file", file("ct.nii", b""), SHORT),
    ("text with the name of an image", file("ct.nrrd", b"hello\n" * 99), SHORT),
    ("a folder with the name of a file", a_folder("ct.nii"), "holds no DICOM image"),
    ("empty folder", a_folder("dicom"), "holds no DICOM image"),
    ("truncated .nii", truncated(".nii", 0.5), "is cut short"),
    ("truncated .nii, the last bytes", truncated(".nii", 0.999), "is cut short"),
    ("truncated .nii, in the header", truncated(".nii", 0.005), SHORT),
    ("truncated .nii.gz", truncated(".nii.gz", 0.5), SHORT),
    ("truncated .nii.gz, in the header", truncated(".nii.gz", 0.002), SHORT),
    ("truncated .nii.gz, the checksum", truncated(".nii.gz", 0.9999), SHORT),
    *((f"truncated {ending}, {what}", truncated(ending, keep, packed), SHORT)
      for ending in (".nrrd", ".mha")
      for what, keep, packed in (("voxels", 0.5, False), ("packed", 0.5, True),
                                 ("in the header", 0.001, False))),
    *((f"a changed bit, {ending}", damaged(ending, flip, compress=True), SHORT)
      for ending in (".nii.gz", ".nrrd", ".mha")),
    *((f"header without its voxels ({ending})", detached(ending), "which is not there")
      for ending in (".nhdr", ".mhd")),
    # Dimensions and kinds of voxels
    *((f"2D image {ending}", image(INT, ending, size=(64, 64)), "2 dimensions")
      for ending in (".nrrd", ".nii")),
    *((f"4D volume {ending}", image(INT, ending, size=(40, 32, 24, 3)), "4 dimensions")
      for ending in (".nii", ".nrrd", ".mha")),
    ("RGB picture", image(sitk.sitkVectorUInt8, components=3), VECTORS),
    ("RGB picture .nii", image(sitk.sitkVectorUInt8, ".nii", components=3), VECTORS),
    ("vectors .nii", image(sitk.sitkVectorFloat32, ".nii", components=3), VECTORS),
    ("vectors .mha", image(sitk.sitkVectorFloat32, ".mha", components=3), VECTORS),
    ("complex numbers", image(sitk.sitkComplexFloat32, ".nii"), "complex numbers"),
    ("complex numbers .nrrd", image(sitk.sitkComplexFloat32), "complex numbers"),
    ("fewer than 8 slices", values(lambda a: a[:7]), "at least 8 in each direction"),
    ("fewer than 8 columns", values(lambda a: a[:, :, :5]), "at least 8 in each direction"),
    ("gigavoxels", header((DIM, "<4h", (3, 2000, 2000, 2000))), "the limit is 1.0"),
    ("gigavoxels .nrrd", text(".nrrd", SIZES, b"sizes: 4000 3200 240"), "the limit is 1.0"),
    ("gigavoxels .mha", text(".mha", DIMSIZE, b"DimSize = 4000 3200 240"), "the limit is 1.0"),
    ("a tiny file that promises 0.7 gigavoxels",
     header((DIM, "<4h", (3, 900, 900, 900)), packed=True), "is cut short"),
    ("a tiny .nrrd that promises", text(".nrrd", SIZES, b"sizes: 900 900 900"), "is cut short"),
    ("negative size", text(".nrrd", SIZES, b"sizes: 40 -32 24"), SHORT),
    ("unknown data type", header((DATATYPE, "<h", 77)), "it is damaged"),
    ("words for numbers", text(".mha", DIMSIZE, b"DimSize = 40 32 xy"), SHORT),
    ("1e30 dimensions", text(".mha", b"NDims = 3", b"NDims = 1e30"), SHORT),
    ("numbers that are missing", text(".mha", DIMSIZE, b"DimSize = 40 32"), SHORT),
    ("voxels at no place", header((OFFSET, "<f", np.nan)), "where the voxels begin"),
    # Geometry
    ("zero spacing", header((PIXDIM + 4, "<f", 0.0)), SIZE),
    ("negative spacing", header((PIXDIM + 4, "<f", -0.4)), SIZE),
    ("infinite spacing", header((PIXDIM + 4, "<f", np.inf)), SIZE),
    ("spacing that is no number", header((PIXDIM + 4, "<f", np.nan)), SIZE),
    ("zero spacing .mha", text(".mha", b"Spacing = 0.5 0.5", b"Spacing = 0.5 0"), SIZE),
    ("negative spacing .mha", text(".mha", b"Spacing = 0.5 0.5", b"Spacing = 0.5 -0.5"), SIZE),
    ("zero spacing .nrrd", text(".nrrd", AXIS, b"(0,0,0)"), SIZE),
    ("infinite spacing .nrrd", text(".nrrd", AXIS, b"(inf,0,0)"), SHORT),
    ("two spacings", header((PIXDIM + 4, "<3f", (0.2, 0.2, 0.2))), "contradicts itself"),
    ("pixels over 1.5 mm", values(lambda a: a, spacing=1.6), "too coarse for an inner ear"),
    ("slices over 2 mm", text(".nrrd", b"(0,0,0.5", b"(0,0,2.2"), "too coarse for an inner ear"),
    ("skewed sform", header(SKEWED), RIGHT),
    ("skewed sform .nii.gz", header(SKEWED, packed=True), RIGHT),
    ("skewed sform beside a good qform", header(SKEWED, (QFORM_CODE, "<2h", (1, 2))), RIGHT),
    ("singular sform", header((SROW, "<12f", np.zeros(12))), "its axes are singular"),
    ("qform that is no rotation",
     header((QFORM_CODE, "<2h", (1, 0)), (QUATERNION, "<3f", (2, 0, 0))), "qform is no rotation"),
    ("skewed axes .nrrd", text(".nrrd", AXIS, b"(-0.5,0.1,0)"), RIGHT),
    ("two equal axes .nrrd", text(".nrrd", AXIS, b"(0,-0.5,0)"), RIGHT),
    ("skewed axes .mha", text(".mha", b"Matrix = -1 0 0", b"Matrix = -0.8 0.6 0"), RIGHT),
    ("kilometres away", text(".mha", b"Offset = ", b"Offset = 1e9 0 0\nComment = "),
     "kilometres away"),
    # Values
    ("many NaN", values(with_value(np.nan)), "not numbers"),
    ("many infinite voxels", values(with_value(np.inf)), "not numbers"),
    ("all the same", values(np.zeros_like), "all its voxels are 0"),
    ("all NaN", values(with_value(np.nan, 1.0)), "not numbers"),
    ("label map", values(lambda a: (a > 500).astype(np.uint8) * 3 + (a > 0)), LABELS),
    ("label map in thousands",
     values(lambda a: (np.digitize(a, [-500, 500, 1200]) * 1000).astype(np.int16)), LABELS),
    ("attenuation per centimetre", values(lambda a: (a / 1000 + 1).astype(np.float32)), NO_HU),
    ("grey values of 8 bits", values(lambda a: ((a + 1024) // 10).astype(np.uint8)),
     "no value below 0"),
    ("MR without a modality", values(magnetic), "an MR, perhaps"),
    ("MR with a NaN", spoilt(np.nan), "an MR, perhaps"),
    ("MR with a value below 0", spoilt(-0.5, share=1e-4), "an MR, perhaps"),
    ("MR with padding", spoilt(-2000, share=0.3), "an MR, perhaps"),
    ("values from -1 to 1 with a NaN", spoilt(np.nan, lambda a: (a + 100) / 1400), NO_HU),
    ("values cut off at 0", values(lambda a: np.maximum(a, 0)), "no value below 0"),
    ("wrong byte order", values(lambda a: a.astype(np.float32) * 1e6), NO_HU),
    ("slope that is no number", header((SLOPE, "<f", np.nan)), "rescale slope"),
]  # fmt: skip
