"""What runs in a worker process: one case after the other with a model that stays loaded."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import Cancelled, InnerEarSegError
from .cohort import Case

if TYPE_CHECKING:
    from ..model.bundle import Model
    from ..progress import Progress
    from ..types import Segmentation

GRACE_SECONDS = 2.0
"""For taking unfinished files away before the process is ended as it is."""

CANCELLED = 130


@dataclass(frozen=True)
class Settings:
    """What a worker is told once.

    Attributes:
        model: the model file.
        device: as torch names it.
        threads: of torch and of ITK each.
        output: the batch's folder; each case gets one in it.
    """

    model: Path
    device: str
    threads: int
    output: Path


@dataclass(frozen=True)
class Failure:
    """Why a case has no result.

    Attributes:
        reason: one sentence.
        details: a traceback, where the reason was not foreseen.
    """

    reason: str
    details: str = ""


class _State:
    settings: Settings
    bundle: Model | None = None
    busy = False


def begin(settings: Settings) -> None:
    """Called once in each new worker process. Cheap, and raises nothing: that would break it."""
    _State.settings = settings
    # Ctrl-C reaches the whole group; the parent decides, and asks with SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _cancel)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def work(case: Case) -> Failure | None:
    """Do one case.

    Returns:
        None where its files are there, or why they are not.

    Raises:
        Cancelled: the parent asked to stop, or is gone.
    """
    _State.busy = True
    try:
        _do(case)
    except Cancelled:
        raise
    except InnerEarSegError as error:
        return Failure(" ".join(str(error).splitlines()))
    except MemoryError:
        return Failure("This machine has not enough memory.", traceback.format_exc())
    except Exception as error:  # a mistake of ours must not stop the cohort either
        kind = type(error).__name__
        said = " ".join(f"Unexpected {kind}: {error}".split())
        return Failure(said, traceback.format_exc())
    finally:
        _State.busy = False
    return None


def _do(case: Case) -> None:
    from ..cochlea.measurements import measure
    from ..io.result_folder import Output
    from ..progress import Progress
    from ..report.tables import write_measurements
    from .finished import names_to_keep
    from .one_ct import segment_to_folder
    from .receipt import receipt_of, write_receipt

    settings = _State.settings
    # Asked at the end: the folder's old files may be corrected while this runs.
    output = Output(settings.output / case.name, names_to_keep)
    try:
        # Before it is read: what is changed afterwards makes it another CT.
        receipt = receipt_of(case, "", settings.output)
    except OSError:
        receipt = None  # reading says in a sentence what is wrong
    progress = Progress()

    def write(folder: Path, result: Segmentation) -> None:
        if result.ears:
            plans = {ear.side: measure(ear) for ear in result.ears}
            write_measurements(plans, result.ears, folder)
        if receipt is not None:
            made = receipt | {"model": _bundle(progress).identity.sha256}
            write_receipt(made, folder, output.folder)

    result = segment_to_folder(
        case.source, output, lambda: _bundle(progress), progress, also_write=write
    )
    if result.device.partition(":")[0] != settings.device.partition(":")[0]:
        # One CT was too large for the GPU: the next ones have it again.
        _State.bundle = None


def _bundle(progress: Progress) -> Model:
    if _State.bundle is None:
        import SimpleITK as sitk
        import torch

        from ..model.bundle import load_model

        settings = _State.settings
        torch.set_num_threads(settings.threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(settings.threads)
        _State.bundle = load_model(settings.model, torch.device(settings.device), progress=progress)
    return _State.bundle


def _cancel(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    if not _State.busy:
        os._exit(CANCELLED)
    raise Cancelled("Cancelled.")


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next case for ever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(GRACE_SECONDS)  # the main thread may be in code that does not listen
    os._exit(CANCELLED)
