"""``innerearseg``: one command for each thing a user does."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NoReturn

from .. import __version__, interrupts
from ..errors import Cancelled, InnerEarSegError
from ..interrupts import CANCELLED
from . import (
    ablate,
    batch,
    benchmark,
    check,
    crossval,
    demo,
    dicom,
    evaluate,
    mesh,
    plan,
    report,
    segment,
    train,
    update,
)
from .arguments import complain

COMMANDS = (
    *(segment, batch, update, report, plan, mesh, dicom, demo),
    *(check, train, crossval, evaluate, benchmark, ablate),
)

DONE, UNUSABLE = 0, 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> Parser:
    """The parser with all commands."""
    parser = Parser(prog="innerearseg", description="Inner ear from CT. Not a medical device.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Join a place to its option: argparse takes ``-31,-3,15``, of a left ear, for an option."""
    result: list[str] = []
    for argument in arguments:
        if result and result[-1] in ("--center", "--roi") and re.match(r"-[\d.]", argument):
            result[-1] += f"={argument}"
        else:
            result.append(argument)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Exit status: 0 done; 2 unusable input or arguments, with one sentence on stderr; 3 no
        inner ear found; 4 some CTs of a batch or evaluation failed, or a batch's table could not
        be written; 130 cancelled.
    """
    for stream in (sys.stdout, sys.stderr):  # file names may not fit the console's encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    resumes = getattr(options, "resumes", False)
    interrupts.left = interrupts.RESUMES if resumes else interrupts.NOTHING
    try:
        with interrupts.raised() if resumes else nullcontext():  # they end their workers
            status: int = options.run(options)
        sys.stdout.flush()  # here and not at exit, where a broken pipe cannot be caught
        return status
    except BrokenPipeError:
        # The reader ended (`| head`); the files are written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (Cancelled, KeyboardInterrupt):
        complain(f"cancelled; {interrupts.left}.")
        if arguments is None:  # run as a program, not called from Python
            sys.stdout.flush()
            os._exit(interrupts.CANCELLED)
        return CANCELLED
    except MemoryError:
        complain("this machine has not enough memory.")
    except InnerEarSegError as error:
        complain(" ".join(str(error).splitlines()))  # names of files may hold line breaks
    return UNUSABLE
