"""InnerEarSeg in 3D Slicer: a thin shell over InnerEarSegLib, which does the work."""
# ruff: noqa: N802, N803 - names that Slicer asks for

import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

_HERE = Path(__file__).resolve().parent
if not (_HERE / "InnerEarSegLib").is_dir() and str(_HERE.parent) not in sys.path:
    sys.path.append(str(_HERE.parent))  # from source; installed, the library lies beside this file


class InnerEarSeg(ScriptedLoadableModule):
    """What Slicer shows of the module."""

    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("InnerEarSeg")
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations", "SegmentEditor", "Markups", "Tables"]
        parent.contributors = ["InnerEarSeg contributors"]
        parent.helpText = _(
            "Finds the bony labyrinth and three landmarks (helicotrema, oval window, round window) "
            "in CT of the temporal bone. Choose a CT, press Segment, check the landmarks. "
            "Not a medical device."
        )
        parent.acknowledgementText = _(
            "The bundled model is trained on the Human Bony Labyrinth data set of Wimmer et al. "
            "(doi:10.5281/zenodo.3355272, CC BY 4.0)."
        )
        slicer.app.connect("startupCompleted()", self.registerSampleData)

    def registerSampleData(self):
        """Offers a synthetic ear in the Sample Data module, once Slicer has started."""
        from InnerEarSegLib.panel.sample_data import register_sample_data

        register_sample_data(Path(self.resourcePath("Icons/InnerEarSeg.png")))


class InnerEarSegWidget(ScriptedLoadableModuleWidget):
    """The panel's place in Slicer."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel = None

    def setup(self):
        """Builds the panel, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from InnerEarSegLib.panel.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/InnerEarSeg.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.logic = InnerEarSegLogic()
        self.panel = Panel(self.ui, self.logic.getParameterNode)
        if getattr(self.parent, "isEntered", False):
            self.panel.enter()  # Reload sets the open module up and does not enter it

    def enter(self):
        """The user opens the module."""
        self.panel.enter()

    def exit(self):
        """The user goes to another module."""
        self.panel.exit()

    def cleanup(self):
        """The module is unloaded or Slicer ends."""
        if self.panel is not None:
            self.panel.close()

    def onReload(self):
        """For developers: reloads the library too."""
        self.cleanup()
        for name in [name for name in sys.modules if name.split(".")[0] == "InnerEarSegLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class InnerEarSegLogic(ScriptedLoadableModuleLogic):
    """What other modules and scripts can use."""

    def getParameterNode(self):
        """The module's typed parameter node, one in a scene and saved with it."""
        from InnerEarSegLib.panel.inputs import InnerEarSegParameterNode

        return InnerEarSegParameterNode(super().getParameterNode())

    def process(self, volumeNode, device="auto", modelPath=None, keepReviewed=True):
        """Segment a CT and wait for it; Slicer goes on answering meanwhile.

        Returns:
            The ResultNodes, with ``segmentation`` and ``landmarks`` by side; None without an ear.

        Raises:
            InnerEarSegError: whatever went wrong, in one sentence.
        """
        from InnerEarSegLib.panel.run import Choices, run_and_wait

        model = None if modelPath is None else Path(modelPath)
        choices = Choices(volumeNode, device=device, model=model, keep_reviewed=keepReviewed)
        return run_and_wait(choices)


class InnerEarSegTest(ScriptedLoadableModuleTest):
    """The self-test that Slicer offers in developer mode and in its own test runs."""

    def runTest(self):
        """Runs all tests."""
        slicer.mrmlScene.Clear()
        self.test_synthetic_ear()

    def test_synthetic_ear(self):
        """A synthetic ear in, a labyrinth and its landmarks out, twice."""
        from InnerEarSegLib.panel.sample_data import check_synthetic_ear

        self.delayDisplay("Segmenting a synthetic ear")
        check_synthetic_ear(InnerEarSegLogic())
        self.delayDisplay("Test passed")
