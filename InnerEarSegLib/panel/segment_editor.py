"""Slicer's Segment Editor, opened on one segment."""

from __future__ import annotations

from typing import Any

import slicer


def open_segment_editor(segmentation: Any, volume: Any, segment_id: str) -> None:
    """Switches to the Segment Editor with segmentation, CT and segment selected."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setCurrentSegmentID(segment_id)
