"""The worker's sentences in the panel's words: it is a command line program and names options."""

from __future__ import annotations

_WORDS = (
    ("choose another --output", "choose another file"),
    ("--output needs a file", "the report needs a file"),
    ("--pdf makes", "“PDF too” makes"),
    ("use --device cpu", "choose the CPU under Options"),
)


def in_panel_words(sentence: str) -> str:
    """A sentence of the worker without the names of its options."""
    for option, words in _WORDS:
        sentence = sentence.replace(option, words)
    return sentence
