"""The whole panel: its parts, and what happens around it in Slicer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from ..mrml.populate import result_steps
from ..mrml.results import find_results
from ..mrml.views import show_in_3d
from ..mrml.volumes import show_bone_range
from ..process import remove_stale_folders
from ..types import POOR, Segmentation
from .devices import Devices, ask_devices
from .dicom_section import DicomSection
from .inputs import Inputs
from .look import mark_when_pressed
from .messages import Status
from .plan_section import PlanSection
from .report_section import ReportSection
from .review_section import ReviewSection
from .run import Choices
from .run_section import RunSection
from .worker import Worker, timer_for
from .worker_process import CT_REMOVED

_SEGMENTED = "This CT has results. Check them below, or segment it again."
TORCH_MISSING = "PyTorch is missing, so the networks cannot run. Press Install PyTorch first."


class Panel:
    """Everything behind the widgets of ``InnerEarSeg.ui``, given by name.

    ``get_parameter_node`` returns the module's typed parameter node, made if there is none.
    """

    def __init__(self, ui: Any, get_parameter_node: Callable[[], Any]) -> None:
        self._ui = ui
        self._get_parameter_node = get_parameter_node
        self._entered = False
        self._said: tuple[Any, str] = (None, "")  # of which CT, and what
        self._stage: tuple[Any, str] = (None, "")
        self._torch_missing = False
        self._asking: Worker | None = None
        self._observers = VTKObservationMixin()
        remove_stale_folders()  # of a Slicer that was killed: they hold the patient's CT
        for button in (
            ui.leftEarButton, ui.rightEarButton, ui.editButton, ui.placeButton,
            ui.cochlearViewButton, ui.wayInButton, ui.showPlanButton,
        ):  # fmt: skip
            mark_when_pressed(button)
        ui.logTextEdit.setVisible(False)
        ui.detailsButton.connect("toggled(bool)", ui.logTextEdit.setVisible)
        self.status = Status(ui)
        self.reviewing = ReviewSection(ui)
        self.planning = PlanSection(ui, self.status, self.reviewing.measuring)
        self.reporting = ReportSection(ui, self.status, self.planning.chosen)
        self.archiving = DicomSection(ui, self.status, self.planning.chosen)
        self.running = RunSection(ui, self.status, self._apply, self._update, self._ask_devices)
        self.inputs = Inputs(ui, self._update)
        self.reviewing.shown = self._arrange
        self._choose_soon = timer_for(self._choose)  # a node that is added has no voxels yet
        ui.segmentButton.connect("clicked()", self._start)
        scene = slicer.mrmlScene
        for event, handler in (
            (scene.StartCloseEvent, self._scene_closes),
            (scene.EndCloseEvent, self._scene_closed),
            (scene.StartImportEvent, self._scene_imports),
            (scene.EndImportEvent, self._scene_closed),
            (scene.NodeAddedEvent, lambda *_: self._choose_soon.start()),
            (scene.NodeRemovedEvent, self._node_removed),
        ):
            self._observers.addObserver(scene, event, handler)
        self._update()

    def enter(self) -> None:
        """The user opens the module."""
        self._entered = True
        self.inputs.set_parameter_node(self._get_parameter_node())
        self.inputs.choose_volume()
        if self._asking is None:
            self._ask_devices()
        self.running.come_back()
        self._update()

    def exit(self) -> None:
        """The user goes to another module."""
        self._entered = False
        self.running.go_away()
        self.reviewing.stop_editing()
        self.inputs.set_parameter_node(None)

    def close(self) -> None:
        """The module is unloaded or Slicer ends."""
        self.running.drop()
        if self._asking is not None:
            self._asking.stop_now()
        self.reporting.close()
        self.archiving.close()
        self.planning.close()
        self.reviewing.release(lock=False, views=False)
        self.inputs.close()
        self._observers.removeObservers()
        self._choose_soon.stop()

    def _start(self) -> None:
        with self.running.guarded():
            if not self.running.active and not self.inputs.obstacle():
                self.reviewing.stop_editing()
                self.running.start(self.inputs.choices())

    def _apply(self, choices: Choices, result: Segmentation) -> Generator[None, None, str]:
        """Put a result into the scene, in steps, and say what was found."""
        volume, scene = choices.volume, slicer.mrmlScene
        first = not find_results(scene, volume)
        self.reviewing.release()
        self.reviewing.forget_steps(volume)
        with slicer.util.RenderBlocker():  # else each node that is added draws all views
            try:
                added = yield from result_steps(
                    scene, volume, result, keep_reviewed=choices.keep_reviewed
                )
            finally:
                for section in (self.reviewing, self.reporting, self.archiving):
                    section.bind(volume)
            self.running.keep_result()
            yield
            if first:
                if volume.GetDisplayNode() is None:
                    volume.CreateDefaultDisplayNodes()
                show_bone_range(volume)
                show_in_3d(scene)
            for ear in result.ears:
                for note in ear.quality.reasons:
                    self.status.log(note)
            self.reviewing.show_ear(result.ears[0].side)
            yield
            self.reviewing.show_first_doubt()
            self._stage = (None, "")  # also after the same CT was segmented again
        found = "both ears" if len(result.ears) == 2 else f"{result.ears[0].side} ear"
        poor = " and ".join(ear.side for ear in result.ears if ear.quality.verdict == POOR)
        kept = f" Kept as you left them: {', '.join(added.kept)}." if added.kept else ""
        warning = f" Do not plan on the {poor} one." if poor else ""
        return f"Found: {found}. Check the landmarks below.{warning}{kept}"

    def _arrange(self) -> None:
        """Open the sections that are needed next, when these change; the user may open others."""
        ui, volume, left = self._ui, self.inputs.volume, self.reviewing.left
        name = f": {volume.GetName()}" if volume is not None else ""
        ui.runCollapsibleButton.text = f"Find the labyrinth{name}"
        ui.reportCollapsibleButton.setVisible(left is not None)
        chosen = volume.GetID() if volume is not None else None
        stage = (chosen, "find" if left is None else "check" if left else "plan")
        if stage == self._stage or self.running.active:
            return
        ui.runCollapsibleButton.collapsed = left is not None
        ui.reviewCollapsibleButton.collapsed = False
        for section in (ui.measureCollapsibleButton, ui.reportCollapsibleButton):
            section.collapsed = left != 0
        self._stage = stage

    def _ask_devices(self) -> None:
        if self._asking is not None:
            self._asking.stop_now()
        self._asking = ask_devices(self._devices_known)

    def _devices_known(self, devices: Devices) -> None:
        self._torch_missing = devices.torch is None
        self.inputs.set_devices(devices)
        self._update()

    def _update(self) -> None:
        """Show what can be done now."""
        ui, busy, obstacle = self._ui, self.running.active, self.inputs.obstacle()
        self.inputs.set_enabled(not busy)
        ui.segmentButton.setEnabled(not busy and not obstacle)
        ui.segmentButton.setToolTip(
            obstacle or "Finds the labyrinth and its three landmarks in the CT."
        )
        ui.cancelButton.setEnabled(self.running.can_cancel)
        ui.cancelButton.setVisible(self.running.can_cancel)
        ui.progressBar.setVisible(busy)
        ui.elapsedLabel.setVisible(busy)
        ui.installTorchButton.setVisible(self._torch_missing and not busy)
        if busy or not self._entered:
            return  # elsewhere, the volume of a segment under the Segment Editor is still followed
        self.reviewing.bind(self.inputs.volume)
        self.reporting.bind(self.inputs.volume)
        self.archiving.bind(self.inputs.volume)
        if self._torch_missing:
            said = TORCH_MISSING
        elif obstacle or self.reviewing.review is None:
            said = obstacle or self.inputs.ready
        else:
            said = _SEGMENTED
        volume = self.inputs.volume
        now = (None if volume is None else volume.GetID(), said)
        if now != self._said:  # else a sentence that matters more would be lost
            self._said = now
            self.status.hint(said, "warn" if self._torch_missing else "info")

    def _scene_closes(self, *_: Any) -> None:
        stopped = self.running.drop()
        self._forget_scene()
        self.planning.forget()
        if stopped:
            self.status.say("The scene was closed; the run was stopped.", "warn")

    def _scene_imports(self, *_: Any) -> None:
        self.reviewing.measuring.release()  # what is imported may have views of its own
        self._forget_scene()

    def _forget_scene(self) -> None:
        self.reviewing.release(lock=False, views=False)
        self.reviewing.forget_steps()
        self.reporting.bind(None)
        self.archiving.bind(None)
        self.inputs.set_parameter_node(None)

    def _scene_closed(self, *_: Any) -> None:
        if self._entered:
            self.inputs.set_parameter_node(self._get_parameter_node())
            self.inputs.choose_volume()

    def _choose(self) -> None:
        if self._entered and not slicer.mrmlScene.IsBatchProcessing():
            self.inputs.choose_volume()

    def _node_removed(self, *_: Any) -> None:
        if slicer.mrmlScene.IsClosing():
            return
        volume = self.running.volume
        if volume is not None and not slicer.mrmlScene.IsNodePresent(volume):
            self.running.drop(CT_REMOVED)
        self.reviewing.check_nodes()
        self.reporting.check_nodes()
        self.archiving.check_nodes()
