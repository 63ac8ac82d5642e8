"""Draws the icon of module and extension: the spiral of a cochlea with a landmark at its apex.

``QT_QPA_PLATFORM=offscreen python draw_icon.py [SIZE [FILE]]``
"""

import math
import sys
from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen

MODULE_ICON = (
    Path(__file__).resolve().parents[2] / "InnerEarSeg" / "Resources" / "Icons" / "InnerEarSeg.png"
)

TURNS = 2.1
"""A human cochlea has 2.5; fewer stay apart at 16 pixels."""

SHELL, LUMEN, DOT = QColor("#1d3f5e"), QColor("#f2b233"), QColor("#e4572e")
STEPS = 240


def spiral(turn: float) -> tuple[QPointF, float]:
    """Centre and radius of the tube, in a square of side 1, from the base (0) to the apex (1)."""
    angle = math.radians(165) - 2 * math.pi * TURNS * turn
    distance = 0.375 * (1 - turn) ** 0.9
    center = QPointF(0.53 + distance * math.cos(angle), 0.54 - distance * math.sin(angle))
    return center, 0.082 - 0.030 * turn


def draw(size: int) -> QImage:
    """The icon at a size in pixels, with transparent ground."""
    image = QImage(4 * size, 4 * size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(4 * size, 4 * size)
    painter.setPen(Qt.PenStyle.NoPen)
    for color, rim in ((SHELL, 0.026), (LUMEN, 0.0)):
        painter.setBrush(color)
        for step in range(STEPS + 1):
            center, radius = spiral(step / STEPS)
            painter.drawEllipse(center, radius + rim, radius + rim)
    last, _ = spiral(1.0)
    painter.setBrush(DOT)
    painter.setPen(QPen(SHELL, 0.026))
    painter.drawEllipse(last, 0.078, 0.078)
    painter.end()
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(size, size, keep, smooth)


if __name__ == "__main__":
    application = QGuiApplication(sys.argv[:1])
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    target = sys.argv[2] if len(sys.argv) > 2 else MODULE_ICON
    draw(side).save(str(target))
