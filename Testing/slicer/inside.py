"""Runs in Slicer: ``--python-script inside.py``, started by ``run.py``."""

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

MODULES = ("stories_of_a_run", "stories_of_a_review", "stories_of_a_scene")


def main() -> int:
    """Run the stories one after the other; return Slicer's exit status."""
    from Testing.slicer.application import Application, NotRun

    output = Path(os.environ["INNEREARSEG_OUTPUT"])
    only = os.environ["INNEREARSEG_STORIES"].split()
    stories = [
        story
        for module in MODULES
        for story in importlib.import_module(f"Testing.slicer.{module}").STORIES
        if not only or story.__name__ in only
    ]
    application = Application(output, float(os.environ["INNEREARSEG_STALL"]))
    failed = False
    with (output / "stories.jsonl").open("a", encoding="utf-8") as lines:

        def write(story, outcome, **more):
            print(json.dumps({"name": story.__name__, "outcome": outcome, **more}), file=lines)
            lines.flush()

        for story in stories:
            write(story, "planned")
        for story in stories:
            write(story, "started")
            started, text, outcome = time.monotonic(), "", "passed"
            try:
                application.begin()
                story(application)
                application.end()
            except NotRun as reason:
                outcome, text = "skipped", f"Not run: {reason}"
            except Exception:
                outcome, text, failed = "failed", traceback.format_exc(), True
            application.stop()
            application.picture(story.__name__)
            said = "\n".join(application.said)
            seconds = round(time.monotonic() - started, 2)
            write(story, outcome, text=text, seconds=seconds, said=said)
    return int(failed)


def run() -> None:
    """Tell Slicer to end with the stories' status, whatever happens."""
    import slicer

    status = 1
    try:
        status = main()
    except BaseException:
        traceback.print_exc()
    slicer.util.exit(status)


if __name__ == "__main__":
    import qt

    qt.QTimer.singleShot(500, run)  # once Slicer has started
