"""What can be undone and redone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..results import Side
from .landmark_memory import Mapping, Memory

Step = tuple[Side, Memory]
"""Which ear, and how its landmarks were before."""


@dataclass
class Steps:
    """Steps of one CT; they outlive a ``Review``, as when another CT is looked at meanwhile."""

    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    left: dict[Side, Memory] = field(default_factory=dict)
    """How the ears were when the last ``Review`` was closed."""

    def clear(self) -> None:
        """Forgets all."""
        self.undo.clear()
        self.redo.clear()
        self.left.clear()

    def map(self, mappings: dict[Side, Mapping]) -> None:
        """Brings all into other coordinates, as the CT's own matrix was changed."""
        for steps in (self.undo, self.redo):
            steps[:] = [
                (side, memory.mapped(mappings[side]) if side in mappings else memory)
                for side, memory in steps
            ]
        for side in self.left.keys() & mappings.keys():
            self.left[side] = self.left[side].mapped(mappings[side])
