"""Reading and saving, as ``slicer.util`` asks for it.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from PySide6.QtCore import QObject


class qSlicerIOManager(QObject):
    """Base/QTCore/qSlicerCoreIOManager.h: reading and saving as slicer.util asks for it."""

    _KINDS = {  # noqa: RUF012
        ".mrb": "SceneFile", ".mrml": "SceneFile", ".seg.nrrd": "SegmentationFile",
        ".mrk.json": "MarkupsFile", ".nrrd": "VolumeFile", ".nii": "VolumeFile",
        ".nii.gz": "VolumeFile", ".mha": "VolumeFile",
    }  # fmt: skip

    def fileType(self, path: str) -> str:
        fitting = [end for end in self._KINDS if str(path).lower().endswith(end)]
        return self._KINDS[max(fitting, key=len)] if fitting else "NoFile"

    def fileWriterFileType(self, node: Any, extension: str = "") -> str:
        return "NodeFile"

    def loadScene(self, path: str, clear: bool = True, messages: Any = None) -> bool:
        scene, path = slicer.mrmlScene, str(Path(path).resolve())
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def saveScene(self, path: str, image: Any, messages: Any = None) -> bool:
        if not str(path).endswith(".mrb"):
            raise NotImplementedError("this stand-in saves scenes as .mrb only")
        return bool(slicer.mrmlScene.WriteToMRB(str(Path(path).resolve())))

    def loadNodes(self, kind: str, options: Any, nodes: Any = None, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind == "SceneFile":
            return self.loadScene(path, bool(options.get("clear", False)))
        node_class, storage_class = {
            "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
            "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
            "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode"),
        }[kind]
        scene = slicer.mrmlScene
        node = scene.AddNewNodeByClass(
            node_class, options.get("name") or Path(path).name.split(".")[0]
        )
        storage = scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(path)
        node.SetAndObserveStorageNodeID(storage.GetID())
        if not storage.ReadData(node):
            scene.RemoveNode(node)
            scene.RemoveNode(storage)
            return False
        node.CreateDefaultDisplayNodes()
        if nodes is not None:
            nodes.AddItem(node)
        return True

    def saveNodes(self, kind: str, options: Any, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind == "SceneFile" or path.endswith(".mrb"):
            return self.saveScene(path, None)
        node = slicer.mrmlScene.GetNodeByID(options["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode(path)
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))
