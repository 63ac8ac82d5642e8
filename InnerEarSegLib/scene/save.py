"""Results as files that 3D Slicer opens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..geometry import Volume
from ..results import Segmentation
from .boot import headless_scene
from .populate import ResultNodes, add_result
from .verify import is_whole
from .volume_node import add_volume

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
