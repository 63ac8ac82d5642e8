"""What can be undone and redone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..results import Side
from .landmark_memory import Memory

Step = tuple[Side, Memory]
"""Which ear, and how its landmarks were before."""


@dataclass
class Steps:
    """Steps of one CT; they outlive a ``Review``, as when another CT is looked at meanwhile."""

    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
