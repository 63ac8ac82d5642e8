"""``innerearseg``: one command for each thing a user does."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from ..errors import Cancelled, InnerEarSegError
from . import (
    ablate,
    batch,
    benchmark,
    crossval,
    demo_command,
    evaluate,
    report_command,
    segment,
    synthesize_command,
    train,
)

COMMANDS = (
    segment,
    batch,
    report_command,
    demo_command,
    synthesize_command,
    train,
    crossval,
    evaluate,
    benchmark,
    ablate,
)

DONE, UNUSABLE, CANCELLED = 0, 2, 130


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Exit status: 0 done; 2 unusable input or arguments, with one sentence on stderr; 3 no
        inner ear found; 4 some CTs of a batch or evaluation failed, or a batch's table could not
        be written; 130 cancelled.
    """
    for stream in (sys.stdout, sys.stderr):  # a folder's name may not fit the console's encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    try:
        return _flushed(options.run(options))
    except BrokenPipeError:
        # Who listened is gone (`| head`). The files are there; nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (Cancelled, KeyboardInterrupt):
        left = "the same command goes on from here" if _resumes(options) else "nothing was written"
        print(f"innerearseg: cancelled; {left}.", file=sys.stderr)
        return CANCELLED
    except InnerEarSegError as error:
        # Names of files may hold line breaks; the sentence stays on one line.
        print("innerearseg: " + " ".join(str(error).splitlines()), file=sys.stderr)
        return UNUSABLE
    except MemoryError:
        print("innerearseg: this machine has not enough memory.", file=sys.stderr)
        return UNUSABLE


def _resumes(options: argparse.Namespace) -> bool:
    """Whether the command keeps what it has done when it is cancelled."""
    return getattr(options, "resumes", False)


def _flushed(status: int) -> int:
    sys.stdout.flush()  # here and not at exit, where a broken pipe cannot be caught
    return status


if __name__ == "__main__":
    sys.exit(main())
