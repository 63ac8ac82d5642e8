"""Opening the module, loading, segmenting, cancelling."""

import os
import random
import time

import qt
import slicer

from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.synthetic.head import random_head
from Testing.slicer.application import Application


def opens(app: Application) -> None:
    """Quickly, and says what to do."""
    slicer.util.selectModule("Welcome")
    app.process(0.2)
    started = time.monotonic()
    slicer.util.selectModule("InnerEarSeg")
    app.process()
    app.said.append(f"opened in {time.monotonic() - started:.2f} s")
    assert not app.ui.segmentButton.enabled
    assert app.ui.statusLabel.text == "Choose a CT to begin.", app.ui.statusLabel.text


def sample_data_by_script(app: Application) -> None:
    import SampleData

    node = SampleData.downloadSample("Synthetic ear")
    app.forgive()
    app.process(0.5)
    assert node.GetName() == "Synthetic ear"
    low, high = node.GetImageData().GetScalarRange()
    assert low < -500 and high > 1000
    app.wait(lambda: app.ui.inputSelector.currentNode() is not None, 5, "the CT in the panel")


def _seen_without_scrolling(app: Application) -> None:
    ui = app.ui
    scroll = ui.landmarksTable.parentWidget()
    while not scroll.inherits("QScrollArea"):
        scroll = scroll.parentWidget()
    seen = scroll.viewport().height
    app.said.append(f"the module has {seen} pixels of {slicer.util.mainWindow().height}")
    for widget in (ui.statusLabel, ui.landmarksTable, ui.confirmButton, ui.redoButton):
        top = widget.mapTo(scroll.viewport(), qt.QPoint(0, 0)).y()
        assert top >= 0 and top + widget.height <= seen, f"{widget.name}: {top}, of {seen}"


def a_ct_becomes_a_result(app: Application) -> None:
    """With table, buttons and verdict in view on a laptop; nothing is left of the worker."""
    app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.picture("panel_ready")
    app.click(app.ui.segmentButton)
    app.wait(lambda: app.ui.progressBar.value > 20, 120, "some progress")
    app.picture("panel_running")
    app.finish_run()
    app.picture("panel_result")
    ui = app.ui
    assert ui.landmarksTable.rowCount == 3 and ui.runCollapsibleButton.collapsed
    assert app.left_over() == []
    app.measured()
    _seen_without_scrolling(app)
    count = slicer.mrmlScene.GetNumberOfNodes()
    ui.runCollapsibleButton.collapsed = False
    app.segment()
    assert slicer.mrmlScene.GetNumberOfNodes() == count


def cancelled_at_any_time(app: Application) -> None:
    """Ten times, or ``--cancels``: no process, no file, and the scene as it was."""
    app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    generator = random.Random(15)
    count, cancelled = slicer.mrmlScene.GetNumberOfNodes(), 0
    for _ in range(int(os.environ["INNEREARSEG_CANCELS"])):
        app.click(app.ui.segmentButton)
        app.process(generator.uniform(0.0, 4.0))
        running = app.widget.panel.running
        if running.can_cancel:
            app.ui.cancelButton.click()  # at once: before a mouse is there, the run may end
            cancelled += 1
            app.wait(lambda running=running: not running.active, 5, "the end of a cancelled run")
        elif running.active or app.review is not None:  # a fast machine was done before
            app.wait(lambda running=running: not running.active, 20, "the result's last steps")
            count = slicer.mrmlScene.GetNumberOfNodes()
            app.ui.runCollapsibleButton.collapsed = False
        assert slicer.mrmlScene.GetNumberOfNodes() == count, "a cancelled run left nodes"
    app.said.append(f"{cancelled} runs cancelled")
    app.wait(lambda: not app.left_over(), 5, f"no process or file of a run: {app.left_over()}")


def cancelled_while_the_result_comes(app: Application) -> None:
    """At each of its steps in turn: the scene is as it was."""
    app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    count, running = slicer.mrmlScene.GetNumberOfNodes(), app.widget.panel.running
    for turn in range(8):
        app.ui.runCollapsibleButton.collapsed = False
        app.click(app.ui.segmentButton)
        app.wait(lambda: running._shown is not None, 120, "the result")
        for _ in range(turn):
            slicer.app.processEvents()
        if not running.can_cancel:
            break
        app.ui.cancelButton.click()
        app.process(0.3)
        assert slicer.mrmlScene.GetNumberOfNodes() == count, f"after {turn} turns"
        assert app.review is None
    else:  # a busy machine takes more turns
        app.ui.runCollapsibleButton.collapsed = False
        app.click(app.ui.segmentButton)
    app.finish_run()
    assert turn > 2
    # Over these results another run: they are put back, and Slicer's log stays clean.
    count = slicer.mrmlScene.GetNumberOfNodes()
    app.ui.runCollapsibleButton.collapsed = False
    app.click(app.ui.segmentButton)
    app.wait(lambda: running._shown is not None, 120, "the result")
    app.ui.cancelButton.click()
    app.process(0.3)
    assert slicer.mrmlScene.GetNumberOfNodes() == count and app.review is not None


def the_ct_is_removed_meanwhile(app: Application) -> None:
    volume = app.load_ear()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.click(app.ui.segmentButton)
    app.process(1.0)
    slicer.mrmlScene.RemoveNode(volume)
    app.process(0.5)
    assert "removed from the scene" in app.ui.statusLabel.text, app.ui.statusLabel.text
    app.wait(lambda: not app.left_over(), 5, f"no process or file of a run: {app.left_over()}")


def both_ears_of_a_head(app: Application) -> None:
    """On a laptop the table with both, its buttons and both verdicts are seen."""
    head = random_head(1)
    add_volume(slicer.mrmlScene, head.ct).SetName("Head")
    slicer.app.layoutManager().resetSliceViews()
    app.process(0.5)
    app.forgive()
    app.wait(lambda: app.ui.segmentButton.enabled, 20, "Segment")
    app.segment()
    assert app.ui.landmarksTable.rowCount == 6, app.ui.statusLabel.text
    app.measured()
    app.process(0.5)
    _seen_without_scrolling(app)
    app.click(app.ui.leftEarButton)
    app.picture("panel_two_ears")
    named = [
        node.GetDisplayNode().GetPointLabelsVisibility()
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    ]
    assert sorted(named) == [0, 1], "names of one ear's landmarks alone"


STORIES = (
    opens,
    sample_data_by_script,
    a_ct_becomes_a_result,
    both_ears_of_a_head,
    cancelled_at_any_time,
    cancelled_while_the_result_comes,
    the_ct_is_removed_meanwhile,
)
