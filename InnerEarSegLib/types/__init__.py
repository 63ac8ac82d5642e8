"""What the library works on and finds, as plain objects: volumes in RAS mm, ears, landmarks."""

from .ear import (
    EDITED,
    REVIEWED,
    SEGMENT_REMOVED,
    SIDES,
    UNKNOWN_MODEL,
    Ear,
    ModelIdentity,
    Side,
    common_model,
    side_sign,
)
from .geometry import RAS_FROM_LPS, Geometry, apply_affine, trilinear
from .landmark import (
    AUTOMATIC,
    AUXILIARY,
    BASAL_TURN,
    BY_HAND,
    CONFIRMED,
    CORRECTED,
    HELICOTREMA,
    LANDMARK_DEFINITIONS,
    LANDMARKS,
    LOW_CONFIDENCE,
    NOT_FOUND,
    OVAL_WINDOW,
    PLACED,
    POINT_DECIMALS,
    RADIUS_DECIMALS,
    REMOVED,
    ROUND_WINDOW,
    SAME_MM,
    VESTIBULE,
    Landmark,
    Point,
    rounded,
)
from .quality import (
    CHECK,
    GOOD,
    MIN_METAL_MM3,
    POOR,
    SOFT_MM,
    USUAL_APEX_MM,
    USUAL_VOLUME_MM3,
    USUAL_WINDOWS_MM,
    WHOLE_CANALS,
    Findings,
    Quality,
    Verdict,
)
from .result import RESULT_SCHEMA_VERSION, Segmentation
from .volume import Scanner, Volume, dice

__all__ = [
    "AUTOMATIC", "AUXILIARY", "BASAL_TURN", "BY_HAND", "CHECK", "CONFIRMED", "CORRECTED", "EDITED",
    "GOOD", "HELICOTREMA", "LANDMARKS", "LANDMARK_DEFINITIONS", "LOW_CONFIDENCE", "MIN_METAL_MM3",
    "NOT_FOUND", "OVAL_WINDOW", "PLACED", "POINT_DECIMALS", "POOR", "RADIUS_DECIMALS",
    "RAS_FROM_LPS", "REMOVED", "RESULT_SCHEMA_VERSION", "REVIEWED", "ROUND_WINDOW", "SAME_MM",
    "SEGMENT_REMOVED", "SIDES", "SOFT_MM", "UNKNOWN_MODEL", "USUAL_APEX_MM", "USUAL_VOLUME_MM3",
    "USUAL_WINDOWS_MM", "VESTIBULE", "WHOLE_CANALS", "Ear", "Findings", "Geometry", "Landmark",
    "ModelIdentity", "Point", "Quality", "Scanner", "Segmentation", "Side", "Verdict", "Volume",
    "apply_affine", "common_model", "dice", "rounded", "side_sign", "trilinear",
]  # fmt: skip
