"""The planning part of the panel: key numbers of each cochlea, and the views turned to it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import numpy as np
import qt
import slicer
from numpy.typing import NDArray

from ..cochlea.catalogue import insertion_angle
from ..cochlea.frame import CochlearFrame
from ..cochlea.measurements import CochlearMeasurements
from ..mrml.cochlear_view import CochlearView
from ..mrml.measurements import find_measurements, update_measurements
from ..mrml.results import Results
from ..mrml.scene import Observers, to_world
from ..types import Side
from .navigation import ear_center, go_to_ear

SHOWN = {
    "a_diameter": "A",
    "b_diameter": "B",
    "cochlear_height": "Height",
    "organ_of_corti_length": "Duct length",
}
"""What the panel shows, all in mm; the table in the scene has all."""

_SETTLE_MS = 300
_NO_FRAME = "Needs the round window and two other landmarks."
_TURN = (
    "Turns the slice views to the plane of the basal turn and two planes through the modiolus; "
    "once more turns them back."
)


class MeasurementsSection:
    """Numbers, insertion angle and the Cochlear view button.

    Args:
        ui: the panel's widgets.
        turned: called when the slice views were turned along with a corrected cochlea.
    """

    def __init__(self, ui: Any, turned: Callable[[], None] = lambda: None) -> None:
        self._ui = ui
        self._turned_along = turned
        self._volume: Any = None
        self._results = Results()
        self._plans: dict[Side, CochlearMeasurements] = {}
        self._side: Side | None = None
        self._view = CochlearView(slicer.mrmlScene)
        self._observers = Observers()
        self._dragging = False
        # Landmarks and segments change in bursts, and measuring takes a moment.
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.connect("timeout()", self.update)
        ui.cochlearViewButton.connect("clicked(bool)", self._turn)
        ui.insertionSpinBox.connect("valueChanged(double)", lambda _: self._show_angles())
        self._show()

    @property
    def plans(self) -> dict[Side, CochlearMeasurements]:
        """The plan of each ear of the present CT, as far as measured yet."""
        return self._plans

    def bind(self, volume: Any, results: Results) -> None:
        """Follows the results of a CT; views that show another one's are turned back."""
        self._observers.clear()
        self._volume, self._results, self._dragging = volume, results, False
        for node in results.nodes:
            self._observers.add(node, node.TransformModifiedEvent, lambda *_: self.soon())
        for node in results.landmarks.values():
            self._observers.add(node, node.PointStartInteractionEvent, self._drag_began)
            self._observers.add(node, node.PointEndInteractionEvent, self._drag_ended)
        self._side = self._side_in_view()  # a scene may have been saved with turned views
        if self._side is None and volume is not None and not slicer.mrmlScene.IsImporting():
            self._view.leave()
        self._show()
        self.soon()

    def release(self, views: bool = True) -> None:
        """Forgets the CT; turns views back unless ``views`` is False, as when the scene goes."""
        self._soon.stop()
        self._observers.clear()
        self._dragging = False
        # Views that a scene brought along wait for the CT that they show.
        if views and self._side_in_view() is not None:
            self._view.leave()
        self._volume, self._results, self._side = None, Results(), None
        self._plans = {}
        self._show()

    def soon(self) -> None:
        """Something may have changed; while a point is dragged, the end of that is waited for."""
        if self._volume is not None and not self._dragging:
            self._soon.start()

    def update(self) -> None:
        """Measures anew what has changed, now."""
        self._soon.stop()
        if self._volume is None or not slicer.mrmlScene.IsNodePresent(self._volume):
            return
        self._plans = update_measurements(slicer.mrmlScene, self._volume, self._results)
        if self._view.active:
            self._follow()
        self._show()

    def show_ear(self, side: Side) -> None:
        """Turns all views to an ear; in the Cochlear view, the slices to its cochlea.

        That view makes way for an ear that it cannot show.
        """
        if self._view.active and side not in self._plans:
            self.update()  # a scene that was loaded with the view on, a moment ago
        if self._frame(side) is None:
            self._view.leave()
        go_to_ear(self._volume, self._results, side)
        self.choose_ear(side)
        if self._view.active:
            self._enter()
        self._show()

    def choose_ear(self, side: Side) -> None:
        """The user is at an ear, which the Cochlear view button is about from now on."""
        self._side = side
        self._show()

    def shows_other_than(self, side: Side) -> bool:
        """Whether the slices are turned to the cochlea of another ear."""
        return self._view.active and self._side_in_view() != side

    def stay_in_view(self) -> Side | None:
        """The CT was moved: turned slices go to its ear, and are there when turned back, too.

        Returns:
            Which ear that is; None if the slices are not turned.
        """
        side = self._side_in_view()
        middle = None if side is None else self._middle(side)
        if side is None or middle is None:
            return None
        self._view.go_back_to(middle)
        self.show_ear(side)
        return side

    # The view

    def _turn(self, on: bool) -> None:
        if on:
            self.update()
            self._enter()
        else:
            self._view.leave()
        self._show()

    def _enter(self) -> None:
        side = self._shown_side()
        frame = self._frame(side)
        if side is None or frame is None:
            self._view.leave()
            return
        lines = find_measurements(slicer.mrmlScene, self._volume).lines_of(side)
        spacing = min(self._volume.GetSpacing())
        middle = self._middle(side)
        self._view.enter(self._results.landmarks[side], frame, spacing, lines, middle)

    def _middle(self, side: Side) -> NDArray[np.float64] | None:
        """Of an ear, world RAS mm."""
        center = ear_center(self._results, side)
        return None if center is None else to_world(self._volume, center)

    def _follow(self) -> None:
        """The ear in view was measured anew: the views go along."""
        frame = self._frame(self._side_in_view())
        if frame is None:
            self._view.leave()
        elif self._view.follow(frame):
            self._turned_along()

    def _drag_began(self, *_: Any) -> None:
        self._dragging = True
        self._soon.stop()  # slices that turn under the mouse would take the point along

    def _drag_ended(self, *_: Any) -> None:
        self._dragging = False
        self.soon()

    def _side_in_view(self) -> Side | None:
        """Which of the present ears the views are turned to; None also if to another CT's."""
        shown = self._view.landmarks
        nodes = self._results.landmarks.items()
        return next((side for side, node in nodes if node is shown), None)

    def _shown_side(self) -> Side | None:
        """The ear that the user is at, else the first one."""
        return self._side or next(iter(sorted(self._plans)), None)

    def _frame(self, side: Side | None) -> CochlearFrame | None:
        plan = None if side is None else self._plans.get(side)
        return None if plan is None else plan.frame

    # Showing

    def _show(self) -> None:
        ui = self._ui
        ui.planCollapsibleButton.setVisible(bool(self._plans))
        possible = self._frame(self._shown_side()) is not None
        turned = self._volume is not None and self._view.active
        ui.cochlearViewButton.setEnabled(possible or turned)
        ui.cochlearViewButton.setChecked(turned)
        ui.cochlearViewButton.setToolTip(_TURN if possible else _NO_FRAME)
        ui.measurementsLabel.setText(measurements_html(self._plans))
        self._show_angles()

    def _show_angles(self) -> None:
        length = self._ui.insertionSpinBox.value
        parts = []
        for side in sorted(self._plans):
            diameter = self._plans[side]["a_diameter"].value
            if diameter:
                angle = insertion_angle(diameter, length)
                parts.append(f"{side} beyond the apex" if angle is None else f"{side} {angle:.0f}°")
        text = f"reaches {', '.join(parts)}" if parts else "needs the A diameter"
        self._ui.insertionAngleLabel.setText(text)


def measurements_html(plans: dict[Side, CochlearMeasurements]) -> str:
    """The key numbers as a small table, a line an ear, and what is to be said on them."""
    if not plans:
        return ""
    pad = "style='padding-right: 10px; white-space: nowrap'"
    head = "".join(f"<th align='left' {pad}>{label}</th>" for label in ("mm", *SHOWN.values()))
    rows, remarks = [f"<tr>{head}</tr>"], []
    for side in sorted(plans):
        cells = [side.capitalize()]
        for key, label in SHOWN.items():
            measurement = plans[side][key]
            sign = " ⚠" if measurement.remark and measurement.value is not None else ""
            cells.append(html.escape(measurement.text.removesuffix(" mm")) + sign)
            if sign:
                remarks.append(f"⚠ {side.capitalize()} {label}: {measurement.remark}.")
        remarks += [f"⚠ {side.capitalize()}: {remark}" for remark in plans[side].remarks]
        rows.append("<tr>" + "".join(f"<td {pad}>{cell}</td>" for cell in cells) + "</tr>")
    notes = "".join(f"<div>{html.escape(remark)}</div>" for remark in remarks)
    return f"<table>{''.join(rows)}</table>{notes}"
