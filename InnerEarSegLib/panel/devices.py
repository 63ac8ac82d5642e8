"""Devices and PyTorch, asked for in a child process, as torch is not loaded into Slicer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import qt
import slicer

from ..errors import UnusableInput
from .messages import ask
from .worker import Worker
from .worker_process import ProgressLine, python_command

AUTOMATIC = ("auto", "Automatic")
CPU = ("cpu", "CPU")

_SCRIPT = """
import importlib.util, json
from InnerEarSegLib.process import end_with_stdin
end_with_stdin()
print(flush=True)
if importlib.util.find_spec("torch") is None:
    print(json.dumps({"torch": None, "gpus": []}))
else:
    import torch
    count = torch.cuda.device_count()
    gpus = [["cuda:%d" % n, torch.cuda.get_device_name(n)] for n in range(count)]
    if torch.backends.mps.is_available():
        gpus.append(["mps", "Apple GPU"])
    print(json.dumps({"torch": torch.__version__, "gpus": gpus}))
"""


@dataclass(frozen=True)
class Devices:
    """What the machine has."""

    torch: str | None = ""  # its version, None if it is missing, "" if that is not known
    gpus: tuple[tuple[str, str], ...] = ()  # name for the worker and for the user


def devices_command() -> list[str]:
    """Return a call that prints the devices as JSON."""
    return python_command("-c", _SCRIPT)


def ask_devices(on_answer: Callable[[Devices], None]) -> Worker:
    """Start a child process that answers; nothing is known if it gives no answer."""
    heard = [Devices()]

    def listen(line: ProgressLine | str) -> None:
        with suppress(ValueError, KeyError, TypeError):  # noise of torch
            content = json.loads(str(line))
            gpus = tuple((str(device), str(name)) for device, name in content["gpus"])
            heard.append(Devices(content["torch"], gpus))

    worker = Worker(listen, lambda *_: on_answer(heard[-1]))
    try:
        worker.start(devices_command())
    except UnusableInput:
        on_answer(Devices())
    return worker


MINIMUM = ">=2.0"
WINDOWS_LIMIT = ",<2.13"  # 2.13 installs in part with Slicer 5.12 (light-the-torch#176)

_BY_HAND = """

Without internet: on a computer with internet and the same system, download the packages with
    PythonSlicer -m pip download torch
copy the folder here and run
    PythonSlicer -m pip install --no-index --find-links FOLDER torch"""

_WITH_EXTENSION = "It can be installed now through the PyTorch extension (about 200 MB to 3 GB)."
_WITHOUT_EXTENSION = (
    "It is installed through the PyTorch extension: open the Extensions Manager, install "
    "PyTorch, restart 3D Slicer and press Segment again."
)


def has_extension() -> bool:
    """Whether the PyTorch extension is installed."""
    return hasattr(slicer.modules, "pytorchutils")


def offer_torch(parent: Any) -> bool:
    """Say that PyTorch is missing and how to get it; return whether to install it now."""
    can = has_extension()
    return ask(
        parent,
        qt.QMessageBox.Information,
        "PyTorch is missing. InnerEarSeg needs it to run its networks.",
        (_WITH_EXTENSION if can else _WITHOUT_EXTENSION) + _BY_HAND,
        ("Install PyTorch", "Not now") if can else (),
    )


def install() -> str:
    """Install PyTorch; return what went wrong, in one sentence, or nothing."""
    import PyTorchUtils

    wanted = MINIMUM + (WINDOWS_LIMIT if sys.platform == "win32" else "")
    slicer.app.processEvents()  # so that what is said before is on the screen
    try:
        with slicer.util.WaitCursor():
            done = PyTorchUtils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=wanted
            )
    except Exception as error:  # whatever pip, the network or the disk do
        return f"PyTorch could not be installed: {error}"
    return "" if done is not None else "PyTorch was not installed."


_CPU_FALLBACK = "InnerEarSeg/CpuOnOutOfMemory"


def cpu_fallback() -> bool | None:
    """Whether to go on with the CPU when the GPU lacks memory; None if not asked yet."""
    return {"yes": True, "no": False}.get(str(qt.QSettings().value(_CPU_FALLBACK)))


def remember_cpu_fallback(agreed: bool) -> None:
    """Keep the user's answer on this machine."""
    qt.QSettings().setValue(_CPU_FALLBACK, "yes" if agreed else "no")


def offer_cpu(parent: Any) -> bool:
    """Say that the GPU's memory is not enough; return whether to go on with the CPU."""
    return ask(
        parent,
        qt.QMessageBox.Question,
        "The memory of the graphics card is not enough. Go on with the CPU?",
        "It takes longer, about a minute. Your answer is remembered; it can be changed under "
        "Options.",
        ("Use the CPU", "Stop"),
    )
