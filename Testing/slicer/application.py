"""A running Slicer as the stories see it: mouse, keys, time, pictures and Slicer's log."""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import qt
import slicer

from Testing.slicer.keyboard import Keyboard

HANG_SECONDS = 20.0


class NotRun(Exception):
    """Why a story cannot be run here."""


def _queued() -> float:
    """Seconds that this thread has waited for other processes to leave it a core; Linux alone."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Application:
    """What a story holds on to.

    ``said`` is what the report tells of a story besides its outcome. A story fails if Slicer's
    event loop stood still for longer than ``stall`` seconds (without the drawing of frames and, on
    Linux, without waiting for a core), if a dialog came up that it did not ask for, or if Slicer's
    log has an error.
    """

    def __init__(self, output: Path, stall: float) -> None:
        self.output, self.stall, self.said = output, stall, []
        self.keyboard = Keyboard()
        self._log = Path(slicer.app.errorLogModel().filePath)
        self._read = 0
        self._last = self._drawn = self._begun = self._worst = self._queued = 0.0
        self._dialogs: list[str] = []
        self._traces = (output / "traces.log").open("w")
        faulthandler.enable(self._traces)  # where Slicer crashes
        self._heard = (output / "heartbeat.jsonl").open("a")
        self._tick = qt.QTimer()
        self._tick.setInterval(20)
        self._tick.connect("timeout()", self._beat)
        self._observe_frames()

    # Beginning and end

    def begin(self) -> None:
        """An empty scene, and the module is open."""
        self.said.clear()
        self._dialogs.clear()
        slicer.mrmlScene.Clear(False)
        slicer.util.mainWindow().resize(1366, 768)
        slicer.util.selectModule("InnerEarSeg")
        self.process()
        self._read = self._log.stat().st_size if self._log.is_file() else 0
        self._worst, self._last, self._drawn, self._queued = 0.0, time.monotonic(), 0.0, _queued()
        self._tick.start()

    def end(self) -> None:
        """Check what holds for every story."""
        self.process()
        self.stop()
        self.said.append(f"longest stall: {self._worst:.2f} s")
        assert not self._dialogs, f"unexpected dialog: {self._dialogs[0]}"
        errors = [x for x in self._new_lines() if x.startswith(("[ERROR]", "[CRIT", "[FATAL]"))]
        assert not errors, "Slicer's log:\n" + "\n".join(errors[:20])
        assert self._worst <= self.stall, f"Slicer stood still for {self._worst:.2f} s"

    def stop(self) -> None:
        """No longer watch for stalls."""
        self._tick.stop()
        faulthandler.cancel_dump_traceback_later()

    def _new_lines(self) -> list[str]:
        if not self._log.is_file():
            return []
        with self._log.open("rb") as stream:
            stream.seek(self._read)
            return stream.read().decode("utf-8", "replace").splitlines()

    # Time

    def _observe_frames(self) -> None:
        """Drawing does not count as standing still: on a machine without a GPU it takes long."""
        manager = slicer.app.layoutManager()
        views = [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()]
        views.append(manager.threeDWidget(0).threeDView())
        for view in views:
            window = view.renderWindow()
            window.AddObserver("StartEvent", self._frame_begins)
            window.AddObserver("EndEvent", self._frame_ends)

    def _frame_begins(self, *_: Any) -> None:
        self._begun = time.monotonic()

    def _frame_ends(self, *_: Any) -> None:
        self._drawn += time.monotonic() - self._begun

    def _beat(self) -> None:
        now = time.monotonic()
        gap = now - self._last - self._drawn - max(0.0, _queued() - self._queued)
        if gap > self._worst:
            self._worst = gap
        if gap > self.stall:
            self.said.append(f"stall of {gap:.2f} s")
        if int(now) != int(self._last):
            print(f"{now:.0f}", file=self._heard, flush=True)
        dialog = slicer.app.activeModalWidget()
        # Slicer's own progress of reading a file is one, too.
        if dialog is not None and not dialog.inherits("QProgressDialog") and not self._dialogs:
            self._dialogs.append(getattr(dialog, "text", "") or dialog.windowTitle)
            self.picture("dialog")
            dialog.reject()
        # Where Slicer stands still for ever is written. Not of shorter stalls: Python's frames are
        # read while they change then, which once ended Slicer.
        faulthandler.dump_traceback_later(HANG_SECONDS, file=self._traces)
        self._last, self._drawn, self._queued = time.monotonic(), 0.0, _queued()

    def process(self, seconds: float = 0.0) -> None:
        """Let Slicer's event loop run for at least so long."""
        end = time.monotonic() + seconds
        slicer.app.processEvents()
        while time.monotonic() < end:
            time.sleep(0.002)
            slicer.app.processEvents()

    def wait(self, until: Callable[[], Any], seconds: float = 10.0, what: str = "") -> None:
        """Let Slicer's event loop run until something is true; AssertionError if it is not."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
            self.process(0.005)

    # The module

    @property
    def widget(self) -> Any:
        """The module's Python widget; another one after *Reload*."""
        return slicer.modules.innerearseg.widgetRepresentation().self()

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def review(self) -> Any:
        return self.widget.panel.reviewing.review

    def load_ear(self) -> Any:
        """The synthetic ear, as its button in Sample Data loads it."""
        from InnerEarSegLib.panel.sample_data import load_synthetic_ear

        volume = load_synthetic_ear()
        self.process(0.3)
        self.forgive()
        return volume

    def forgive(self) -> None:
        """Forget how long Slicer stood still: what was loaded is not the panel's work."""
        self._worst, self._last, self._drawn, self._queued = 0.0, time.monotonic(), 0.0, _queued()

    def segment(self, seconds: float = 300.0) -> None:
        """Press Segment and wait for the result."""
        self.click(self.ui.segmentButton)
        assert self.widget.panel.running.active, self.ui.statusLabel.text
        self.finish_run(seconds)

    def finish_run(self, seconds: float = 300.0) -> None:
        """Wait for the result."""
        self.wait(lambda: not self.widget.panel.running.active, seconds, "the end of the run")
        self.process(0.5)
        assert self.ui.statusLabel.text.startswith("Found"), self.ui.statusLabel.text

    def measured(self) -> dict:
        """Wait for the measurements."""
        measuring = self.widget.panel.reviewing.measuring
        self.wait(lambda: measuring.cochleae and not measuring._pending, 20, "measurements")
        return measuring.cochleae

    def column(self, number: int) -> list[str]:
        """Texts of one column of the table of landmarks."""
        table = self.ui.landmarksTable
        return [table.item(row, number).text() for row in range(table.rowCount)]

    # Mouse and keys

    def click(self, widget: Any) -> None:
        """Click into the middle of a widget, which has to be seen and enabled."""
        self.show(widget)
        assert widget.enabled, f"{widget.name} is not enabled"
        self.mouse(widget, [(widget.width // 2, widget.height // 2)])

    def show(self, widget: Any) -> None:
        """Scroll a widget of the panel into view."""
        parent = widget.parentWidget()
        while parent is not None and not parent.inherits("QScrollArea"):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(widget)
        self.process(0.05)
        assert widget.visible, f"{widget.name} is not visible"

    def mouse(self, widget: Any, places: list[tuple[int, int]], button: Any = None) -> None:
        """Press the mouse at the first place of a widget (pixels), release it at the last one."""
        button = qt.Qt.LeftButton if button is None else button
        nothing = qt.Qt.NoButton
        self._send(widget, qt.QEvent.MouseMove, places[0], nothing, nothing)
        self._send(widget, qt.QEvent.MouseButtonPress, places[0], button, button)
        for place in places[1:]:
            self._send(widget, qt.QEvent.MouseMove, place, nothing, button)
        self._send(widget, qt.QEvent.MouseButtonRelease, places[-1], button, nothing)
        self.process(0.1)

    def _send(self, widget: Any, kind: Any, place: tuple[int, int], button: Any, held: Any) -> None:
        at = qt.QPointF(*place)
        on_screen = qt.QPointF(widget.mapToGlobal(qt.QPoint(*place)))
        event = qt.QMouseEvent(kind, at, on_screen, button, held, qt.Qt.NoModifier)
        qt.QCoreApplication.sendEvent(widget, event)
        self.process(0.02)

    @contextmanager
    def answered(self, path: Path) -> Iterator[list[str]]:
        """Answer dialogs for a file with a path, and those for a folder with its folder.

        Yields the pages that would have been opened in the browser.
        """
        from InnerEarSegLib.panel import plan_section, report_section  # anew after Reload

        opened: list[str] = []
        dialogs = {"getSaveFileName": lambda *_: str(path),
                   "getExistingDirectory": lambda *_: str(path.parent)}  # fmt: skip
        answers = SimpleNamespace(
            QFileDialog=SimpleNamespace(**dialogs),
            QDesktopServices=SimpleNamespace(openUrl=lambda url: opened.append(str(url))),
            QUrl=qt.QUrl,
        )
        plan_section.qt = report_section.qt = answers
        try:
            yield opened
        finally:
            plan_section.qt = report_section.qt = qt

    def view(self, name: str) -> Any:
        """The widget of a slice view, or of the 3D view with "3D", that takes the mouse."""
        manager = slicer.app.layoutManager()
        if name == "3D":
            return manager.threeDWidget(0).threeDView().VTKWidget()
        return manager.sliceWidget(name).sliceView().VTKWidget()

    def drag(self, name: str, dx: int, dy: int, button: Any = None) -> None:
        """Drag from the middle of a view by so many pixels."""
        view = self.view(name)
        x, y = view.width // 2, view.height // 2
        qt.QCoreApplication.sendEvent(view, qt.QEvent(qt.QEvent.Enter))
        self.mouse(view, [(x + dx * n // 8, y + dy * n // 8) for n in range(9)], button)
        view.setFocus()  # as a click of a real mouse does

    def key(self, letter: str) -> None:
        """Press a key, as the system would."""
        window = slicer.util.mainWindow()
        window.raise_()
        window.activateWindow()
        self.process(0.1)
        if not self.keyboard.press(letter):
            raise NotRun(f"no keys can be sent on {sys.platform}")
        self.process(0.3)

    # What there is

    def center(self, name: str = "Red") -> Any:
        """World position in the middle of a slice view."""
        matrix = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
        return np.array([matrix.GetElement(row, 3) for row in range(3)])

    def field(self, name: str = "Red") -> float:
        """Millimetres that a slice view is wide."""
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        return float(node.GetFieldOfView()[0])

    def left_over(self) -> list[str]:
        """Temporary folders of runs, and processes that work in them."""
        temporary = Path(os.environ["TMPDIR"])
        left = [str(path) for path in temporary.glob("ies-*")]
        for path in Path("/proc").glob("[0-9]*/cmdline") if sys.platform == "linux" else ():
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(temporary) in command and "InnerEarSegLib" in command:
                left.append(command)
        return left

    def picture(self, name: str) -> None:
        """Save a picture of the main window."""
        self.process(0.2)
        slicer.util.mainWindow().grab().save(str(self.output / f"{name}.png"))
