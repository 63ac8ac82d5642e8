"""A JSON file that proves by its last line that it is as it was written."""

from __future__ import annotations

import hashlib
import re

_SEAL = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"\n}')


def sealed(text: bytes) -> bytes:
    """A JSON object with the SHA-256 of its text as its last item.

    Args:
        text: of an object with items, indented by two blanks.
    """
    assert text.endswith(b"\n}")
    return text[:-2] + f',\n  "sha256": "{digest_of(text)}"\n}}'.encode()


def is_sealed(text: bytes) -> bool:
    """Whether a text is just what ``sealed`` gave."""
    start = text.rfind(b",\n")
    seal = _SEAL.fullmatch(text, max(start, 0))
    return seal is not None and digest_of(text[:start] + b"\n}") == seal[1].decode()


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
