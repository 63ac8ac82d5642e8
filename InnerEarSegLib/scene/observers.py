"""VTK observers that can be taken away together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Observers:
    """A list of observed objects."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def add(self, subject: Any, event: Any, handler: Callable[..., None]) -> None:
        """Calls ``handler(caller, event)`` on each event."""
        self._tags.append((subject, subject.AddObserver(event, handler)))

    def clear(self) -> None:
        """Stops observing."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()
