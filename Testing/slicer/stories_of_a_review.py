"""Checking and correcting landmarks with the mouse in the views and with keys; measuring."""

import os
import random
import time
from collections import Counter

import numpy as np
import qt
import slicer

from InnerEarSegLib.mrml.landmarks import automatic_of, position_of
from InnerEarSegLib.types import LANDMARKS, ROUND_WINDOW
from Testing.slicer.application import Application


def _segmented(app: Application) -> None:
    app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.segment()
    app.measured()
    app.forgive()


def _selected(app: Application) -> tuple:
    """Row, markups node and landmark's name."""
    key = app.widget.panel.reviewing._table.selected
    return app.ui.landmarksTable.currentRow(), app.review.node(key), key[1]


def a_landmark_is_dragged_and_confirmed(app: Application) -> None:
    """The focus is then in the view, and the keys still work."""
    _segmented(app)
    row, node, name = _selected(app)
    before = np.array(position_of(node, name))
    app.drag("Red", 40, 0)
    assert np.allclose(position_of(node, name), before), "a locked landmark was moved"
    app.click(app.ui.editButton)
    app.drag("Red", 40, 0)
    moved = np.linalg.norm(np.array(position_of(node, name)) - before)
    view = app.view("Red")
    expected = 40 * app.field() / view.width
    assert abs(moved - expected) < 0.2 * expected, (moved, expected)
    assert app.column(2)[row] == "✎ corrected", app.column(2)
    app.measured()
    app.picture("panel_review")
    app.key("c")
    assert app.column(2)[row] == "✓ corrected", app.column(2)
    for _ in range(2):
        app.click(app.ui.undoButton)
    assert np.allclose(position_of(node, name), before)
    app.click(app.ui.redoButton)
    app.click(app.ui.resetButton)
    assert np.allclose(position_of(node, name), before, atol=1e-3)


def r_resets_the_landmark_and_not_the_view(app: Application) -> None:
    _segmented(app)
    _, node, name = _selected(app)
    before, field = position_of(node, name), app.field()
    app.click(app.ui.editButton)
    app.drag("Green", 25, 10)
    assert not np.allclose(position_of(node, name), before)
    app.key("r")
    assert np.allclose(position_of(node, name), before, atol=1e-3)
    assert abs(app.field() - field) < 1e-6, "the field of view was reset"


def a_landmark_is_placed(app: Application) -> None:
    """By one click in a view; a right click leaves it as it was."""
    _segmented(app)
    _, node, name = _selected(app)
    before, count = position_of(node, name), slicer.mrmlScene.GetNumberOfNodes()
    app.click(app.ui.placeButton)
    assert app.ui.placeButton.checked
    app.drag("Red", 0, 0, qt.Qt.RightButton)
    assert not app.ui.placeButton.checked and position_of(node, name) == before
    app.click(app.ui.placeButton)
    view = app.view("Yellow")
    qt.QCoreApplication.sendEvent(view, qt.QEvent(qt.QEvent.Enter))
    app.mouse(view, [(view.width // 2 + 20, view.height // 2)])
    app.wait(lambda: not app.ui.placeButton.checked, 3, "the end of placing")
    distance = np.linalg.norm(np.subtract(position_of(node, name), before))
    assert abs(distance - 20 * app.field("Yellow") / view.width) < 0.2, distance
    app.process(0.3)
    assert slicer.mrmlScene.GetNumberOfNodes() == count


def keys_lead_through_the_table(app: Application) -> None:
    _segmented(app)
    app.ui.landmarksTable.setFocus()
    for _ in range(3):
        app.key("c")
        app.key("n")
    assert all(state.startswith("✓") for state in app.column(2)), app.column(2)
    assert app.ui.reviewProgressLabel.text.startswith("All landmarks are checked")
    assert not app.ui.measureCollapsibleButton.collapsed
    app.key("u")
    assert not all(state.startswith("✓") for state in app.column(2))
    app.key("U")
    assert all(state.startswith("✓") for state in app.column(2))
    slicer.util.selectModule("Data")
    before = app.column(2)
    app.key("u")
    app.key("r")
    slicer.util.selectModule("InnerEarSeg")
    assert app.column(2) == before, "keys worked in another module"


def the_cochlear_view_and_back(app: Application) -> None:
    _segmented(app)
    app.ui.measureCollapsibleButton.collapsed = False
    names = ("Red", "Green", "Yellow")
    before = [app.center(name) for name in names]
    app.click(app.ui.cochlearViewButton)
    app.picture("panel_planning")
    origin = next(iter(app.measured().values())).frame.origin
    for name in names:
        assert np.allclose(app.center(name), origin, atol=1e-3)
    app.click(app.ui.cochlearViewButton)
    for name, center in zip(names, before, strict=True):
        assert np.allclose(app.center(name), center, atol=1e-3)


def an_insertion_is_planned(app: Application) -> None:
    """An array in the scene follows a landmark that is dragged, and goes without a trace."""
    _segmented(app)
    count = slicer.mrmlScene.GetNumberOfNodes()
    ui = app.ui
    ui.planCollapsibleButton.collapsed = False
    ui.array1ComboBox.setCurrentIndex(1)
    app.process(0.2)
    assert "Reaches" in ui.planLabel.text, ui.planLabel.text
    app.click(ui.showPlanButton)
    app.process(0.5)
    assert slicer.mrmlScene.GetNumberOfNodes() > count
    app.click(ui.partsCheckBox)
    app.process(0.5)
    app.picture("panel_plan")
    before = ui.planLabel.text
    ui.landmarksTable.selectRow(LANDMARKS.index(ROUND_WINDOW))
    app.click(ui.editButton)
    app.drag("Red", 15, 5)
    app.measured()
    app.process(0.5)
    assert ui.planLabel.text != before
    app.key("r")
    app.measured()
    app.process(0.5)
    assert ui.planLabel.text == before
    app.click(ui.wayInButton)
    app.process(0.3)
    app.click(ui.wayInButton)
    app.click(ui.partsCheckBox)
    app.click(ui.showPlanButton)
    app.process(0.5)
    assert slicer.mrmlScene.GetNumberOfNodes() == count


_BUTTONS = (
    "confirmButton", "editButton", "placeButton", "nextButton", "resetButton", "undoButton",
    "redoButton", "cochlearViewButton", "wayInButton", "showPlanButton", "partsCheckBox",
    "contactNumbersCheckBox", "bandsCheckBox", "leftEarButton", "rightEarButton",
)  # fmt: skip


def random_clicks_and_keys(app: Application) -> None:
    """For a minute, or ``--monkey``: no landmark is lost, each can be brought back."""
    _segmented(app)
    ui, found = app.ui, dict(app.widget.panel.reviewing._results.landmarks)
    for section in (ui.measureCollapsibleButton, ui.planCollapsibleButton):
        section.collapsed = False
    ui.reportCollapsibleButton.collapsed = False
    generator, counts = random.Random(2026), Counter()
    end = time.monotonic() + 60.0 * float(os.environ["INNEREARSEG_MINUTES"])
    with app.answered(app.output / "temporary" / "report.html"):
        while time.monotonic() < end:
            what = generator.choices(("key", "drag", "row", "button", "array", "export"),
                                     (24, 24, 20, 28, 3, 1))[0]  # fmt: skip
            if what == "key":
                app.key(generator.choice("cneprUu"))
            elif what == "drag":
                view = generator.choice(("Red", "Green", "Yellow", "3D"))
                app.drag(view, generator.randint(-60, 60), generator.randint(-60, 60))
            elif what == "row":
                ui.landmarksTable.selectRow(generator.randrange(3))
            elif what == "array":
                combo = getattr(ui, f"array{generator.randint(1, 3)}ComboBox")
                combo.setCurrentIndex(generator.randrange(combo.count))
            else:
                export = (ui.reportButton, ui.surfacesButton)
                names = [getattr(ui, name) for name in _BUTTONS]
                button = generator.choice(export if what == "export" else names)
                if not (button.enabled and button.visible):
                    continue
                app.click(button)
            counts[what] += 1
            app.process(generator.uniform(0.0, 0.2))
        app.wait(lambda: not app.widget.panel.reporting.active, 120, "the last report")
    app.said.append(", ".join(f"{count} {what}s" for what, count in sorted(counts.items())))
    app.widget.panel.reviewing.stop_editing()
    for side, node in found.items():
        assert node.GetNumberOfControlPoints() == 3, "a landmark was lost"
        for row, name in enumerate(LANDMARKS):
            app.ui.landmarksTable.selectRow(row)
            if app.ui.resetButton.enabled:
                app.click(app.ui.resetButton)
            assert np.allclose(position_of(node, name), automatic_of(node, name), atol=1e-3), side


STORIES = (
    a_landmark_is_dragged_and_confirmed,
    r_resets_the_landmark_and_not_the_view,
    a_landmark_is_placed,
    keys_lead_through_the_table,
    the_cochlear_view_and_back,
    an_insertion_is_planned,
    random_clicks_and_keys,
)
