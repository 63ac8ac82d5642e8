"""The measuring part of the panel: key numbers of each cochlea, and the views turned to it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from slicer.util import VTKObservationMixin

from ..cochlea.catalogue import VOLUME, insertion_angle
from ..cochlea.frame import CochlearFrame
from ..cochlea.insertion import reach
from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.way_in import WayIn, way_in
from ..mrml.cochlear_view import CochlearView
from ..mrml.landmarks import position_of
from ..mrml.measurements import find_measurements, table_is_current, update_steps
from ..mrml.results import Results
from ..mrml.scene import to_world
from ..mrml.segments import segment_center
from ..mrml.views import face_windows, name_landmarks, show_ear
from ..report.figures import AXIS, LINE_A, LINE_B
from ..types import LANDMARKS, SIDES, Side
from .look import set_wrapped
from .stepper import Stepper
from .worker import timer_for

SHOWN = {
    "a_diameter": "A",
    "b_diameter": "B",
    "cochlear_height": "Height",
    "duct_lateral_wall_360": "Wall 360°",
    "organ_of_corti_length": "CDL (formula)",
}
"""What the panel shows, all in mm; the table in the scene has all."""

_LINES = {"a_diameter": LINE_A, "b_diameter": LINE_B, "cochlear_height": AXIS}
"""Colours of the lines that the Cochlear view shows, as HTML."""

KEY_NUMBERS = {"a_diameter": "A", "b_diameter": "B", "duct_lateral_wall_360": "wall"}
"""What stands under an ear's button."""

_NO_FRAME = "Needs the round window and two other landmarks."
_NO_WAY_IN = "Needs a segment that shows the turns of the cochlea."
_TURN = (
    "Turns the slice views to the plane of the basal turn and two planes through the modiolus; "
    "once more turns them back."
)
_TURN_ALONG = (
    "Turns the slice views to the round window: across the way in, as seen from outside, and along "
    "it; once more turns them back."
)


def ear_center(results: Results, side: Side) -> NDArray[np.float64] | None:
    """Return the middle of an ear, RAS mm of its CT; None without segment and landmarks."""
    segments, node = results.segmentation, results.landmarks.get(side)
    places: list[Any] = [] if segments is None else [segment_center(segments, side)]
    places += [] if node is None else [position_of(node, name) for name in LANDMARKS]
    return next((np.array(place) for place in places if place is not None), None)


class MeasurementsSection:
    """Numbers, insertion angle and the buttons that turn the slice views.

    ``turned`` is called when the slice views were turned along with a corrected cochlea, and
    ``measured`` whenever ``cochleae`` may have changed.
    """

    def __init__(self, ui: Any, turned: Callable[[], None]) -> None:
        self._ui, self._turned_along = ui, turned
        self.measured: Callable[[], None] = lambda: None
        self.volume: Any = None  # the CT that is bound
        self.results = Results()
        self.cochleae: dict[Side, CochlearMeasurements] = {}  # as far as measured yet
        self.side: Side | None = None  # where the user is
        self._view = CochlearView(slicer.mrmlScene)
        self._observers = VTKObservationMixin()
        self._dragging = self._turn_later = False
        self._measuring = Stepper(self._measured)
        # Landmarks and segments change in bursts, and measuring takes a second.
        self._soon = timer_for(self._measure, 150)
        self._to_way_in = False  # what the views are turned to, or else to the cochlea
        ui.cochlearViewButton.connect("clicked(bool)", lambda on: self._turn(on, False))
        ui.wayInButton.connect("clicked(bool)", lambda on: self._turn(on, True))
        ui.insertionSpinBox.connect("valueChanged(double)", lambda _: self._show_angles())
        self._show()

    def bind(self, volume: Any, results: Results) -> None:
        """Follow the results of a CT; views that show another one's are turned back."""
        self._observers.removeObservers()
        self.volume, self.results, self._dragging = volume, results, False
        for node in results.nodes:
            self._observers.addObserver(node, node.TransformModifiedEvent, lambda *_: self.soon())
        for node in results.landmarks.values():
            self._observers.addObserver(node, node.PointStartInteractionEvent, self._drag_began)
            self._observers.addObserver(node, node.PointEndInteractionEvent, self._drag_ended)
        self.side = self._side_in_view()  # a scene may have been saved with turned views
        self._to_way_in = self._view.shows_way_in
        if self.side is None and volume is not None and not slicer.mrmlScene.IsImporting():
            self._view.leave()
        self._show()
        self.soon()

    def release(self, views: bool = True) -> None:
        """Forget the CT, once the scene has what was corrected last, and turn views back.

        Neither with ``views=False``, as when the scene goes or the same CT comes again.
        """
        self._observers.removeObservers()
        if views:
            self._catch_up()
        self._stop()
        self._dragging = self._turn_later = False
        # Views that a scene brought along wait for the CT that they show.
        if views and self._side_in_view() is not None:
            self._view.leave()
        self.volume, self.results, self.side, self.cochleae = None, Results(), None, {}
        self._show()

    def soon(self) -> None:
        """Measure in a moment; while a point is dragged, after that."""
        if self.volume is not None and not self._dragging:
            self._measuring.stop()
            self._soon.start()

    def update(self) -> None:
        """Measure what has changed, before returning."""
        self._measure()
        self._measuring.finish()

    def _catch_up(self) -> None:
        """Bring the scene's numbers up to date, if the last change is not measured yet."""
        scene, nodes = slicer.mrmlScene, (self.volume, *self.results.nodes)
        there = self.volume is not None and all(map(scene.IsNodePresent, nodes))
        if there and not table_is_current(scene, self.volume, self.results):
            self.update()

    @property
    def _pending(self) -> bool:
        return self._measuring.active or self._soon.active

    def _stop(self) -> None:
        self._soon.stop()
        self._measuring.stop()

    def _measure(self) -> None:
        self._stop()
        if self.volume is not None and slicer.mrmlScene.IsNodePresent(self.volume):
            steps = update_steps(slicer.mrmlScene, self.volume, self.results)
            self._measuring.start(steps)

    def _measured(self, cochleae: dict[Side, CochlearMeasurements]) -> None:
        self.cochleae = cochleae
        if self._turn_later:
            self._turn_later = False
            self._enter()
        elif self._view.active:  # the views go along
            target = self._target(self._side_in_view())
            if target is None:
                self._view.leave()
            elif self._view.follow(target):
                self._turned_along()
        self._show()

    def show_ear(self, side: Side) -> None:
        """Turn all views to an ear; in the Cochlear view, the slices to its cochlea.

        That view makes way for an ear that it cannot show.
        """
        if self._view.active and side not in self.cochleae:
            self.update()  # a scene that was loaded with the view on, a moment ago
        if self._target(side) is None:
            self._view.leave()
        center = ear_center(self.results, side)
        if center is not None:
            show_ear(slicer.mrmlScene, self.volume, center)
            face_windows(slicer.mrmlScene, self.results, side)
        self.side = side
        name_landmarks(self.results, side)
        if self._view.active:
            self._enter()
        self._show()

    def choose_ear(self, side: Side) -> None:
        """The user is at an ear now."""
        self.side = side
        name_landmarks(self.results, side)
        self._show()

    def stay_in_view(self) -> bool:
        """Turn slices that show a cochlea to it again, as the CT was moved; whether they do."""
        side = self._side_in_view()
        middle = None if side is None else self._middle(side)
        if side is None or middle is None:
            return False
        self._view.go_back_to(middle)  # also when they are turned back
        self.show_ear(side)
        return True

    def _turn(self, on: bool, to_way_in: bool) -> None:
        if on:
            self._to_way_in = to_way_in
        self._turn_later = on and self._pending
        if self._turn_later:
            self._measure()
        else:
            with slicer.util.RenderBlocker():  # else views are drawn anew for each that turns
                if on:
                    self._enter()
                else:
                    self._view.leave()
        self._show()

    def _enter(self) -> None:
        side = self._shown_side()
        target = self._target(side)
        if side is None or target is None:
            self._view.leave()
            return
        found = find_measurements(slicer.mrmlScene, self.volume)
        lines = [] if self._to_way_in else found.lines_of(side)
        spacing, node = min(self.volume.GetSpacing()), self.results.landmarks[side]
        self._view.enter(node, target, spacing, lines, self._middle(side))

    def _middle(self, side: Side) -> NDArray[np.float64] | None:
        """Of an ear, world RAS mm."""
        center = ear_center(self.results, side)
        return None if center is None else to_world(self.volume, center)

    def _drag_began(self, *_: Any) -> None:
        self._dragging = True
        self._stop()  # slices that turn under the mouse would take the point along

    def _drag_ended(self, *_: Any) -> None:
        self._dragging = False
        self.soon()

    def _side_in_view(self) -> Side | None:
        """Which of the present ears the views are turned to; None also if to another CT's."""
        shown = self._view.landmarks
        return next((s for s, node in self.results.landmarks.items() if node is shown), None)

    def _shown_side(self) -> Side | None:
        """The ear that the user is at, else the first one."""
        return self.side or next(iter(sorted(self.cochleae)), None)

    def _target(self, side: Side | None) -> CochlearFrame | WayIn | None:
        """What the views of an ear are turned to; None if that is not known."""
        cochlea = None if side is None else self.cochleae.get(side)
        if cochlea is None or not self._to_way_in:
            return None if cochlea is None else cochlea.frame
        return None if cochlea.duct is None else way_in(cochlea)

    def _show(self) -> None:
        ui = self._ui
        ui.measureCollapsibleButton.setVisible(bool(self.cochleae))
        shown = self._shown_side()
        cochlea = None if shown is None else self.cochleae.get(shown)
        turned = self._turn_later or (self.volume is not None and self._view.active)
        for button, known, to_way_in, tip, why_not in (
            (ui.cochlearViewButton, cochlea and cochlea.frame, False, _TURN, _NO_FRAME),
            (ui.wayInButton, cochlea and cochlea.duct, True, _TURN_ALONG, _NO_WAY_IN),
        ):
            here = turned and self._to_way_in == to_way_in
            button.setEnabled(known is not None or here)
            button.setChecked(here)
            button.setToolTip(why_not if known is None else tip)
        set_wrapped(ui.measurementsLabel, measurements_html(self.cochleae))
        for side in SIDES:
            cochlea = self.cochleae.get(side)
            text = "Measuring" if cochlea is None else key_numbers(cochlea)
            getattr(ui, f"{side}NumbersLabel").setText(text)
            volume = None if cochlea is None else cochlea[VOLUME].value
            size = f", {volume:.0f} mm³" if volume else ""
            getattr(ui, f"{side}EarButton").setText(f"{side.capitalize()} ear{size}")
        self._show_angles()
        self.measured()

    def _show_angles(self) -> None:
        length, parts = self._ui.insertionSpinBox.value, []
        for side in sorted(self.cochleae):
            duct, diameter = self.cochleae[side].duct, self.cochleae[side]["a_diameter"].value
            if duct is not None:
                tip = reach(duct, length)
                reached = None if tip.angle_deg is None else tip.angle_text
            elif diameter:  # no duct could be measured: Escudé's formula
                angle = insertion_angle(diameter, length)
                reached = None if angle is None else f"≈ {angle:.0f}° by formula"
            else:
                continue
            parts.append(f"{reached or 'beyond the apex'} ({side})")
        text = f"reaches {' and '.join(parts)}." if parts else "needs the A diameter."
        self._ui.insertionAngleLabel.setText(text)


def key_numbers(cochlea: CochlearMeasurements) -> str:
    """Return the numbers that are looked at first, in a line; those that are missing left out."""
    known = [(label, cochlea[key]) for key, label in KEY_NUMBERS.items()]
    about = {True: "≈ ", False: ""}
    parts = [
        f"{label} {about[x.extrapolated]}{x.value:.1f}" for label, x in known if x.value is not None
    ]
    doubt = " ⚠" if cochlea.remarks or any(x.remark for _, x in known) else ""
    return f"{', '.join(parts)} mm{doubt}" if parts else "Not measured"


def _swatch(color: str | None) -> str:
    return f"<span style='background-color: {color}'>&nbsp;&nbsp;</span> " if color else ""


def measurements_html(cochleae: dict[Side, CochlearMeasurements]) -> str:
    """Return the key numbers as a small table, a line an ear, and the remarks on them."""
    if not cochleae:
        return ""
    pad = "style='padding-right: 4px; white-space: nowrap'"
    names = {key: label.replace(" (", "<br>(") for key, label in SHOWN.items()}  # no wide column
    titles = ["mm", *(_swatch(_LINES.get(key)) + name for key, name in names.items())]
    head = "".join(f"<th align='left' {pad}>{title}</th>" for title in titles)
    rows, remarks = [f"<tr>{head}</tr>"], []
    for side in sorted(cochleae):
        cells = [side.capitalize()]
        for key, label in SHOWN.items():
            measurement = cochleae[side][key]
            sign = " ⚠" if measurement.remark and measurement.value is not None else ""
            cells.append(html.escape(measurement.text.removesuffix(" mm")) + sign)
            if sign:
                remarks.append(f"⚠ {side.capitalize()} {label}: {measurement.remark}.")
        remarks += [f"⚠ {side.capitalize()}: {remark}" for remark in cochleae[side].remarks]
        rows.append("<tr>" + "".join(f"<td {pad}>{cell}</td>" for cell in cells) + "</tr>")
    notes = "".join(f"<div>{html.escape(remark)}</div>" for remark in remarks)
    return f"<table>{''.join(rows)}</table>{notes}"
