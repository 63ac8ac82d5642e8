"""Ctrl-C in the middle of a forward pass ends the process with its own status, not with SIGABRT."""

import subprocess
import sys

from .conftest import REPOSITORY

PROGRAM = """
import os, signal, sys, threading, time
import torch
from InnerEarSegLib.model.bundle import load_model
from InnerEarSegLib.model.inference import run_patches
from InnerEarSegLib.model.card import bundled_model
from InnerEarSegLib.progress import Progress

class Leaving:
    # Python ends slowly: time for the abandoned pass to come back while it does.
    def __del__(self, sleep=time.sleep):
        sleep(2.0)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
leaving = Leaving()
model = load_model(bundled_model(), torch.device("cpu"))
patches = torch.zeros(2, *model.refine.shape)
try:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    run_patches(model.refine, patches, model.intensity, Progress())
except KeyboardInterrupt:
    print("cancelled", flush=True)
    sys.exit(130)
"""


def test_a_pass_that_ctrl_c_abandons_does_not_abort_the_process():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "cancelled\n" and done.stderr == "" and done.returncode == 130
