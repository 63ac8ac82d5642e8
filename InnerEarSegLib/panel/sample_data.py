"""A synthetic ear in Slicer's Sample Data module: made on the spot, nothing to download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CATEGORY = "InnerEarSeg"
SAMPLE = "InnerEarSegSyntheticEar"
NODE_NAME = "Synthetic ear"

_EAR = (2026, 1)
"""Series and number of the ear: one that no training has seen."""


def register_sample_data(icon: Path | None = None) -> None:
    """Offers the ear in the Sample Data module; to be called when Slicer has started.

    Args:
        icon: the picture of the button.
    """
    import SampleData  # a module of Slicer

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # not in Slicer 5.10
        logic.registerCustomSampleDataCategory(CATEGORY, title="InnerEarSeg")
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        # Text is asked for, though nothing is downloaded.
        uris="generated:synthetic-ear",
        fileNames="synthetic-ear.nrrd",
        nodeNames=NODE_NAME,
        thumbnailFileName=str(icon) if icon is not None else None,
        customDownloader=load_synthetic_ear,
    )


def load_synthetic_ear(source: Any = None) -> Any:
    """Makes the ear and shows it.

    Args:
        source: what the Sample Data module hands over; not needed.

    Returns:
        The vtkMRMLScalarVolumeNode.
    """
    import slicer

    from ..scene.views import show_ear
    from ..scene.volume_node import add_volume
    from ..synthetic.dataset import random_ear

    with slicer.util.WaitCursor():
        ear = random_ear(*_EAR)
        name = slicer.mrmlScene.GenerateUniqueName(NODE_NAME)
        node = add_volume(slicer.mrmlScene, ear.ct)
        node.SetName(name)
        show_ear(slicer.mrmlScene, node, ear.ct.geometry.center)
    return node
