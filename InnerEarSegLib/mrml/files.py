"""Results as files that 3D Slicer opens, and read back by Slicer's own classes."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import UnusableInput
from ..io.result_folder import LAST, MAKER, ResultFolder
from ..process import quiet
from ..types import LANDMARKS, Point, Segmentation, Side, Volume
from .landmarks import automatic_of, node_landmarks, position_of, same_place
from .populate import ResultNodes, add_result
from .results import Results
from .scene import headless_scene, nodes_of
from .segments import SEGMENT_NAMES, automatic_fingerprint, fingerprint, segment_content
from .volumes import add_volume

SEGMENTATION_FILE = "labyrinth.seg.nrrd"
LANDMARKS_FILES = {"left": "landmarks_left.mrk.json", "right": "landmarks_right.mrk.json"}
SCENE_FILE = "scene.mrb"

_CHUNK = 1 << 20
_FULL_BYTES = 1_000_000


def write_result(result: Segmentation, ct: Volume, folder: Path | str) -> Path | None:
    """Write what ``innerearseg segment`` writes: landmarks, labyrinths, a scene, ``result.json``.

    All files appear, or none. An unchanged result of the same CT is replaced; a folder that holds
    anything else is first renamed to ``NAME-earlier-DATE``.

    Args:
        result: what was found in the CT.
        ct: the CT, saved in ``scene.mrb``.
        folder: made if it does not exist.

    Returns:
        Where the earlier folder is now; None if it was not renamed.

    Raises:
        UnusableInput: a file could not be written.
    """
    from .. import __version__
    from ..batch.segment_case import ct_sha256

    output = ResultFolder(Path(folder))
    about = {
        "made_by": f"{MAKER} {__version__}",
        "ct_sha256": ct_sha256(ct),
        "model": result.model.sha256,
    }
    with output.replacing(about) as stage:
        if result.ears:
            with quiet():  # VTK's messages about a full disk; write_scene raises its own
                write_scene(ct, result, stage)
        text = json.dumps(result.to_json(), indent=2)
        (stage / LAST).write_text(text, encoding="utf-8")
    return output.earlier[0] if output.earlier else None


def write_scene(ct: Volume, result: Segmentation, directory: Path) -> list[Path]:
    """Write segmentation, landmarks and a whole scene into an existing, empty folder.

    Args:
        ct: the CT, saved in ``scene.mrb``.
        result: what was found in it, RAS mm of the CT.
        directory: where the files go; on an error, files may be left in it.

    Returns:
        The written files. Without any ear there is only the scene.

    Raises:
        UnusableInput: a file could not be written.
    """
    directory = Path(directory).resolve()
    if not directory.is_dir():
        raise UnusableInput(f"The output folder {directory} does not exist.")
    with headless_scene() as session:
        nodes = add_result(session.scene, add_volume(session.scene, ct), result)
        paths = _write_result_nodes(nodes, directory)
        return [*paths, write_bundle(session.scene, directory / SCENE_FILE)]


def _write_result_nodes(nodes: ResultNodes, directory: Path) -> list[Path]:
    if not nodes.landmarks:
        return []
    pairs = {SEGMENTATION_FILE: nodes.segmentation} | {
        LANDMARKS_FILES[side]: node for side, node in nodes.landmarks.items()
    }
    return [write_node(node, directory / name) for name, node in pairs.items()]


def write_node(node: Any, path: Path) -> Path:
    """Write one node with its storage node, positions as they are in the CT's RAS."""
    storage = node.GetStorageNode()
    if storage is None:
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
    storage.SetFileName(str(path.resolve()))
    storage.SetUseCompression(True)
    return _written(path, lambda: storage.WriteData(node))


def write_bundle(scene: Any, path: Path) -> Path:
    """Write the whole scene with its data into one .mrb file."""
    for volume in nodes_of(scene, "vtkMRMLScalarVolumeNode"):
        if volume.GetStorageNode() is None:
            volume.AddDefaultStorageNode()
        # The bundle is a zip file that stores without compressing (measured). Compressing here
        # halves a head CT at a cost of about a second.
        volume.GetStorageNode().SetUseCompression(True)
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
            return _is_whole_bundle(path)
        if path.suffix == ".nrrd":
            with path.open("rb") as stream:
                return _is_whole_nrrd(stream)
        return bool(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
        return False


def _is_whole_bundle(path: Path) -> bool:
    with zipfile.ZipFile(path) as bundle:
        for name in bundle.namelist():
            # Data are put together in the temporary folder, which may be the full one.
            with bundle.open(name) as stream:
                if name.endswith(".nrrd") and not _is_whole_nrrd(stream):
                    return False
        return any(name.endswith(".mrml") for name in bundle.namelist())


def _is_whole_nrrd(stream: IO[bytes]) -> bool:
    """Whether a gzip-compressed NRRD goes on to its end mark; gzip raises if it is cut."""
    while stream.readline().strip():
        pass  # the header, which ends at an empty line
    size = 0
    with gzip.open(stream) as data:
        while chunk := data.read(_CHUNK):
            size += len(chunk)
    return size > 0


def changed_beside(scene: Any, results: Results, folder: Path) -> list[str]:
    """Return the names of files that hold neither what was found nor what the scene has now.

    Args:
        scene: that the results are in; the files are read into it.
        results: of the scene.
        folder: that may hold landmarks and segmentation beside it.
    """
    changed = []
    for side, node in results.landmarks.items():
        path = folder / LANDMARKS_FILES[side]
        if path.is_file() and not _same_landmarks(scene, path, node):
            changed.append(path.name)
    path, node = folder / SEGMENTATION_FILE, results.segmentation
    sides = tuple(results.landmarks)
    if node is not None and path.is_file() and not _same_segments(scene, path, node, sides):
        changed.append(path.name)
    return changed


def _same_landmarks(scene: Any, path: Path, node: Any) -> bool:
    try:
        with quiet():  # MRML's own messages on a damaged file
            saved = node_landmarks(landmarks_node(scene, path))
    except UnusableInput:
        return False

    def same(known: Mapping[str, Point | None]) -> bool:
        return all(same_place(saved.get(name), ras) for name, ras in known.items())

    return same({name: automatic_of(node, name) for name in LANDMARKS}) or same(
        {name: position_of(node, name) for name in LANDMARKS}
    )


def _same_segments(scene: Any, path: Path, node: Any, sides: tuple[Side, ...]) -> bool:
    try:
        with quiet():
            saved = segmentation_node(scene, path)
    except UnusableInput:
        return False
    return all(
        fingerprint(segment_content(saved, side))
        in (automatic_fingerprint(node, side), fingerprint(segment_content(node, side)))
        for side in sides
    )


def read_segments(path: Path) -> dict[str, Volume]:
    """Read the labyrinths of a .seg.nrrd by segment name: uint8, 1 inside, RAS mm."""
    with headless_scene() as session:
        node = segmentation_node(session.scene, path)
        contents = {name: segment_content(node, side) for side, name in SEGMENT_NAMES.items()}
        return {
            name: Volume(content[0].astype(np.uint8), content[1], name)
            for name, content in contents.items()
            if content is not None
        }


def segmentation_node(scene: Any, path: Path) -> Any:
    """Read a .seg.nrrd into a new vtkMRMLSegmentationNode.

    Raises:
        UnusableInput: it cannot be read.
    """
    return _read(scene, path, "vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode")


def read_landmarks(path: Path) -> dict[str, Point | None]:
    """Read RAS mm by label from a .mrk.json, in its order; None where a position is missing."""
    with headless_scene() as session:
        return node_landmarks(landmarks_node(session.scene, path))


def landmarks_node(scene: Any, path: Path) -> Any:
    """Read a .mrk.json into a new vtkMRMLMarkupsFiducialNode.

    Raises:
        UnusableInput: it cannot be read.
    """
    return _read(scene, path, "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode")


def _read(scene: Any, path: Path, node_class: str, storage_class: str) -> Any:
    path = Path(path).resolve()
    if not path.is_file():
        raise UnusableInput(f"There is no file {path}.")
    node = scene.AddNewNodeByClass(node_class)
    storage = scene.AddNewNodeByClass(storage_class)
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    if not storage.ReadData(node):
        raise UnusableInput(f"{path} cannot be read.")
    return node
