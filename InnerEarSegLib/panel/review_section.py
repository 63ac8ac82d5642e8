"""Keys that work inside the review part of the panel, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer
import vtk

from ..mrml.results import Results, find_results
from ..mrml.review import Key, Review, Steps, next_key
from ..mrml.scene import Observers
from ..mrml.segments import SEGMENT_IDS, update_volume
from ..mrml.transforms import ct_has_moved, follow_ct
from ..types import Landmark, Side
from .measurements_section import MeasurementsSection
from .navigation import follow_landmark, go_to_landmark
from .review_display import ReviewDisplay
from .table import LandmarkTable

KEYS = {
    "nextButton": "N",
    "confirmButton": "C",
    "editButton": "E",
    "placeButton": "P",
    "resetButton": "R",
    # Not Ctrl+Z and Ctrl+Y: these are actions of Slicer's main window, and a key with two meanings
    # does nothing in Qt.
    "undoButton": "U",
    "redoButton": "Shift+U",
}


def add_shortcuts(content: Any, buttons: Mapping[str, Any]) -> list[Any]:
    """Gives buttons their keys and lists these in the tooltips; returns the shortcuts."""
    made = []
    for name, key in KEYS.items():
        button = buttons[name]
        button.setToolTip(f"{button.toolTip} Key: {key}")
        shortcut = qt.QShortcut(content)
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.connect("activated()", button.click)
        made.append(shortcut)
    return made


def open_segment_editor(segmentation: Any, volume: Any, segment_id: str) -> None:
    """Switches to the Segment Editor with segmentation, CT and segment selected."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setCurrentSegmentID(segment_id)


_SETTLE_MS = 100


class ReviewSection:
    """Table, buttons and keys.

    Attributes:
        planning: the part of the panel that measures the cochleae.

    Args:
        ui: the panel's widgets.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._volume: Any = None
        self._results = Results()
        self._review: Review | None = None
        self._steps: dict[str, Steps] = {}
        self._shown: Side | None = None
        self._following = False
        self._observers = Observers()
        self._table = LandmarkTable(ui.landmarksTable)
        self._display = ReviewDisplay(ui)
        self.planning = MeasurementsSection(ui, self._show_edited)
        self._shortcuts = add_shortcuts(
            ui.reviewContent, {name: getattr(ui, name) for name in KEYS}
        )
        # Events come in bursts, one for each voxel or mouse move.
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.connect("timeout()", self._measure)
        self._look_at_ct = qt.QTimer()
        self._look_at_ct.setSingleShot(True)
        self._look_at_ct.setInterval(0)
        self._look_at_ct.connect("timeout()", self._ct_moved)
        ui.landmarksTable.connect("itemSelectionChanged()", self._row_selected)
        ui.landmarksTable.connect("cellClicked(int,int)", self._row_clicked)
        ui.leftEarButton.connect("clicked()", lambda: self.show_ear("left"))
        ui.rightEarButton.connect("clicked()", lambda: self.show_ear("right"))
        for name in ("next", "confirm", "edit", "place", "reset", "undo", "redo"):
            getattr(ui, f"{name}Button").connect("clicked()", getattr(self, f"_{name}"))
        ui.editSegmentButton.connect("clicked()", self._edit_segment)
        self._show()

    # Which CT

    @property
    def review(self) -> Review | None:
        """The review of the present CT, None without results."""
        return self._review

    def bind(self, volume: Any) -> None:
        """Shows the results of a CT; None: nothing."""
        results = find_results(slicer.mrmlScene, volume)
        same = volume is self._volume and _ids(results) == _ids(self._results)
        if same and self._review is not None:
            self._show()
            return
        self.release()
        self._volume, self._results = volume, results
        if results:
            steps = self._steps.setdefault(volume.GetID(), Steps())
            # It may have been moved while another CT was chosen.
            steps.map(follow_ct(results, volume).landmarks)
            self._review = Review(slicer.mrmlScene, results.landmarks, self._show, steps, _later)
            self._review.lock()  # a scene may have been saved while a point was edited
            self._observe_segmentation(results.segmentation)
            self._observers.add(
                volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._ct_moved
            )
            # Its own matrix, perhaps, and voxels a moment before or after: looked at when both
            # are there, as cropping is not moving.
            self._observers.add(
                volume, vtk.vtkCommand.ModifiedEvent, lambda *_: self._look_at_ct.start()
            )
            self._measure()
        self.planning.bind(volume, results)
        self._show()

    def release(self, lock: bool = True, views: bool = True) -> None:
        """Forgets the CT; ``lock=False`` does not touch its nodes, ``views=False`` no view."""
        self._observers.clear()
        self._soon.stop()
        self._look_at_ct.stop()
        if self._review is not None:
            review, self._review = self._review, None
            review.changed = lambda: None
            review.close(lock)
        self.planning.release(views)
        self._volume, self._results, self._shown = None, Results(), None

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
        self._shown = self.planning.stay_in_view()
        if self._shown is None and self._table.selected is not None:
            self._jump(self._table.selected)

    def forget_steps(self, volume: Any = None) -> None:
        """Takes the possibility to undo away, for a CT or for all, as results were replaced."""
        if volume is None:
            self._steps.clear()
        else:
            self._steps.pop(volume.GetID(), None)

    def check_nodes(self) -> None:
        """A node was removed from the scene."""
        gone = [n for n in self._results.nodes if not slicer.mrmlScene.IsNodePresent(n)]
        if self._volume is not None and not slicer.mrmlScene.IsNodePresent(self._volume):
            self.release(lock=not gone)
            self._show()
        elif gone:
            volume = self._volume
            self.release(lock=False)
            self.forget_steps(volume)
            self.bind(volume)

    def stop_editing(self) -> None:
        """Locks all landmarks, as when the user leaves the module."""
        if self._review is not None:
            self._review.lock()

    # Going somewhere

    def show_first_doubt(self) -> None:
        """Leads to the landmark that most wants a look."""
        key = None if self._review is None else next_key(self._review.landmarks, None)
        if key is not None:
            self._table.select(key)
            self._jump(key)
        self._show()

    def show_ear(self, side: Side) -> None:
        """Turns all views to an ear."""
        if self._volume is not None:
            self._shown = side
            self.planning.show_ear(side)

    def _jump(self, key: Key) -> None:
        if self._volume is None:
            return
        side = key[0]
        # The other ear has its own viewpoint.
        if self._shown not in (None, side) or self.planning.shows_other_than(side):
            self.show_ear(side)
        self._shown = side
        self.planning.choose_ear(side)
        if not go_to_landmark(self._volume, self._results, key):
            self.show_ear(side)

    def _row_selected(self) -> None:
        key = self._table.selected
        if key is None or self._review is None:
            return
        if self._review.editing not in (None, key) or self._review.placing not in (None, key):
            self._review.lock()
        self._jump(key)
        self._show()

    def _row_clicked(self, *_: int) -> None:
        self._row_selected()  # also where the row was selected before

    # Steps

    def _next(self) -> None:
        if self._review is None:
            return
        self._review.lock()
        key = next_key(self._review.landmarks, self._table.selected)
        if key is not None:
            self._table.select(key)
            self._jump(key)
        self._show()

    def _confirm(self) -> None:
        key = self._table.selected
        if self._review is not None and key is not None:
            self._review.confirm(key)

    def _edit(self) -> None:
        key = self._table.selected
        if self._review is None or key is None:
            return
        if self._review.editing == key:
            self._review.lock()
        else:
            self._review.edit(key)

    def _place(self) -> None:
        key = self._table.selected
        if self._review is None or key is None:
            return
        if self._review.placing == key:
            self._review.lock()
        else:
            self._review.place(key)

    def _reset(self) -> None:
        key = self._table.selected
        if self._review is not None and key is not None:
            self._review.reset(key)
            self._jump(key)

    def _undo(self) -> None:
        if self._review is not None:
            self._follow(self._review.undo())

    def _redo(self) -> None:
        if self._review is not None:
            self._follow(self._review.redo())

    def _follow(self, key: Key | None) -> None:
        if key is not None:
            self._table.select(key)
            self._jump(key)
        self._show()

    def _edit_segment(self) -> None:
        key = self._table.selected
        side = key[0] if key else next(iter(self._results.landmarks), None)
        if self._results.segmentation is not None and side is not None:
            open_segment_editor(self._results.segmentation, self._volume, SEGMENT_IDS[side])

    # Showing

    def _landmarks(self) -> dict[Key, Landmark]:
        return {} if self._review is None else self._review.landmarks

    def _show(self) -> None:
        editing = None if self._review is None else self._review.editing
        self._table.show(self._landmarks(), editing)
        self._show_edited()
        self.planning.soon()
        self._display.show(self._review, self._table.selected)
        self._display.show_ears(self._results, self._landmarks())

    def _show_edited(self) -> None:
        if self._review is not None and self._review.editing is not None:
            follow_landmark(self._results, self._review.editing)

    def _observe_segmentation(self, node: Any) -> None:
        if node is None:
            return
        core = slicer.vtkSegmentation
        for event in (core.SourceRepresentationModified, core.RepresentationModified,
                      core.SegmentAdded, core.SegmentRemoved, core.SegmentModified):  # fmt: skip
            self._observers.add(node.GetSegmentation(), event, lambda *_: self._soon.start())

    def _measure(self) -> None:
        node = self._results.segmentation
        if node is None or not slicer.mrmlScene.IsNodePresent(node):
            return
        for side in SEGMENT_IDS:
            if node.GetSegmentation().GetSegment(SEGMENT_IDS[side]) is not None:
                update_volume(node, side)
        self.planning.soon()
        self._display.show_ears(self._results, self._landmarks())


def _later(function: Callable[[], None]) -> None:
    qt.QTimer.singleShot(0, function)


def _ids(results: Results) -> list[str]:
    return [node.GetID() for node in results.nodes]
