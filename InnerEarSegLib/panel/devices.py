"""Which devices there are, asked in a child process, as torch is not loaded into Slicer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

import slicer

from ..errors import UnusableInput
from .worker import Worker
from .worker_process import Command, python_command

AUTOMATIC = ("auto", "Automatic")
CPU = ("cpu", "CPU")

_SCRIPT = """
import importlib.util, json
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
    """What the machine has.

    Attributes:
        torch: its version, None if it is missing, "" if that is not known.
        gpus: name for the worker and for people.
    """

    torch: str | None = ""
    gpus: tuple[tuple[str, str], ...] = ()


def devices_command() -> Command:
    """A call that prints the devices as JSON."""
    return python_command(["-c", _SCRIPT])


class DeviceQuestion:
    """Asks once; ``on_answer`` is called when the child has answered."""

    make_command: Callable[[], Command] = staticmethod(devices_command)

    def __init__(self, on_answer: Callable[[Devices], None]) -> None:
        self._on_answer = on_answer
        self._text = b""
        self._worker = Worker(self._read, self._ended)

    def ask(self) -> None:
        """Starts the child; without an answer the list stays at Automatic and CPU."""
        try:
            self._worker.start(self.make_command())
        except UnusableInput:
            self._on_answer(Devices())

    def stop(self) -> None:
        """Ends the child, if it still runs."""
        self._worker.stop_now()

    def _read(self, piece: bytes) -> None:
        self._text += piece

    def _ended(self, *_: object) -> None:
        self._on_answer(parse_devices(self._text.decode("utf-8", errors="replace")))


def parse_devices(text: str) -> Devices:
    """The child's answer; nothing known if it is none."""
    for line in reversed(text.splitlines()):
        try:
            content = json.loads(line)
            gpus = tuple((str(device), str(name)) for device, name in content["gpus"])
            version = content["torch"]
        except (ValueError, KeyError, TypeError):
            continue
        return Devices(None if version is None else str(version), gpus)
    return Devices()


MINIMUM = ">=2.0"
WINDOWS_LIMIT = ",<2.13"
"""2.13 installs only in part on Windows with Slicer 5.12 (light-the-torch#176)."""


def has_extension() -> bool:
    """Whether the PyTorch extension is installed."""
    return hasattr(slicer.modules, "pytorchutils")


def install() -> str:
    """Installs PyTorch; returns what went wrong, in one sentence, or nothing."""
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
