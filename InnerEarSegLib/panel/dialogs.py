"""The few questions that the panel asks."""

from __future__ import annotations

from typing import Any

import qt


def offer_torch(parent: Any, has_extension: bool) -> bool:
    """Says that PyTorch is missing and how to get it; whether to install it now."""
    by_hand = (
        "Without internet: on a computer with internet and the same system, download the "
        "packages with\n    PythonSlicer -m pip download torch\n"
        "copy the folder here and run\n"
        "    PythonSlicer -m pip install --no-index --find-links FOLDER torch"
    )
    if has_extension:
        how = "It can be installed now through the PyTorch extension (about 200 MB to 3 GB)."
    else:
        how = (
            "It is installed through the PyTorch extension: open the Extensions Manager, install "
            "PyTorch, restart 3D Slicer and press Segment again."
        )
    box = qt.QMessageBox(parent)
    box.setIcon(qt.QMessageBox.Information)
    box.setWindowTitle("InnerEarSeg")
    box.setText("PyTorch is missing. InnerEarSeg needs it to run its networks.")
    box.setInformativeText(f"{how}\n\n{by_hand}")
    if not has_extension:
        box.setStandardButtons(qt.QMessageBox.Close)
        box.exec_()
        return False
    box.setStandardButtons(qt.QMessageBox.Yes | qt.QMessageBox.No)
    box.button(qt.QMessageBox.Yes).setText("Install PyTorch")
    box.button(qt.QMessageBox.No).setText("Not now")
    box.setDefaultButton(qt.QMessageBox.Yes)
    return box.exec_() == qt.QMessageBox.Yes


def offer_cpu(parent: Any) -> bool:
    """Says that the GPU's memory is not enough; whether to go on with the CPU."""
    box = qt.QMessageBox(parent)
    box.setIcon(qt.QMessageBox.Question)
    box.setWindowTitle("InnerEarSeg")
    box.setText("The memory of the graphics card is not enough. Go on with the CPU?")
    box.setInformativeText(
        "It takes longer, about a minute. Your answer is remembered; it can be changed under "
        "Options."
    )
    box.setStandardButtons(qt.QMessageBox.Yes | qt.QMessageBox.No)
    box.button(qt.QMessageBox.Yes).setText("Use the CPU")
    box.button(qt.QMessageBox.No).setText("Stop")
    box.setDefaultButton(qt.QMessageBox.Yes)
    return box.exec_() == qt.QMessageBox.Yes
