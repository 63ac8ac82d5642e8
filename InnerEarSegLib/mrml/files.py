"""Results as files that 3D Slicer opens."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import UnusableInput
from ..process import quiet
from ..types import LANDMARKS, Point, Segmentation, Volume
from .landmarks import automatic_of, position_of, same_place
from .populate import ResultNodes, add_result
from .read_results import landmarks_node, node_landmarks, segmentation_node
from .results import Results
from .scene import headless_scene
from .segments import automatic_fingerprint, fingerprint, segment_content
from .volumes import add_volume

_CHUNK = 1 << 20


def is_whole(path: Path) -> bool:
    """Whether a .nrrd, .mrk.json or .mrb file is there and complete."""
    try:
        if path.suffix == ".mrb":
            return _whole_bundle(path)
        if path.suffix == ".nrrd":
            with path.open("rb") as stream:
                return _whole_nrrd(stream)
        return bool(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error):
        return False


def _whole_bundle(path: Path) -> bool:
    with zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        for name in names:
            # Data are put together in the temporary folder, which may be the full one.
            with bundle.open(name) as stream:
                if name.endswith(".nrrd") and not _whole_nrrd(stream):
                    return False
        return any(name.endswith(".mrml") for name in names)


def _whole_nrrd(stream: IO[bytes]) -> bool:
    """A gzip-compressed NRRD whose data reach their end mark (with a check sum before it)."""
    compressed = False
    while (line := stream.readline()).strip():
        compressed |= line.split(b":")[0] == b"encoding" and b"gz" in line
    if not compressed or not line:  # ours always are; without a blank line the header is cut
        return False
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof and (chunk := stream.read(_CHUNK)):
        unpacker.decompress(chunk)
    return unpacker.eof


SEGMENTATION_FILE = "labyrinth.seg.nrrd"
LANDMARKS_FILES = {"left": "landmarks_left.mrk.json", "right": "landmarks_right.mrk.json"}
SCENE_FILE = "scene.mrb"

_FULL_BYTES = 1_000_000


def write_scene(ct: Volume, result: Segmentation, directory: Path) -> list[Path]:
    """Writes segmentation, landmarks and a whole scene into an existing, empty folder.

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
        return write_result_files(nodes, directory) + [
            write_bundle(session.scene, directory / SCENE_FILE)
        ]


def write_result_files(nodes: ResultNodes, directory: Path) -> list[Path]:
    """Writes the segmentation and the landmarks of a scene, one file per node."""
    paths = []
    if nodes.landmarks:
        paths.append(write_node(nodes.segmentation, directory / SEGMENTATION_FILE))
    for side, node in nodes.landmarks.items():
        paths.append(write_node(node, directory / LANDMARKS_FILES[side]))
    return paths


def write_node(node: Any, path: Path) -> Path:
    """Writes one node with its storage node, positions as they are in the CT's RAS."""
    storage = node.GetStorageNode()
    if storage is None:
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
    storage.SetFileName(str(path.resolve()))
    storage.SetUseCompression(True)
    saved = _call(path, lambda: storage.WriteData(node))
    _check(path, bool(saved))
    return path


def write_bundle(scene: Any, path: Path) -> Path:
    """Writes the whole scene with its data into one .mrb file."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        volume = scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        if volume.GetStorageNode() is None:
            volume.AddDefaultStorageNode()
        # The bundle is a zip file that stores without compressing (measured). Compressing here
        # halves a head CT at a cost of about a second.
        volume.GetStorageNode().SetUseCompression(True)
    saved = _call(path, lambda: scene.WriteToMRB(str(path.resolve())))
    _check(path, bool(saved))
    return path


def _call(path: Path, write: Any) -> Any:
    try:
        return write()
    except (OSError, RuntimeError) as error:
        raise UnusableInput(f"Cannot write {path.name} in {path.parent}: {error}.") from error


def _check(path: Path, saved: bool) -> None:
    if saved and is_whole(path):
        return
    # The bundle is put together in the temporary folder first.
    free = {
        folder: shutil.disk_usage(folder).free
        for folder in (path.parent, Path(tempfile.gettempdir()))
    }
    full = [str(folder) for folder, left in free.items() if left < _FULL_BYTES]
    # Slicer's own messages, which name internal files, have gone to stderr.
    reason = f"the disk of {full[0]} is full" if full else "check free space and write permission"
    raise UnusableInput(f"Cannot write {path.name} in {path.parent}: {reason}.")


def changed_beside(scene: Any, results: Results, folder: Path) -> list[str]:
    """Names of files that hold neither what was found nor what the scene has now.

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
        with quiet():  # MRML's own messages on a damaged file; a sentence follows
            saved = node_landmarks(landmarks_node(scene, path))
    except UnusableInput:
        return False
    found = {name: automatic_of(node, name) for name in LANDMARKS}
    now = {name: position_of(node, name) for name in LANDMARKS}
    return _agree(saved, found) or _agree(saved, now)


def _agree(saved: Mapping[str, Point | None], known: Mapping[str, Point | None]) -> bool:
    return all(same_place(saved.get(name), ras) for name, ras in known.items())


def _same_segments(scene: Any, path: Path, node: Any, sides: tuple[Any, ...]) -> bool:
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
