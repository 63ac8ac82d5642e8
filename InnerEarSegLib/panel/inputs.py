"""Everything the user can choose, kept in the scene."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer import vtkMRMLMarkupsNode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.util import VTKObservationMixin

from ..errors import InnerEarSegError
from ..model.card import bundled_model, card_lines, read_card
from ..mrml.volumes import empty_end, has_region, voxels
from .devices import AUTOMATIC, CPU, Devices
from .run import Choices, Ears

# ruff: noqa: N815 - parameters are named as other modules of Slicer name theirs


@parameterNodeWrapper
class InnerEarSegParameterNode:
    """The module's choices."""

    inputVolume: vtkMRMLScalarVolumeNode
    ears: Ears = Ears.AUTOMATIC
    region: vtkMRMLMarkupsNode  # a point or ROI that says where to look, or nothing
    device: str = "auto"  # or "cpu", or a GPU as torch names it
    modelPath: str = ""  # empty for the bundled one
    keepReviewed: bool = True  # a new run leaves what the user reviewed


_EARS = tuple(Ears)
_CARD_WIDTH = 38  # characters of a value in the model's card; the tooltip has all


class Inputs:
    """Choices of the user; ``changed`` is called after any of them was changed."""

    def __init__(self, ui: Any, changed: Callable[[], None]) -> None:
        self._ui, self._changed = ui, changed
        self._node: Any = None
        self._filling = False
        self._observers = VTKObservationMixin()
        self._chosen = VTKObservationMixin()
        self._names: list[str] = []  # of the chosen nodes
        self._model_error = self._model_name = ""
        self._shown_model: str | None = None
        self._widgets = (
            ui.inputSelector, ui.regionSelector, ui.earsComboBox, ui.deviceComboBox,
            ui.modelLineEdit, ui.bundledModelButton, ui.keepReviewedCheckBox,
        )  # fmt: skip
        self.set_devices(Devices())
        ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._from_widgets)
        ui.regionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._from_widgets)
        ui.regionSelector.connect("nodeAddedByUser(vtkMRMLNode*)", self._place_new_region)
        ui.earsComboBox.connect("currentIndexChanged(int)", self._from_widgets)
        ui.deviceComboBox.connect("currentIndexChanged(int)", self._device_chosen)
        # The text, as currentPathChanged tells of valid input alone: not of an emptied field.
        ui.modelLineEdit.comboBox().connect("editTextChanged(QString)", self._from_widgets)
        ui.bundledModelButton.connect("clicked()", lambda: ui.modelLineEdit.setCurrentPath(""))
        ui.keepReviewedCheckBox.connect("toggled(bool)", self._from_widgets)

    def set_parameter_node(self, node: Any) -> None:
        """Show another parameter node, or none."""
        self.close()
        self._node, self._shown_model = node, None  # the file may be another one by now
        if node is not None:
            self._observers.addObserver(
                node.parameterNode, vtk.vtkCommand.ModifiedEvent, self._to_widgets
            )
        self._to_widgets()

    def choose_volume(self) -> None:
        """Take a CT of the scene, if none was chosen."""
        if self._node is None or self._node.inputVolume is not None:
            return
        wanted, scene = "vtkMRMLScalarVolumeNode", slicer.mrmlScene
        selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        shown = selection and scene.GetNodeByID(selection.GetActiveVolumeID() or "")
        volumes = [shown] if shown else []
        for volume in (*volumes, *slicer.util.getNodesByClass(wanted)):
            if volume.GetClassName() == wanted:  # not a label map, whose class is derived from it
                self._node.inputVolume = volume
                return

    def set_devices(self, devices: Devices) -> None:
        """Fill the list of devices."""
        was, self._filling = self._filling, True
        self._ui.deviceComboBox.clear()
        for device, name in (AUTOMATIC, CPU, *devices.gpus):
            self._ui.deviceComboBox.addItem(name, device)
        self._filling = was
        if self._node is not None:
            self._to_widgets()

    def set_enabled(self, enabled: bool) -> None:
        """Let the choices be changed or not."""
        for widget in self._widgets:
            widget.setEnabled(enabled)

    @property
    def volume(self) -> Any:
        """The chosen CT, or None."""
        return None if self._node is None else self._node.inputVolume

    def obstacle(self) -> str:
        """Return why nothing can be started yet, in one sentence; empty if it can."""
        if self.volume is None:
            return "Choose a CT to begin."
        try:
            voxels(self.volume)
        except InnerEarSegError as error:
            return str(error)
        if self._node.region is not None and not has_region(self._node.region):
            return f"Place a point in {self._node.region.GetName()}, or choose Whole CT."
        return self._model_error

    @property
    def ready(self) -> str:
        """What to do without an obstacle; names the model unless it is the bundled one."""
        other = f" Model: {self._model_name}." if self._node.modelPath else ""
        lost = empty_end(self.volume)
        cut = f" ⚠ The last {lost} slices are empty: is the file cut short?" if lost else ""
        return f"Ready: press Segment.{other}{cut}"

    def choices(self) -> Choices:
        """Return what was chosen; only without an obstacle."""
        node = self._node
        # A scene from another machine may name a device that this one lacks.
        known = self._ui.deviceComboBox.findData(node.device) >= 0
        return Choices(
            node.inputVolume,
            node.ears,
            node.region,
            node.device if known else AUTOMATIC[0],
            Path(node.modelPath) if node.modelPath else None,
            node.keepReviewed,
        )

    def close(self) -> None:
        """Stop observing."""
        self._observers.removeObservers()
        self._chosen.removeObservers()

    def _from_widgets(self, *_: Any) -> None:
        if self._filling or self._node is None:
            return
        ui, node = self._ui, self._node
        with slicer.util.NodeModify(node):
            node.inputVolume = ui.inputSelector.currentNode()
            node.region = ui.regionSelector.currentNode()
            node.ears = _EARS[ui.earsComboBox.currentIndex]
            node.modelPath = ui.modelLineEdit.currentPath.strip()
            node.keepReviewed = bool(ui.keepReviewedCheckBox.checked)

    def _device_chosen(self, index: int) -> None:
        if not self._filling and self._node is not None:
            self._node.device = str(self._ui.deviceComboBox.itemData(index))

    def _to_widgets(self, *_: Any) -> None:
        if self._filling:
            return
        ui, node = self._ui, self._node
        self._filling = True
        try:
            if node is not None:
                ui.inputSelector.setCurrentNode(node.inputVolume)
                ui.regionSelector.setCurrentNode(node.region)
                ui.earsComboBox.setCurrentIndex(_EARS.index(node.ears))
                ui.deviceComboBox.setCurrentIndex(max(0, ui.deviceComboBox.findData(node.device)))
                if ui.modelLineEdit.currentPath.strip() != node.modelPath:
                    ui.modelLineEdit.setCurrentPath(node.modelPath)
                ui.keepReviewedCheckBox.setChecked(node.keepReviewed)
                self._show_card(node.modelPath)
                self._observe_chosen()
        finally:
            self._filling = False
        self._changed()

    def _observe_chosen(self) -> None:
        """Notice points that are placed, and voxels that arrive: they take an obstacle away."""
        self._chosen.removeObservers()
        markups = slicer.vtkMRMLMarkupsNode
        for node, events in (
            (self._node.inputVolume, (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,)),
            (self._node.region, (markups.PointPositionDefinedEvent,
                                 markups.PointPositionUndefinedEvent, markups.PointRemovedEvent)),
        ):  # fmt: skip
            if node is not None:
                self._chosen.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._renamed)
                for event in events:
                    self._chosen.addObserver(node, event, lambda *_: self._changed())

    def _renamed(self, *_: Any) -> None:
        """A chosen node changed; sentences name it."""
        nodes = (self._node.inputVolume, self._node.region)
        names = [node.GetName() for node in nodes if node is not None]
        if names != self._names:
            self._names = names
            self._changed()

    def _show_card(self, text: str) -> None:
        if text == self._shown_model:
            return
        self._shown_model, self._model_error = text, ""
        label = self._ui.modelCardLabel
        label.setToolTip("")
        try:
            rows = card_lines(read_card(Path(text) if text else bundled_model()))
        except InnerEarSegError as error:
            self._model_error = str(error)
            label.setText(html.escape(self._model_error))
            return
        (first, self._model_name), *others = rows
        if not text:
            self._ui.modelLineEdit.comboBox().lineEdit().setPlaceholderText(
                f"Bundled: {self._model_name}"
            )
            rows = [(f"{first}, bundled", self._model_name), *others]
        # Lines that wrap would be cut off at the bottom: layouts in a scroll area do not ask a
        # label again for its height.
        label.setText(_table(rows, _CARD_WIDTH))
        label.setToolTip(_table(rows, None))

    def _place_new_region(self, node: Any) -> None:
        """Let one click place a new point list."""
        interaction = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if node is None or interaction is None or selection is None:
            return
        node.SetName(slicer.mrmlScene.GenerateUniqueName("Ear is here"))
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)


def _table(rows: list[tuple[str, str]], width: int | None) -> str:
    """Return headings and values as HTML, values cut to a width."""
    cells = ""
    for name, value in rows:
        if width is not None and len(value) > width:
            value = value[: width - 1].rstrip(" ,:(") + "…"
        cells += f"<tr><td><b>{html.escape(name)}</b>&nbsp;</td><td>{html.escape(value)}</td></tr>"
    return f"<table>{cells}</table>"
