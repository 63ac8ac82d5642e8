"""InnerEarSeg: the bony labyrinth and its landmarks from CT of the temporal bone.

    from InnerEarSegLib import segment

    result = segment("ear.nii.gz")
    for ear in result.ears:
        print(ear.side, ear.points, result.measurements[ear.side]["a_diameter"].text)
        ear.to_nibabel().to_filename(f"labyrinth_{ear.side}.nii.gz")
    result.save("out")

Importing the package loads none of its sub-packages; what a name needs, such as torch for
``segment``, is loaded when the name is first used. They import downwards only: ``panel`` (Qt),
``mrml`` (slicer), ``report``, ``batch``, ``cochlea``, ``segmentation``, ``model``, ``io``,
``types``. Not a medical device.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in typing, which takes longer to load than all else here

if TYPE_CHECKING:
    from typing import Any

    from .cochlea.measurements import CochlearMeasurements, measure
    from .errors import InnerEarSegError
    from .io.volume import read_ct
    from .library import SegmentedCT, segment
    from .model.bundle import Model, load_model
    from .mrml.files import write_result
    from .types import Ear, Geometry, Landmark, ModelIdentity, Quality, Segmentation, Volume

__version__ = "0.2.0.dev0"

_HOMES = {
    "read_ct": "io.volume",
    "load_model": "model.bundle",
    "Model": "model.bundle",
    "segment": "library",
    "SegmentedCT": "library",
    "measure": "cochlea.measurements",
    "CochlearMeasurements": "cochlea.measurements",
    "write_result": "mrml.files",
    "InnerEarSegError": "errors",
}
"""Where public names live; all others live in ``types``."""

__all__ = [
    "CochlearMeasurements", "Ear", "Geometry", "InnerEarSegError", "Landmark", "Model",
    "ModelIdentity", "Quality", "Segmentation", "SegmentedCT", "Volume", "__version__",
    "load_model", "measure", "read_ct", "segment", "write_result",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name from the sub-package that has it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
