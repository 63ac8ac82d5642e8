"""The synthetic ear in the Sample Data module; also in Slicer's own where a checkout is given."""

import importlib.util
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from InnerEarSegLib.io.volume import read_ct

from . import sample_data_module
from .fixtures import BASE_PYTHON, REPOSITORY, slicer_app  # noqa: F401

ICON = REPOSITORY / "InnerEarSeg" / "Resources" / "Icons" / "InnerEarSeg.png"


def slicers_own():
    """SampleData.py of the checkout that holds the given Base/Python."""
    given = os.environ.get(BASE_PYTHON)
    path = Path(given or "") / "../../Modules/Scripted/SampleData/SampleData.py"
    if not given or not path.is_file():
        pytest.skip(f"{BASE_PYTHON} names no checkout with Modules/Scripted/SampleData")
    spec = importlib.util.spec_from_file_location("SampleData", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("own", [False, True], ids=["stand-in", "slicers-own"])
def test_synthetic_ear(slicer_app, monkeypatch, own):  # noqa: F811
    """Registered once, with a name and a picture; its button loads a CT and shows it."""
    import slicer

    module = slicers_own() if own else sample_data_module.make()
    monkeypatch.setitem(sys.modules, "SampleData", module)
    from InnerEarSegLib.mrml.volumes import geometry_of
    from InnerEarSegLib.panel.sample_data import CATEGORY, NODE_NAME, register_sample_data

    register_sample_data(ICON)
    register_sample_data(ICON)
    (source,) = module.SampleDataLogic.sampleDataSourcesByCategory(CATEGORY)
    assert Path(source.thumbnailFileName).is_file() and source.sampleName == "Synthetic ear"
    node = source.customDownloader(source)
    assert node.GetName() == NODE_NAME
    assert node.GetScene() is slicer.mrmlScene
    low, high = node.GetImageData().GetScalarRange()
    assert low < -500 and high > 1000, "HU of air and of dense bone"
    assert all(0.1 < s < 0.4 for s in node.GetSpacing())
    for name in ("Red", "Green", "Yellow"):
        composite = slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == node.GetID()
    # By script, Slicer fetches the URI.
    path, _ = urllib.request.urlretrieve(source.uris[0], slicer_app.folder / "ear.nrrd")
    fetched = read_ct(Path(path))
    np.testing.assert_array_equal(fetched.array, slicer.util.arrayFromVolume(node))
    np.testing.assert_allclose(fetched.geometry.ijk_to_ras, geometry_of(node).ijk_to_ras, atol=1e-4)
    again = source.customDownloader(source)
    assert again.GetName() != node.GetName()
    if not own and slicer_app.draw_views():
        slicer_app.picture(REPOSITORY / "Testing" / "output" / "sample_data.png")


def test_importing_is_cheap():
    """Slicer imports the module at start-up: neither torch nor numpy's users come with it."""
    code = (
        "import sys, InnerEarSegLib.panel.sample_data\n"
        "print([m for m in ('torch', 'SimpleITK', 'slicer', 'vtk') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout
    assert shown.strip() == "[]"
