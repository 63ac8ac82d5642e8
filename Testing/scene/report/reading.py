"""What a page and a PDF say, and whether they need anything from outside."""

import re
import zlib
from html.parser import HTMLParser


class Outside(HTMLParser):
    """Whatever in a page would need something that is not in it."""

    def __init__(self):
        super().__init__()
        self.found, self.pictures, self.words = [], 0, []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        self.found += [name for name in values if name == "src" or name.startswith("on")]
        target = values.get("href")
        if target is not None:
            self.pictures += target.startswith("data:image/png;base64,")
            self.found += [] if target.startswith("data:image/png;base64,") else [target]

    def handle_data(self, data):
        self.words.append(data)


def looked_at(path):
    parser = Outside()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def words_of_pdf(path):
    """All that a PDF holds, its streams unpacked; texts in its own fonts are there as they are."""
    raw = path.read_bytes()
    stream = re.compile(
        rb"<<([^<>]*(?:<<[^<>]*>>[^<>]*)*)>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL
    )
    unpacked = [stream.sub(rb"<<\1>>", raw)]
    for description, content in stream.findall(raw):
        if b"/Image" not in description:
            # A stream's last byte may be taken for the line break after it.
            unpack = zlib.decompressobj().decompress
            unpacked.append(unpack(content) if b"Flate" in description else content)
    return b"\n".join(unpacked).decode("latin-1")
