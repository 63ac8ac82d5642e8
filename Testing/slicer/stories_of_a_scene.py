"""Results in scenes: saved, moved, closed, reloaded; the report."""

import numpy as np
import slicer

from InnerEarSegLib.mrml.results import find_results
from Testing.slicer.application import Application


def _segmented(app: Application):
    volume = app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.segment()
    app.measured()
    app.forgive()
    return volume


def saved_closed_and_opened_again(app: Application) -> None:
    _segmented(app)
    app.click(app.ui.confirmButton)
    states, path = app.column(2), str(app.output / "temporary" / "case.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(False)
    app.process(0.3)
    assert app.review is None and app.ui.statusLabel.text == "Choose a CT to begin."
    assert slicer.util.loadScene(path)
    app.forgive()
    app.wait(lambda: app.review is not None, 5, "the results")
    assert app.column(2) == states
    assert app.ui.statusLabel.text.startswith("This CT has results."), app.ui.statusLabel.text


def the_ct_is_moved_and_hardened(app: Application) -> None:
    volume = _segmented(app)
    side, node = next(iter(find_results(slicer.mrmlScene, volume).landmarks.items()))
    world = np.array(node.GetNthControlPointPositionWorld(0))
    app.ui.landmarksTable.clearSelection()
    app.ui.landmarksTable.setCurrentCell(-1, -1)
    shift = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = slicer.util.vtkMatrixFromArray(
        np.array([[1, 0, 0, 30], [0, 1, 0, -20], [0, 0, 1, 10], [0, 0, 0, 1.0]])
    )
    shift.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(shift.GetID())
    app.process(1.0)
    moved = np.array(node.GetNthControlPointPositionWorld(0))
    assert np.allclose(moved, world + (30, -20, 10), atol=1e-3)
    assert np.linalg.norm(app.center() - moved) < 25, "the views stayed behind"
    slicer.vtkSlicerTransformLogic().hardenTransform(volume)
    app.forgive()
    app.process(1.0)
    results = find_results(slicer.mrmlScene, volume)
    assert np.allclose(results.landmarks[side].GetNthControlPointPositionWorld(0), moved, atol=0.01)


def the_module_is_reloaded(app: Application) -> None:
    _segmented(app)
    app.widget.onReload()
    app.forgive()
    app.wait(lambda: app.review is not None, 10, "the results after Reload")
    app.click(app.ui.nextButton)
    app.click(app.ui.confirmButton)
    assert any(state.startswith("✓") for state in app.column(2))


def the_segment_is_edited(app: Application) -> None:
    _segmented(app)
    app.click(app.ui.editSegmentButton)
    assert slicer.util.selectedModule() == "SegmentEditor"
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    assert editor.segmentationNode().GetName().startswith("Labyrinth")
    app.forgive()
    slicer.util.selectModule("InnerEarSeg")
    app.process(0.3)
    assert app.review is not None


def a_report(app: Application) -> None:
    """Of the page alone; the dialog that asks for its name is answered, all else is real."""
    _segmented(app)
    page = app.output / "report.html"
    with app.answered(page) as opened:
        app.ui.reportCollapsibleButton.collapsed = False
        app.click(app.ui.reportButton)
        app.wait(lambda: not app.widget.panel.reporting.active, 120, "the report")
        app.process(0.2)
    assert page.is_file() and page.stat().st_size > 50_000, app.ui.statusLabel.text
    assert opened and app.left_over() == []


def two_cts(app: Application) -> None:
    """Each has its own results."""
    first = _segmented(app)
    second = app.load_ear()
    app.ui.runCollapsibleButton.collapsed = False
    app.ui.inputSelector.setCurrentNode(second)
    app.process(0.2)
    assert app.review is None and not app.ui.runCollapsibleButton.collapsed
    app.segment()
    landmarks = [find_results(slicer.mrmlScene, ct).landmarks for ct in (first, second)]
    assert all(landmarks) and {*landmarks[0].values()}.isdisjoint(landmarks[1].values())


def slicer_ends_during_a_run(app: Application) -> None:
    """``run.py`` looks whether a process or a file is left; the last story."""
    app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.click(app.ui.segmentButton)
    app.process(2.0)
    assert app.widget.panel.running.active and app.left_over()


STORIES = (
    saved_closed_and_opened_again,
    the_ct_is_moved_and_hardened,
    the_module_is_reloaded,
    the_segment_is_edited,
    a_report,
    two_cts,
    slicer_ends_during_a_run,
)
