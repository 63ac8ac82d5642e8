"""The panel's parts that need neither Qt nor a scene."""

import subprocess

import pytest

from InnerEarSegLib.errors import UnusableModel
from InnerEarSegLib.model.card import bundled_model, card_lines, read_card
from InnerEarSegLib.panel.worker_process import (
    LIBRARY_PARENT,
    Ending,
    LineReader,
    ProgressLine,
    judge,
    segment_command,
)
from Testing.panel.helpers import write_card

LINE = b'{"stage": "find", "fraction": 0.25, "message": "L\xc3\xb6oking"}\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_in_pieces(size):
    reader, text = LineReader(), LINE * 3
    found = [r for n in range(0, len(text), size) for r in reader.feed(text[n : n + size])]
    assert found == [ProgressLine("find", 0.25, "Löoking")] * 3


@pytest.mark.parametrize("line", [
    "nonsense", "{", "[]", "12", "null", '"a"', "{}", '{"stage": "a"}',
    '{"stage": 1, "fraction": 1, "message": "a"}',
    '{"stage": "a", "fraction": "many", "message": "a"}',
    '{"stage": "a", "fraction": NaN, "message": "a"}', "[" * 5000,
])  # fmt: skip
def test_other_lines_are_text(line):
    assert LineReader().feed(line.encode() + b"\r\n") == [line[:2000]]


def test_fractions_stay_between_0_and_1_and_a_line_without_end_does_not_fill_the_memory():
    line, reader = '{"stage": "a", "fraction": %s, "message": ""}\n', LineReader()
    found = [reader.feed((line % value).encode())[0].fraction for value in ("-3", "7")]
    assert found == [0.0, 1.0]
    for _ in range(100):
        assert reader.feed(b"x" * 10000) == []
    assert len(reader._rest) < 100_000


@pytest.mark.parametrize(
    ("code", "crashed", "stderr", "ending"),
    [
        (0, False, "a warning", Ending.DONE),
        (3, False, "", Ending.NO_EAR),
        (130, False, "", Ending.CANCELLED),
        (2, False, "innerearseg: no.", Ending.UNUSABLE),
        (2, False, "", Ending.FAILED),
        (1, False, "torch.OutOfMemoryError: CUDA out of memory.", Ending.OUT_OF_MEMORY),
        (1, False, "RuntimeError: MPS backend out of memory", Ending.OUT_OF_MEMORY),
        (1, False, "ModuleNotFoundError: No module named 'torch'", Ending.NO_TORCH),
        (1, False, "ModuleNotFoundError: No module named 'torchvision'", Ending.FAILED),
        (9, True, "", Ending.FAILED),
        (-1, False, "No such file", Ending.FAILED),
    ],
)
def test_how_a_run_ended(code, crashed, stderr, ending):
    outcome = judge(code, crashed, stderr)
    assert outcome.ending is ending
    assert "\n" not in outcome.sentence and (outcome.sentence or ending is Ending.DONE)


def test_the_worker_is_the_command_line(tmp_path):
    command = segment_command(tmp_path, "cuda:1", tmp_path / "m.pt")
    assert command[1:4] == ["-m", "InnerEarSegLib", "segment"]
    assert command[-4:] == ["--json-progress", "--plain", "--model", str(tmp_path / "m.pt")]
    assert (LIBRARY_PARENT / "InnerEarSegLib" / "__main__.py").is_file()
    ended = subprocess.run(command, cwd=LIBRARY_PARENT, capture_output=True, text=True)
    assert ended.returncode == 2 and judge(2, False, ended.stderr).ending is Ending.UNUSABLE


def test_card_of_a_model(tmp_path):
    path = tmp_path / "model.pt"
    dice = {"summary": {"dice": {"mean": 0.97, "worst": 0.96, "cases": 3}}}
    write_card(path, name="A", version="2", landmarks=["helicotrema", "secret"], metrics=dice)
    lines = dict(card_lines(read_card(path)))
    assert lines["In use"] == "A, version 2" and lines["Finds"] == "helicotrema"
    assert lines["Dice, held out"] == "0.970, worst 0.960 of 3 cases"
    bundled = dict(card_lines(read_card(bundled_model())))
    assert "of 15 cases" in bundled["Landmarks, cross-validated"]
    assert bundled["Dice, cross-validated"].endswith("of 14 cases")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"text"])
def test_files_that_are_no_model(tmp_path, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(UnusableModel, match=r"model\.pt"):
        read_card(path)
    with pytest.raises(UnusableModel, match="cannot be read"):
        read_card(tmp_path / "nothing.pt")
    write_card(path, schema=99)
    with pytest.raises(UnusableModel, match="schema 99"):
        read_card(path)
