"""The worker's sentences in the panel's words: it is a command line program and names options."""

from __future__ import annotations

_WORDS = (
    ("choose another --output", "choose another file"),
    ("--output needs a file", "the report needs a file"),
    ("--pdf makes", "“PDF too” makes"),
    ("use --device cpu", "choose the CPU under Options"),
)

_NOTE = "Note: "


def in_panel_words(sentence: str) -> str:
    """A sentence of the worker without the names of its options."""
    for option, words in _WORDS:
        sentence = sentence.replace(option, words)
    return sentence


def notes_in(stderr: str) -> list[str]:
    """What a worker that has done its work wants to be known, a sentence each."""
    lines = (line.strip() for line in stderr.splitlines())
    return [in_panel_words(line) for line in lines if line.startswith(_NOTE)]
