"""``run.py`` with programs in Slicer's place: passing, failing, hanging and crashing ones."""

import json
import os
import stat
import sys
from xml.etree import ElementTree

import pytest

from Testing.slicer import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the program is a script")

BEGIN = f"""#!{sys.executable}
import json, os, sys, time
from pathlib import Path

def say(name, outcome, **more):
    with Path(os.environ["INNEREARSEG_OUTPUT"], "stories.jsonl").open("a") as lines:
        print(json.dumps(dict(name=name, outcome=outcome, **more)), file=lines)

for name in ("one", "two"):
    say(name, "planned")
say("one", "started")
say("one", "passed", text="", seconds=1.5, said="longest stall: 0.10 s")
say("two", "started")
"""


@pytest.fixture
def slicer(tmp_path, monkeypatch):
    """Runs a script in Slicer's place; returns the exit status and the JUnit file's test cases."""
    monkeypatch.setenv("DISPLAY", ":0")  # no Xvfb is needed
    monkeypatch.setattr(run, "START_SECONDS", 1.5)
    monkeypatch.setattr(run, "SILENT_SECONDS", 1.5)
    monkeypatch.setattr(run, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(run, "LEAVE_SECONDS", 0.1)

    def start(ending):
        program = tmp_path / "Slicer"
        program.write_text(BEGIN + ending)
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        output = tmp_path / "out"
        status = run.main(["--slicer", str(program), "--output", str(output)])
        return status, list(ElementTree.parse(output / "junit.xml").getroot())

    return start


def outcome(case):
    kinds = [child.tag for child in case if child.tag != "system-out"]
    return case.get("name"), kinds[0] if kinds else "passed"


def test_all_pass(slicer):
    status, cases = slicer('say("two", "passed", text="", seconds=0.5, said="")')
    assert status == 0 and [*map(outcome, cases)] == [("one", "passed"), ("two", "passed")]
    assert cases[0].findtext("system-out") == "longest stall: 0.10 s"


def test_one_fails_and_one_is_not_run(slicer):
    status, cases = slicer(
        'say("two", "failed", text="AssertionError: 1.0 mm", seconds=0.5, said="")\n'
        'say("three", "skipped", text="Not run: no keys", seconds=0.0, said="")\nsys.exit(1)'
    )
    assert status == 1
    assert [*map(outcome, cases)][1:] == [("two", "failure"), ("three", "skipped")]
    assert cases[1].find("failure").get("message") == "AssertionError: 1.0 mm"


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("time.sleep(600)", "and was killed"),
        ("os.abort()", "ended with status -6"),
        (
            'Path(os.environ["TMPDIR"], "ies-12-a").mkdir(parents=True)',
            "left temporary folders behind: ies-12-a",
        ),
        ("import subprocess; subprocess.Popen(['sleep', '600'])", "left a process behind"),
    ],
)
def test_a_bad_end(slicer, ending, text):
    status, cases = slicer('say("four", "planned")\n' + ending)
    assert status == 1
    assert [*map(outcome, cases)] == [
        ("one", "passed"), ("two", "error"), ("four", "skipped"), ("Slicer's end", "error"),
    ]  # fmt: skip
    assert text in cases[-1].find("error").text


def test_slicer_ends_with_the_runner(slicer, tmp_path, monkeypatch):
    def interrupted(process, output):
        raise KeyboardInterrupt

    ended = []
    monkeypatch.setattr(run, "_watch", interrupted)
    monkeypatch.setattr(run, "_kill", lambda process: ended.append(process.kill()))
    with pytest.raises(KeyboardInterrupt):
        slicer("time.sleep(600)")
    assert len(ended) == 1


def test_nothing_was_run(slicer, tmp_path, capsys):
    status, cases = slicer("")
    stories = tmp_path / "out" / "stories.jsonl"
    assert json.loads(stories.read_text().splitlines()[-1])["outcome"] == "started"
    assert status == 1 and outcome(cases[1]) == ("two", "error")
    assert run.main(["--slicer", str(tmp_path / "missing")]) == 2
    assert "is no program" in capsys.readouterr().err
