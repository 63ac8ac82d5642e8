"""The planning part of the panel: electrode arrays in the measured duct, and the way in."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ..cochlea.arrays import MAKERS_DECIDE, ChosenArray, ElectrodeArray, read_arrays
from ..cochlea.insertion import Insertion
from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.way_in import NO_DRILL_PATH, way_in
from ..errors import UnusableInput
from ..io.result_folder import ResultFolder
from ..mrml.landmarks import VERDICT_ATTRIBUTE
from ..mrml.plan import (
    ARRAY_COLORS,
    MOST_ARRAYS,
    arrays_in_scene,
    contacts_are_numbered,
    find_plan,
    number_contacts,
    show_plan,
    update_plan,
)
from ..mrml.plan_parts import find_parts, show_parts, update_parts
from ..mrml.results import Results, read_ear
from ..report.duct_figures import color_of
from ..report.plan import NO_DUCT, insertions_of, mismatch_text
from ..types import POOR, Side
from .look import set_wrapped
from .measurements_section import MeasurementsSection
from .messages import Status
from .stepper import Stepper
from .words import VERDICTS

if TYPE_CHECKING:
    from ..report.meshes import Meshes

NO_ARRAY = "No array"
_LEGEND = {16000.0: "16 kHz", 4000.0: "4", 1000.0: "1 kHz", 250.0: "250", 60.0: "60 Hz"}
_BANDS = (
    "Filter bands: median and range beside the spiral ganglion, below 0 where sound is sent to a "
    "place of higher frequency. Defaults as published; each patient's map has others."
)
_CHOOSE = "Choose an array to see how far it would reach. " + MAKERS_DECIDE


class PlanSection:
    """Arrays and their depths, where they reach, and what the scene shows of it.

    Nothing is computed until the user opens the section, or the scene shows a plan.

    Args:
        status: where sentences for the user go.
        measuring: whose CT is planned on, and its measurements.
    """

    def __init__(self, ui: Any, status: Status, measuring: MeasurementsSection) -> None:
        self._ui, self._status, self._measuring = ui, status, measuring
        self._volume_id = ""  # of the CT whose choice this is
        self._listed = list(read_arrays())  # for every CT
        self._in_scene: list[ElectrodeArray] = []  # others, which this CT's plan shows
        self._rows = [
            (getattr(ui, f"array{n}ComboBox"), getattr(ui, f"depth{n}SpinBox"))
            for n in range(1, MOST_ARRAYS + 1)
        ]
        self._fill_lists()
        for combo, depth in self._rows:
            combo.connect("currentIndexChanged(int)", lambda _, own=depth: self._other_array(own))
            depth.connect("valueChanged(double)", lambda _: self.show(new_arrays=True))
        ui.planCollapsibleButton.connect("contentsCollapsed(bool)", lambda _: self.show())
        ui.showPlanButton.connect("clicked(bool)", self._show_in_scene)
        ui.partsCheckBox.connect("clicked(bool)", self._show_parts)
        ui.contactNumbersCheckBox.connect("clicked(bool)", self._number_contacts)
        ui.ownArraysButton.connect("clicked()", self._add_own_arrays)
        ui.bandsCheckBox.connect("toggled(bool)", lambda _: self.show(new_arrays=True))
        ui.surfacesButton.connect("clicked()", self._save_surfaces)
        # Dividing takes longer than the rest, so the numbers come first.
        self._dividing = Stepper(lambda _: None)
        self._folder = ""  # for surfaces
        self._saving = Stepper(self._surfaces_saved, self._surfaces_failed)
        measuring.measured = self.show
        self.show()

    def close(self) -> None:
        """The module is unloaded."""
        self._dividing.stop()
        self._saving.stop()

    def forget(self) -> None:
        """The scene is closed: what was chosen for its CT is not for the next one."""
        self._volume_id = ""

    @property
    def _arrays(self) -> list[ElectrodeArray]:
        """As the lists have them."""
        return [*self._listed, *self._in_scene]

    def chosen(self) -> list[ChosenArray]:
        """Return the arrays that the user chose for this CT."""
        return [
            ChosenArray(self._arrays[combo.currentIndex - 1], depth.value or None)
            for combo, depth in self._rows
            if combo.currentIndex > 0
        ]

    def show(self, new_arrays: bool = False) -> None:
        """Show what follows from the present measurements, here and in the scene.

        With ``new_arrays``, as after a choice, a plan in the scene gets nodes for all of them.
        """
        ui, measuring = self._ui, self._measuring
        volume, cochleae = measuring.volume, measuring.cochleae
        if volume is not None and volume.GetID() != self._volume_id:
            self._volume_id = volume.GetID()
            self._choose(arrays_in_scene(volume))
        ui.planCollapsibleButton.setVisible(bool(cochleae))
        if volume is None and not slicer.mrmlScene.IsClosing():
            self._dividing.finish()  # else the scene keeps the parts from before a correction
        self._dividing.stop()
        if not self._measured:
            return
        chosen, bands = self.chosen(), ui.bandsCheckBox.checked
        shown = bool(find_plan(volume))
        if shown:
            with slicer.util.RenderBlocker():  # else each node that changes draws all views
                update_plan(volume, cochleae, chosen, bands=bands, new_arrays=new_arrays)
        self._dividing.start(update_parts(volume, cochleae))
        if ui.planCollapsibleButton.collapsed:
            return
        room = True  # for another array below those that are chosen
        for combo, depth in self._rows:
            combo.setVisible(room or combo.currentIndex > 0)
            depth.setVisible(combo.currentIndex > 0)
            room = combo.currentIndex > 0
        insertions = insertions_of(cochleae, chosen)
        table = plan_html(cochleae, insertions, bands=bands)
        legend = legend_html() if shown else ""
        set_wrapped(ui.planLabel, poor_html(measuring.results) + table + legend)
        ui.wayInLabel.setText(way_in_text(cochleae))
        possible = bool(insertions)
        ui.showPlanButton.setEnabled(possible or shown)
        ui.showPlanButton.setChecked(shown)
        parts = bool(find_parts(volume))
        ui.partsCheckBox.setEnabled(possible or parts)
        ui.partsCheckBox.setChecked(parts)
        ui.contactNumbersCheckBox.setEnabled(shown)
        ui.contactNumbersCheckBox.setChecked(contacts_are_numbered(volume))

    @property
    def _measured(self) -> bool:
        """Whether all ears of a CT are: until then, a plan in the scene stays as it is."""
        measuring = self._measuring
        there = measuring.volume is not None and slicer.mrmlScene.IsNodePresent(measuring.volume)
        return there and set(measuring.cochleae) == set(measuring.results.landmarks)

    def _fill_lists(self) -> None:
        """List the known arrays; what is chosen stays chosen."""
        labels = [array.label for array in self._arrays]
        for combo, _ in self._rows:
            was, chosen = combo.blockSignals(True), combo.currentText
            combo.clear()
            combo.addItems([NO_ARRAY, *labels])
            combo.setCurrentIndex(1 + labels.index(chosen) if chosen in labels else 0)
            combo.blockSignals(was)

    def _other_array(self, depth: Any) -> None:
        """Insert the array that was chosen to its full length: the depth was another one's."""
        was = depth.blockSignals(True)
        depth.setValue(0.0)
        depth.blockSignals(was)
        self.show(new_arrays=True)

    def _choose(self, chosen: Sequence[ChosenArray]) -> None:
        """Choose the arrays that a CT's plan shows, and no others: those were another CT's."""
        arrays = [self._named(each.array) for each in chosen]
        self._in_scene = [each for each in dict.fromkeys(arrays) if each not in self._listed]
        self._fill_lists()
        for index, (combo, depth) in enumerate(self._rows):
            there = index < len(chosen)
            was = combo.blockSignals(True), depth.blockSignals(True)
            combo.setCurrentIndex(1 + self._arrays.index(arrays[index]) if there else 0)
            depth.setValue((chosen[index].depth_mm if there else None) or 0.0)
            combo.blockSignals(was[0])
            depth.blockSignals(was[1])

    def _named(self, array: ElectrodeArray) -> ElectrodeArray:
        """Return an array of the scene, renamed if it differs from the listed one of its name."""
        if array in self._listed or all(array.label != each.label for each in self._listed):
            return array
        return replace(array, name=f"{array.name} (from the scene)")

    def _list(self, arrays: Sequence[ElectrodeArray]) -> None:
        """List the user's arrays; they take the place of others of the same name."""
        own = {array.label: array for array in arrays}
        self._in_scene = [each for each in self._in_scene if each.label not in own]
        self._listed = list(({each.label: each for each in self._listed} | own).values())
        self._fill_lists()

    def _show_in_scene(self, on: bool) -> None:
        with slicer.util.RenderBlocker():
            if self._measured:
                show_plan(self._measuring.volume, self._measuring.cochleae, on)
            self.show(new_arrays=True)

    def _show_parts(self, on: bool) -> None:
        if self._measured:
            with slicer.util.RenderBlocker():
                show_parts(self._measuring.volume, self._measuring.cochleae, on)
        self.show()

    def _number_contacts(self, on: bool) -> None:
        if self._measured:
            number_contacts(self._measuring.volume, on)
        self.show()

    def _add_own_arrays(self) -> None:
        window = self._ui.ownArraysButton.window()
        path = qt.QFileDialog.getOpenFileName(
            window, "Electrode arrays of your own", "", "Arrays (*.json)"
        )
        if not path:
            return
        try:
            arrays = read_arrays(Path(path))
        except UnusableInput as error:
            self._status.say(str(error), "error")
            return
        self._list(arrays)
        self._status.say(f"Added to the list: {', '.join(each.label for each in arrays)}.")
        self.show(new_arrays=True)

    def _save_surfaces(self) -> None:
        from ..report.meshes import mesh_steps  # which loads all of VTK

        measuring, window = self._measuring, self._ui.surfacesButton.window()
        chosen = qt.QFileDialog.getExistingDirectory(window, "Folder for the surfaces")
        if not chosen:
            return
        try:
            ears = [read_ear(measuring.results, side) for side in sorted(measuring.cochleae)]
            steps = mesh_steps(
                [ear for ear in ears if ear is not None], measuring.cochleae,
                ResultFolder(Path(chosen)), self._ui.surfacesComboBox.currentText.lower(),
                parts=True,
            )  # fmt: skip
        except Exception as error:  # in a slot nothing else would say so
            self._surfaces_failed(error)
            return
        self._status.say(f"Saving surfaces in {chosen}")
        self._ui.surfacesButton.setEnabled(False)
        self._folder = chosen
        self._saving.start(steps)

    def _surfaces_saved(self, meshes: Meshes) -> None:
        self._ui.surfacesButton.setEnabled(True)
        said = " ".join([f"{len(meshes.lines)} surfaces in {self._folder}.", *meshes.notes])
        self._status.say(said, "warn" if meshes.notes else "success")

    def _surfaces_failed(self, error: Exception) -> None:
        self._ui.surfacesButton.setEnabled(True)
        self._status.fail("The surfaces could not be written", error)


def poor_html(results: Results) -> str:
    """Return a line for each ear that is not to be planned on; none without such an ear."""
    return "".join(
        f"<div><b>✗ {side.capitalize()} ear: {VERDICTS[POOR]}.</b></div>"
        for side, node in sorted(results.landmarks.items())
        if node.GetAttribute(VERDICT_ATTRIBUTE) == POOR
    )


def plan_html(
    cochleae: Mapping[Side, CochlearMeasurements],
    insertions: Mapping[Side, Sequence[Insertion]],
    *,
    bands: bool = False,
) -> str:
    """Return a table of the arrays, a line an ear, with what does not fit, and filter bands."""
    lost = "".join(
        f"<div>{html.escape(NO_DUCT.format(side))}</div>"
        for side in cochleae
        if side not in insertions
    )
    columns = list(zip(*insertions.values(), strict=True))  # each array in all ears
    if not columns:
        return lost + (f"<div>{html.escape(_CHOOSE)}</div>" if insertions else "")
    heads = ("", "Reaches", "Contacts over", "Organ of Corti")
    pad = "style='padding-right: 6px; white-space: nowrap'"
    rows = ["".join(f"<th align='left' {pad}>{head}</th>" for head in heads)]
    for column, color in zip(columns, ARRAY_COLORS, strict=False):
        array, depth = column[0].array, column[0].depth_mm
        dot = f"<span style='color: {_hex(color)}'>●</span>"  # as its contacts in the scene
        title = f"{dot} <b>{html.escape(array.label)}</b>, {array.kind}, {depth:.1f} mm"
        rows.append(f"<td colspan='{len(heads)}'>{title}</td>")
        for side, each in zip(insertions, column, strict=True):
            cells = (side.capitalize(), each.reach_text, each.coverage_text, each.span_text)
            rows.append("".join(f"<td {pad}>{html.escape(cell)}</td>" for cell in cells))
            below = [f"⚠ {remark}" for remark in each.remarks]
            below += [f"Filter bands {mismatch_text(each)}"] if bands else []
            rows += [
                f"<td></td><td colspan='{len(heads) - 1}'>{html.escape(line)}</td>"
                for line in below
            ]
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    notes = [MAKERS_DECIDE, *([_BANDS] if bands else [])]
    said = "".join(f"<div>{html.escape(note)}</div>" for note in notes)
    return f"<table>{table}</table>{lost}{said}"


def legend_html() -> str:
    """Return the colors of frequencies, as the scene has them."""
    marks = (
        f"<span style='color: {color_of(hertz)}'>■</span> {text}&nbsp; "
        for hertz, text in _LEGEND.items()
    )
    return f"<div>Frequency colors: {''.join(marks)}</div>"


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


def way_in_text(cochleae: Mapping[Side, CochlearMeasurements]) -> str:
    """Return the way into each ear, and that it is no drill path."""
    lines = [
        f"{side.capitalize()}: {way_in(cochlea).angles_text}"
        for side, cochlea in sorted(cochleae.items())
        if cochlea.duct is not None
    ]
    return "\n".join([*lines, NO_DRILL_PATH]) if lines else ""
