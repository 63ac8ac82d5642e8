"""Results as files that 3D Slicer opens, and read back by Slicer's own classes."""

from __future__ import annotations

import gzip
import json
import math
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import slicer  # noqa: F401  # before vtk, which takes longer when it comes first

from ..errors import UnusableInput
from ..io.result_folder import (
    LANDMARKS_FILES,
    RESULT_JSON,
    SCENE_FILE,
    SEGMENTATION_FILE,
    ResultFolder,
)
from ..process import quiet
from ..types import Segmentation, Volume
from .populate import add_result
from .restore import as_found, restore_review
from .scene import configure, headless_scene, nodes_of
from .volumes import add_volume

_FULL_BYTES = 1_000_000


def write_result(result: Segmentation, ct: Volume, folder: Path | str) -> Path | None:
    """Write what ``innerearseg segment`` writes: landmarks, labyrinths, a scene, ``result.json``.

    All files appear, or none. An unchanged result of the same CT is replaced; a folder that holds
    anything else is first renamed to ``NAME-earlier-DATE``.

    Returns:
        Where the earlier folder is now; None if it was not renamed.

    Raises:
        UnusableInput: a file could not be written.
    """
    from ..batch.segment_case import ct_sha256

    output = ResultFolder(Path(folder))
    with output.replacing({"ct_sha256": ct_sha256(ct), "model": result.model.sha256}) as stage:
        if result.ears:
            with quiet():  # VTK's messages about a full disk; write_scene raises its own
                write_scene(ct, result, stage)
        text = json.dumps(as_found(result).to_json(), indent=2)
        (stage / RESULT_JSON).write_text(text, encoding="utf-8")
    return next(iter(output.earlier), None)


def write_scene(ct: Volume, result: Segmentation, directory: Path) -> list[Path]:
    """Write segmentation, landmarks and a whole scene into an existing, empty folder.

    Return the files; without any ear there is only the scene. On an error, files may be left.

    Raises:
        UnusableInput: a file could not be written.
    """
    directory = Path(directory).resolve()
    if not directory.is_dir():
        raise UnusableInput(f"The output folder {directory} does not exist.")
    with headless_scene() as session:
        nodes = add_result(session.scene, add_volume(session.scene, ct), result)
        restore_review(nodes, result.ears)
        files = {LANDMARKS_FILES[side]: node for side, node in nodes.landmarks.items()}
        if files:
            files = {SEGMENTATION_FILE: nodes.segmentation} | files
        paths = [write_node(node, directory / name) for name, node in files.items()]
        return [*paths, write_bundle(session.scene, directory / SCENE_FILE)]


def write_node(node: Any, path: Path) -> Path:
    """Write one node with its storage node, positions as they are in the CT's RAS."""
    if node.GetStorageNode() is None:
        node.AddDefaultStorageNode()
    storage = node.GetStorageNode()
    configure(storage, FileName=str(path.resolve()), UseCompression=True)
    return _written(path, lambda: storage.WriteData(node))


def write_bundle(scene: Any, path: Path) -> Path:
    """Write the whole scene with its data into one .mrb file."""
    for volume in nodes_of(scene, "vtkMRMLScalarVolumeNode"):
        if volume.GetStorageNode() is None:
            volume.AddDefaultStorageNode()
        # Compressing would halve a head CT's size, but takes a sixth of the whole run's time.
        volume.GetStorageNode().SetUseCompression(False)
    return _written(path, lambda: scene.WriteToMRB(str(path.resolve())))


def _written(path: Path, write: Any) -> Path:
    """Write and check a file; Slicer may report success after a disk was full."""
    try:
        saved = write()
    except (OSError, RuntimeError) as error:
        raise UnusableInput(f"Cannot write {path.name} in {path.parent}: {error}.") from error
    if saved and is_whole(path):
        return path
    # The bundle is put together in the temporary folder first.
    folders = (path.parent, Path(tempfile.gettempdir()))
    full = [folder for folder in folders if shutil.disk_usage(folder).free < _FULL_BYTES]
    reason = f"the disk of {full[0]} is full" if full else "check free space and write permission"
    raise UnusableInput(f"Cannot write {path.name} in {path.parent}: {reason}.")


def is_whole(path: Path) -> bool:
    """Whether a .nrrd, .mrk.json or .mrb file is there and complete."""
    try:
        if path.suffix == ".mrb":
            with zipfile.ZipFile(path) as bundle:
                names = bundle.namelist()
                # Data are put together in the temporary folder, which may be the full one.
                data = [name for name in names if name.endswith(".nrrd")]
                return all(
                    _is_whole_nrrd(bundle.open(name), bundle.getinfo(name).file_size)
                    for name in data
                ) and any(name.endswith(".mrml") for name in names)
        if path.suffix == ".nrrd":
            with path.open("rb") as stream:
                return _is_whole_nrrd(stream, path.stat().st_size)
        return bool(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return False


_VOXEL_BYTES = {"char": 1, "short": 2, "int": 4, "long long int": 8, "float": 4, "double": 8}


def _is_whole_nrrd(stream: IO[bytes], length: int) -> bool:
    """Whether a NRRD of ``length`` bytes holds all its voxels; gzip raises if they are cut."""
    fields = {}
    while line := stream.readline().strip():  # an empty line ends the header
        name, _, value = line.decode("latin-1").partition(": ")
        fields[name] = value
    if fields.get("encoding") == "raw":
        voxel = _VOXEL_BYTES[fields["type"].removeprefix("unsigned ").removeprefix("signed ")]
        sizes = [int(size) for size in fields["sizes"].split()]
        return length - stream.tell() == math.prod(sizes) * voxel
    size = 0
    with gzip.open(stream) as data:
        while chunk := data.read(1 << 20):
            size += len(chunk)
    return size > 0


def read_node(scene: Any, path: Path) -> Any:
    """Read a .seg.nrrd or .mrk.json into a new segmentation or fiducial node.

    Raises:
        UnusableInput: it cannot be read.
    """
    import SimpleITK as sitk

    path = Path(path).resolve()
    if not path.is_file():
        raise UnusableInput(f"There is no file {path}.")
    node_class, storage_class = ("MarkupsFiducial", "MarkupsJson")
    if path.suffix == ".nrrd":
        try:
            sitk.ReadImage(str(path))
        except RuntimeError:  # MRML's own reader ends the process on a damaged one
            raise UnusableInput(f"{path} cannot be read.") from None
        node_class = storage_class = "Segmentation"
    node = scene.AddNewNodeByClass(f"vtkMRML{node_class}Node")
    storage = scene.AddNewNodeByClass(f"vtkMRML{storage_class}StorageNode")
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    if not storage.ReadData(node):
        raise UnusableInput(f"{path} cannot be read.")
    return node
