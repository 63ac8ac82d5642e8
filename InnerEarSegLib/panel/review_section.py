"""The review part of the panel: each ear's verdict, its landmarks, buttons and their keys."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..mrml.landmarks import ATTRIBUTE, automatic_of, position_of
from ..mrml.results import Results, find_results, run_warnings
from ..mrml.review import Key, Review, Steps, next_key
from ..mrml.segments import SEGMENT_IDS
from ..mrml.transforms import ct_has_moved, follow_ct
from ..mrml.views import jump_to, slide_to
from ..types import Landmark, Side
from .look import swatch
from .measurements_section import MeasurementsSection
from .table import LandmarkTable
from .words import SIGNS, next_step, verdict_of
from .worker import timer_for

_TITLE = "Check the landmarks"

SELECTED_ATTRIBUTE = ATTRIBUTE + "Selected"
"""Of a CT: side and name of the landmark whose row was selected last, saved with the scene."""


def _marked(when: Callable[[Review, Landmark], bool]) -> Callable[[Review, Landmark | None], bool]:
    return lambda review, mark: mark is not None and when(review, mark)


BUTTONS: dict[str, tuple[str, Callable[[Review, Landmark | None], bool]]] = {
    "next": ("N", lambda review, mark: any(not x.confirmed for x in review.landmarks.values())),
    "confirm": ("C", _marked(lambda review, mark: not (mark.confirmed or review.placing))),
    "edit": ("E", _marked(lambda review, mark: mark.ras is not None)),
    "place": ("P", _marked(lambda review, mark: True)),
    "reset": ("R", _marked(lambda review, mark: mark.reviewed)),
    # Not Ctrl+Z and Ctrl+Y: these are actions of Slicer's main window, and a key with two meanings
    # does nothing in Qt.
    "undo": ("U", lambda review, mark: review.can_undo),
    "redo": ("Shift+U", lambda review, mark: review.can_redo),
}
"""Key of each button, and when it is enabled for the selected landmark."""

_OTHER_INPUT = ("QComboBox", "QAbstractItemView", "QAbstractSpinBox", "QLineEdit", "QTextEdit")
"""Widgets that keep their keys, outside of the review part."""


class ReviewSection:
    """Table, buttons and keys; ``shown`` is called after any of it may have changed."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self.shown: Callable[[], None] = lambda: None
        self._volume: Any = None
        self._results = Results()
        self.review: Review | None = None  # of the present CT, None without results
        self._steps: dict[str, Steps] = {}
        self._warnings = ""  # as shown
        self._in_views = False  # whether keys are heard there, as a point is edited or placed
        self._following = False
        self._observers = VTKObservationMixin()
        self._table = LandmarkTable(ui.landmarksTable)
        self.measuring = MeasurementsSection(ui, self._show_edited)
        self._shortcuts = [self._connect(name, key) for name, (key, _) in BUTTONS.items()]
        # Events come in bursts, one for each voxel or mouse move.
        self._soon = timer_for(self._segments_changed, 100)
        self._look_at_ct = timer_for(self._ct_moved)
        self._drag_pauses = timer_for(self._show, 120)
        ui.landmarksTable.connect("itemSelectionChanged()", self._row_selected)
        # Also where the row was selected before.
        ui.landmarksTable.connect("cellClicked(int,int)", lambda *_: self._row_selected())
        ui.leftEarButton.connect("clicked()", lambda: self.show_ear("left"))
        ui.rightEarButton.connect("clicked()", lambda: self.show_ear("right"))
        ui.editSegmentButton.connect("clicked()", self._edit_segment)
        for side in SEGMENT_IDS:
            getattr(ui, f"{side}EarButton").setIcon(swatch(side))
        # Of fixed heights: in a scroll area, text that grows makes buttons jump.
        line = ui.reviewProgressLabel.fontMetrics().lineSpacing()
        ui.reviewProgressLabel.setFixedHeight(line)
        ui.warningsBrowser.setFixedHeight(3 * line + 4)
        ui.warningsBrowser.viewport().setAutoFillBackground(False)
        ui.warningsBrowser.document.setDocumentMargin(0)
        self._show()

    def _connect(self, name: str, key: str) -> Any:
        """Connect a button and its key, which both button and tooltip say; return the shortcut."""
        button = getattr(self._ui, f"{name}Button")
        button.connect("clicked()", lambda: self._press(name))
        button.text = f"{button.text} ({key.replace('Shift+', '⇧')})"
        button.setToolTip(f"{button.toolTip} Key: {key}")
        shortcut = qt.QShortcut(self._ui.reviewContent)
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.connect("activated()", lambda: self._key_pressed(button))
        return shortcut

    def _key_pressed(self, button: Any) -> None:
        focus = slicer.app.focusWidget()
        if focus is None or self._ui.reviewContent.isAncestorOf(focus) or self._keys_are_free():
            button.click()

    @staticmethod
    def _keys_are_free() -> bool:
        """Whether the focus is in a widget that has no use for letters, such as a view."""
        focus = slicer.app.focusWidget()
        return focus is not None and not any(focus.inherits(name) for name in _OTHER_INPUT)

    def bind(self, volume: Any) -> None:
        """Show the results of a CT; None: nothing."""
        results = find_results(slicer.mrmlScene, volume)
        same = volume is self._volume and results.nodes == self._results.nodes
        if same and self.review is not None:
            self._show()
            return
        self.release()
        self._volume, self._results = volume, results
        if results:
            steps = self._steps.setdefault(volume.GetID(), Steps())
            # It may have been moved while another CT was chosen.
            steps.map(follow_ct(results, volume).landmarks)
            later = partial(qt.QTimer.singleShot, 0)
            self.review = Review(slicer.mrmlScene, results.landmarks, self._changed, steps, later)
            self.review.lock()  # a scene may have been saved while a point was edited
            self._observe()
        self.measuring.bind(volume, results)
        self._show()
        selected = volume and volume.GetAttribute(SELECTED_ATTRIBUTE)
        if self.review is not None and selected:
            side, _, name = selected.partition(" ")
            self._table.restore((side, name))
            self._show_buttons()

    def _observe(self) -> None:
        volume, add = self._volume, self._observers.addObserver
        add(volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._ct_moved)
        # Its own matrix, perhaps, and voxels a moment before or after: looked at when both are
        # there, as cropping is not moving.
        add(volume, vtk.vtkCommand.ModifiedEvent, lambda *_: self._look_at_ct.start())
        if self._results.segmentation is not None:
            core = slicer.vtkSegmentation
            for event in (
                core.SourceRepresentationModified, core.RepresentationModified,
                core.SegmentAdded, core.SegmentRemoved, core.SegmentModified,
            ):  # fmt: skip
                segments = self._results.segmentation.GetSegmentation()
                add(segments, event, lambda *_: self._soon.start())

    def release(self, lock: bool = True, views: bool = True) -> None:
        """Forget the CT; ``lock=False`` does not touch its nodes, ``views=False`` no view."""
        self._observers.removeObservers()
        for timer in (self._soon, self._look_at_ct, self._drag_pauses):
            timer.stop()
        if self.review is not None:
            review, self.review = self.review, None
            review.changed = lambda: None
            review.close(lock)
        self.measuring.release(views)
        self._volume, self._results = None, Results()

    def _ct_moved(self, *_: Any) -> None:
        volume, results = self._volume, self._results
        if volume is None or self._following or not ct_has_moved(results, volume):
            return
        self._following = True
        try:
            self.release(views=False)  # the change of all numbers is no step of the user's
            self.bind(volume)
        finally:
            self._following = False
        if self.measuring.stay_in_view():
            return
        if self._table.selected is not None:
            self._jump(self._table.selected)
        elif side := self.measuring.side or next(iter(sorted(results.landmarks)), None):
            self.show_ear(side)

    def forget_steps(self, volume: Any = None) -> None:
        """Make steps of a CT, or of all, final, as results were replaced."""
        if volume is None:
            self._steps.clear()
        else:
            self._steps.pop(volume.GetID(), None)

    def check_nodes(self) -> None:
        """A node was removed from the scene."""
        gone = any(not slicer.mrmlScene.IsNodePresent(node) for node in self._results.nodes)
        if self._volume is not None and not slicer.mrmlScene.IsNodePresent(self._volume):
            self.release(lock=not gone)
            self._show()
        elif gone:
            volume = self._volume
            self.release(lock=False)
            self.forget_steps(volume)
            self.bind(volume)

    def stop_editing(self) -> None:
        """Lock all landmarks, as when the user leaves the module."""
        if self.review is not None:
            self.review.lock()

    def show_ear(self, side: Side) -> None:
        """Turn all views to an ear."""
        if self._volume is not None:
            self.measuring.show_ear(side)
            self._show_ears()

    def show_first_doubt(self) -> None:
        """Lead to the landmark that most wants a look."""
        self._go(next_key(self._landmarks(), None))

    def _go(self, key: Key | None) -> None:
        if key is not None:
            self._table.select(key)
            self._jump(key)
        self._show()

    def _jump(self, key: Key) -> None:
        """Turn all views to a landmark, or to its ear where it was not found."""
        if self._volume is None:
            return
        side, name = key
        if self.measuring.side not in (None, side):  # the other ear has its own viewpoint
            self.show_ear(side)
        self.measuring.choose_ear(side)
        node = self._results.landmarks[side]
        place = position_of(node, name) or automatic_of(node, name)
        if place is None:
            self.show_ear(side)
        else:
            jump_to(slicer.mrmlScene, node, place, self._volume)

    @property
    def left(self) -> int | None:
        """How many landmarks are still to be checked; None without results."""
        if self.review is None:
            return None
        return sum(not mark.confirmed for mark in self._landmarks().values())

    def _row_selected(self) -> None:
        key = self._table.selected
        if key is None or self.review is None:
            return
        self._volume.SetAttribute(SELECTED_ATTRIBUTE, " ".join(key))
        if self.review.editing not in (None, key) or self.review.placing not in (None, key):
            self.review.lock()
        self._jump(key)
        self._show()

    def _press(self, name: str) -> None:
        """Do what a button says, with the selected landmark."""
        review, key = self.review, self._table.selected
        if review is None:
            return
        if name == "next":
            review.lock()
            self._go(next_key(review.landmarks, key))
        elif name in ("undo", "redo"):
            self._go(getattr(review, name)())
        elif key is None:
            return
        elif key == {"edit": review.editing, "place": review.placing}.get(name):
            review.lock()  # pressed again
        else:
            getattr(review, name)(key)
            if name == "reset":
                self._jump(key)

    def _edit_segment(self) -> None:
        """Open the Segment Editor with segmentation, CT and the ear's segment selected."""
        key = self._table.selected
        side = key[0] if key else next(iter(self._results.landmarks), None)
        if self._results.segmentation is None or side is None:
            return
        segmentation, volume = self._results.segmentation, self._volume
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.util.getModuleWidget("SegmentEditor").editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        editor.setCurrentSegmentID(SEGMENT_IDS[side])

    def _landmarks(self) -> dict[Key, Landmark]:
        return {} if self.review is None else self.review.landmarks

    def _changed(self) -> None:
        """A row may look different; while a point is dragged, not at each move of the mouse."""
        if self.review is not None and self.review.dragging:
            self._drag_pauses.start()
        else:
            self._show()

    def _show(self) -> None:
        self._drag_pauses.stop()
        editing = None if self.review is None else self.review.editing
        self._table.show(self._landmarks(), editing)
        self._show_edited()
        self.measuring.soon()
        self._show_buttons()
        self._show_ears()
        self.shown()

    def _show_edited(self) -> None:
        """Show the slice that a point is in, while it is dragged in another view."""
        key = None if self.review is None else self.review.editing
        if key is not None:
            node = self._results.landmarks[key[0]]
            place = position_of(node, key[1])
            if place is not None:
                slide_to(slicer.mrmlScene, node, place)

    def _show_buttons(self) -> None:
        ui, review, landmarks = self._ui, self.review, self._landmarks()
        ui.reviewContent.setVisible(review is not None)
        ui.reviewHintLabel.setVisible(review is None)
        left, count = self.left, len(landmarks)
        todo = f": {left} of {count} left" if left else ""
        ui.reviewCollapsibleButton.text = _TITLE + todo
        if review is None:
            self._in_views = False
            return
        selected = self._table.selected
        mark = None if selected is None else landmarks.get(selected)
        placing = review.placing is not None
        editing = mark is not None and review.editing == selected
        for name, (_, enabled) in BUTTONS.items():
            getattr(ui, f"{name}Button").setEnabled(enabled(review, mark))
        ui.editButton.setChecked(editing and not placing)
        ui.placeButton.setChecked(placing)
        # After a click or a drag the focus is in a view.
        was, self._in_views = self._in_views, placing or review.editing is not None
        context = qt.Qt.WindowShortcut if self._in_views else qt.Qt.WidgetWithChildrenShortcut
        for shortcut in self._shortcuts:
            shortcut.setContext(context)
        if was and not self._in_views and self._keys_are_free():
            ui.landmarksTable.setFocus()  # the next key is for the next landmark, not for a view
        ui.reviewProgressLabel.setText(next_step(mark, editing, placing, bool(left)))

    def _show_ears(self) -> None:
        """Show a button for each ear, how far to trust it, and what wants a look."""
        results, node = self._results, self._results.segmentation
        lines = [f"⚠ {html.escape(x)}" for x in run_warnings(results)]
        for side, segment in SEGMENT_IDS.items():
            button, label, numbers = (
                getattr(self._ui, side + name) for name in ("EarButton", "EarLabel", "NumbersLabel")
            )
            found = node is not None and node.GetSegmentation().GetSegment(segment) is not None
            for widget in (button, label, numbers):
                widget.setVisible(found or side in results.landmarks)
            button.setChecked(self.measuring.side == side)
            label.setText("")
            if side in results.landmarks:
                own = [x for (ear, _), x in self._landmarks().items() if ear == side]
                words, reasons = verdict_of(results.landmarks[side], own)
                label.setText(f"<b>{SIGNS.get(words, '')} {words.capitalize()}</b>")
                ear = f"{side.capitalize()}: " if len(results.landmarks) > 1 else ""
                lines += [f"⚠ {ear}{html.escape(reason)}" for reason in reasons]
        text = "".join(f"<div>{line}</div>" for line in lines)
        if text != self._warnings:  # else a long one would jump back to its top
            self._warnings = text
            self._ui.warningsBrowser.setHtml(text)

    def _segments_changed(self) -> None:
        self.measuring.soon()
        self._show_ears()
