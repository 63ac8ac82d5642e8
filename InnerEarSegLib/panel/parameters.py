"""Everything the user can choose, kept in the scene."""
# ruff: noqa: N815 - parameters are named as other modules of Slicer name theirs

import enum

from slicer import vtkMRMLMarkupsNode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper


class Ears(enum.Enum):
    """Which ears are wanted."""

    AUTOMATIC = "automatic"
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"

    @property
    def sides(self) -> tuple[str, ...] | None:
        """Ears that may be shown; None for whatever is found."""
        return (self.value,) if self in (Ears.LEFT, Ears.RIGHT) else None


@parameterNodeWrapper
class InnerEarSegParameterNode:
    """The module's choices.

    inputVolume: the CT.
    ears: which ears are wanted.
    region: a point or ROI that says where to look, or nothing.
    device: "auto", "cpu", or a GPU as torch names it.
    modelPath: a model file; empty for the bundled one.
    keepReviewed: whether a new run leaves what the user reviewed.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    ears: Ears = Ears.AUTOMATIC
    region: vtkMRMLMarkupsNode
    device: str = "auto"
    modelPath: str = ""
    keepReviewed: bool = True
