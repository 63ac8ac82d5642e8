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

    def loadNodes(self, kind: str, options: Any, nodes: Any = None, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind != "SceneFile" or not path.endswith(".mrb"):
            raise NotImplementedError("this stand-in loads scenes in .mrb alone")
        return bool(slicer.mrmlScene.ReadFromMRB(path, bool(options.get("clear", False))))

    def saveNodes(self, kind: str, options: Any, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if not path.endswith(".mrb"):
            raise NotImplementedError("this stand-in saves scenes as .mrb alone")
        return bool(slicer.mrmlScene.WriteToMRB(path))
