"""Run the stories in a real 3D Slicer: ``python Testing/slicer/run.py --slicer /path/to/Slicer``.

Slicer runs ``inside.py``, which drives the panel with mouse and keys. What comes of it is in the
output folder: ``junit.xml``, a picture after each story and Slicer's output. Exit status: 0 all
stories passed; 1 one failed, hung or crashed Slicer, or Slicer's log holds an error; 2 Slicer could
not be started. Needs Python's own library alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parents[2]
OUTPUT, ONLY, STALL = "INNEREARSEG_OUTPUT", "INNEREARSEG_STORIES", "INNEREARSEG_STALL"
MINUTES, CANCELS = "INNEREARSEG_MINUTES", "INNEREARSEG_CANCELS"
"""Environment variables for ``inside.py``: a folder, names of stories, seconds; how long
``random_clicks_and_keys`` goes on, and how often ``cancelled_at_any_time`` cancels."""

POLL_SECONDS, LEAVE_SECONDS = 0.5, 2.0
START_SECONDS = 180.0
SILENT_SECONDS = 120.0
"""Slicer is killed when nothing is said for so long; ``inside.py`` writes a line a second while
Slicer's event loop runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, report, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slicer", type=Path, required=True, help="the application, Slicer 5.10 +")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "out" / "slicer")
    parser.add_argument("--stall", type=float, default=0.3, metavar="SECONDS",
                        help="a story fails if Slicer stands still for longer")  # fmt: skip
    parser.add_argument("--monkey", type=float, default=1.0, metavar="MINUTES",
                        help="how long random_clicks_and_keys goes on")  # fmt: skip
    parser.add_argument("--cancels", type=int, default=10, metavar="N",
                        help="how often cancelled_at_any_time cancels")  # fmt: skip
    parser.add_argument("stories", nargs="*", help="names; all without")
    options = parser.parse_args(arguments)
    slicer = shutil.which(options.slicer)
    if slicer is None:
        return _complain(f"{options.slicer} is no program; give Slicer's own with --slicer.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    display: list[str] = []
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        if shutil.which("xvfb-run") is None:
            return _complain("there is no display; install xvfb, which gives one.")
        display = ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1366x768x24"]
    output = options.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    (output / "temporary").mkdir(parents=True)
    command = [
        *display, slicer, "--no-splash", "--ignore-slicerrc", "--disable-settings",
        "--additional-module-paths", str(REPOSITORY / "InnerEarSeg"),
        "--python-script", str(Path(__file__).with_name("inside.py")),
    ]  # fmt: skip
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(output / "temporary"))
    environment = {
        **os.environ, **temporary,
        OUTPUT: str(output), ONLY: " ".join(options.stories), STALL: str(options.stall),
        MINUTES: str(options.monkey), CANCELS: str(options.cancels),
    }  # fmt: skip
    ended = _run(command, environment, output)
    stories = _stories(output / "stories.jsonl", ended)
    _write_junit(stories, output / "junit.xml")
    for story in stories:
        print(f"{story['outcome']:8} {story['name']} {story.get('seconds', 0.0):.1f} s")
        if story["outcome"] != "passed":
            print("    " + story["text"].strip().replace("\n", "\n    "))
    passed = sum(story["outcome"] == "passed" for story in stories)
    print(f"{passed} of {len(stories)} passed. See {output}")
    bad = [story for story in stories if story["outcome"] in ("failed", "error")]
    return 1 if bad or not stories else 0


def _complain(sentence: str) -> int:
    print(f"test-slicer: {sentence}", file=sys.stderr)
    return 2


def _run(command: list[str], environment: dict[str, str], output: Path) -> str:
    """Run Slicer to its end; return what is wrong with that end, or an empty string."""
    with (output / "slicer.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            silent = _watch(process, output)
        except BaseException:  # Ctrl-C or SIGTERM: Slicer goes, too
            _kill(process)
            raise
        if silent:
            _kill(process)
            return silent
    if _left(process):
        _kill(process)
        return "Slicer left a process behind."
    folders = [path.name for path in (output / "temporary").glob("ies-*")]
    if folders:
        return f"Slicer left temporary folders behind: {', '.join(folders)}."
    if process.returncode not in (0, 1):  # 1: a story failed, which its own lines say
        return f"Slicer ended with status {process.returncode}; see slicer.log."
    return ""


def _watch(process: subprocess.Popen[bytes], output: Path) -> str:
    """Wait for the end; return why Slicer should be killed, or an empty string."""
    said, since, silent = 0, time.monotonic(), START_SECONDS
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        size = sum(path.stat().st_size for path in output.glob("*.jsonl"))
        if size != said:
            said, since, silent = size, time.monotonic(), SILENT_SECONDS
        if time.monotonic() - since > silent:
            return f"Slicer stood still for {silent:.0f} s and was killed; see traces.log."
    return ""


def _left(process: subprocess.Popen[bytes]) -> bool:
    """Whether processes of an ended Slicer go on, a moment later."""
    if os.name != "posix":
        return False
    time.sleep(LEAVE_SECONDS)
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False)
    process.wait()


def _stories(path: Path, ended: str) -> list[dict]:
    """What became of each story, from the lines that ``inside.py`` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    stories: dict[str, dict] = {}
    for line in map(json.loads, lines):
        stories.setdefault(line["name"], {}).update(line)
    for story in stories.values():
        if story["outcome"] == "started":
            story |= {"outcome": "error", "text": ended or "Slicer ended during this story."}
        elif story["outcome"] == "planned":
            story |= {"outcome": "skipped", "text": "Not run: an earlier story ended Slicer."}
    if ended or not stories:
        text = ended or "No story was run; see slicer.log."
        stories["Slicer's end"] = {"name": "Slicer's end", "outcome": "error", "text": text}
    return list(stories.values())


def _write_junit(stories: list[dict], path: Path) -> None:
    suite = ElementTree.Element("testsuite", name="3D Slicer", tests=str(len(stories)))
    for outcome, name in (("failed", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(story["outcome"] == outcome for story in stories)))
    for story in stories:
        seconds = f"{story.get('seconds', 0.0):.2f}"
        case = ElementTree.SubElement(suite, "testcase", name=story["name"], time=seconds)
        case.set("classname", "Testing.slicer")
        kind = {"failed": "failure", "error": "error", "skipped": "skipped"}.get(story["outcome"])
        if kind is not None:
            text = story["text"]
            ElementTree.SubElement(case, kind, message=text.strip().split("\n")[-1]).text = text
        ElementTree.SubElement(case, "system-out").text = story.get("said", "")
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


if __name__ == "__main__":
    sys.exit(main())
