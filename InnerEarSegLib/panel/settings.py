"""What is remembered on this machine rather than in the scene."""

from __future__ import annotations

import qt

_CPU_FALLBACK = "InnerEarSeg/CpuOnOutOfMemory"


def cpu_fallback() -> bool | None:
    """Whether to go on with the CPU when the GPU lacks memory; None if not asked yet."""
    value = qt.QSettings().value(_CPU_FALLBACK)
    return {"yes": True, "no": False}.get(str(value))


def remember_cpu_fallback(agreed: bool) -> None:
    """Keeps the user's answer."""
    qt.QSettings().setValue(_CPU_FALLBACK, "yes" if agreed else "no")
