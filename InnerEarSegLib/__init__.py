"""InnerEarSeg: the bony labyrinth and its landmarks from CT of the temporal bone.

    from InnerEarSegLib import load_model, measure, read_ct, segment, write_result

    ct = read_ct("ear.nii.gz")
    result = segment(ct, load_model())
    for ear in result.ears:
        print(ear.side, measure(ear)["a_diameter"].text)
    write_result(result, ct, "out")

Importing the package loads none of its rooms; what a name needs, such as torch for ``segment``, is
loaded when the name is first used. Rooms import downwards only: ``panel`` (Qt), ``mrml`` (slicer),
``report``, ``batch``, ``cochlea``, ``segmentation``, ``model``, ``io``, ``types``. Not a medical
device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cochlea.measurements import CochlearMeasurements as CochlearMeasurements
    from .cochlea.measurements import measure as measure
    from .errors import InnerEarSegError as InnerEarSegError
    from .io.volume import read_ct as read_ct
    from .model.bundle import Model as Model
    from .model.bundle import load_model as load_model
    from .mrml.files import write_result as write_result
    from .segmentation.pipeline import segment as segment
    from .types import Ear as Ear
    from .types import Geometry as Geometry
    from .types import Landmark as Landmark
    from .types import ModelIdentity as ModelIdentity
    from .types import Quality as Quality
    from .types import Segmentation as Segmentation
    from .types import Volume as Volume

__version__ = "0.1.0"

_HOMES = {
    "read_ct": "io.volume",
    "load_model": "model.bundle",
    "Model": "model.bundle",
    "segment": "segmentation.pipeline",
    "measure": "cochlea.measurements",
    "CochlearMeasurements": "cochlea.measurements",
    "write_result": "mrml.files",
    "InnerEarSegError": "errors",
} | dict.fromkeys(
    ("Ear", "Geometry", "Landmark", "ModelIdentity", "Quality", "Segmentation", "Volume"), "types"
)

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Load a public name from the room that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
