"""A synthetic ear in Slicer's Sample Data module: made on the spot, nothing to download.

Slicer imports this at start-up, so that all else is imported where it is used.
"""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CATEGORY = "InnerEarSeg"
SAMPLE = NODE_NAME = "Synthetic ear"
URI = "generated:synthetic-ear"
FILE = "InnerEarSeg-synthetic-ear.nrrd"

_EAR = (2026, 1)  # series and number: an ear that no training has seen


def register_sample_data(icon: Path | None = None) -> None:
    """Offer the ear in the Sample Data module, with a picture; call it once Slicer has started."""
    import SampleData  # a module of Slicer

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # not in Slicer 5.10
        logic.registerCustomSampleDataCategory(CATEGORY, title="InnerEarSeg")
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris=URI,
        fileNames=FILE,
        nodeNames=NODE_NAME,
        thumbnailFileName=str(icon) if icon is not None else None,
        customDownloader=load_synthetic_ear,
    )
    _serve_uri()


def _serve_uri() -> None:
    """Let ``SampleData.downloadSample``, which knows URIs alone, have the ear as a file."""
    import urllib.request
    from email.message import Message
    from urllib.response import addinfourl

    class Generator(urllib.request.BaseHandler):
        def generated_open(self, request: urllib.request.Request) -> addinfourl:
            return addinfourl(BytesIO(_synthetic_file()), Message(), request.full_url)

    # One that .slicerrc.py or another extension installed, for a proxy perhaps, is kept.
    opener = getattr(urllib.request, "_opener", None) or urllib.request.build_opener()
    opener.add_handler(Generator())
    urllib.request.install_opener(opener)


def _synthetic_file() -> bytes:
    """The ear as a .nrrd file."""
    import SimpleITK as sitk

    from ..synthetic.files import random_ear

    ct = random_ear(*_EAR).ct
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        sitk.WriteImage(ct.to_sitk(), str(path))
        return path.read_bytes()


def load_synthetic_ear(source: Any = None) -> Any:
    """Make the ear, show it, and return its vtkMRMLScalarVolumeNode."""
    import slicer

    from ..mrml.views import show_ear
    from ..mrml.volumes import add_volume
    from ..synthetic.files import random_ear

    with slicer.util.WaitCursor():
        ear = random_ear(*_EAR)
        name = slicer.mrmlScene.GenerateUniqueName(NODE_NAME)
        node = add_volume(slicer.mrmlScene, ear.ct)
        node.SetName(name)
        show_ear(slicer.mrmlScene, node, ear.ct.geometry.center)
    return node


_SEED = 7
_MAX_MM = 2.0  # far beyond the usual error: this tests the module, not the model's accuracy


def check_synthetic_ear(logic: Any) -> None:
    """Segment a generated ear twice; AssertionError where its known landmarks are not found."""
    import slicer

    from ..mrml.landmarks import position_of
    from ..mrml.results import find_results
    from ..mrml.segments import segment_volume
    from ..mrml.volumes import add_volume
    from ..synthetic.files import random_ear

    ear = random_ear(_SEED, 0)
    volume = add_volume(slicer.mrmlScene, ear.ct)
    added = logic.process(volume)
    assert added is not None, "no ear was found"
    assert ear.side in added.landmarks, f"the {ear.side} ear was not found"
    size = segment_volume(added.segmentation, ear.side)
    assert 80.0 < size < 400.0, f"labyrinth of {size:.0f} mm³"
    for name, truth in ear.landmarks.items():
        found = position_of(added.landmarks[ear.side], name)
        if found is not None:
            error = math.dist(found, [float(value) for value in truth])
            assert error < _MAX_MM, f"{name} is {error:.2f} mm off"
    count = slicer.mrmlScene.GetNumberOfNodes()
    logic.process(volume)
    assert slicer.mrmlScene.GetNumberOfNodes() == count, "a second run added nodes"
    assert find_results(slicer.mrmlScene, volume).segmentation is added.segmentation
