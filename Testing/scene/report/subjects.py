"""Results to report on, and what a page and a PDF say."""

import re
import zlib
from html.parser import HTMLParser

from InnerEarSegLib.mrml.files import write_bundle
from InnerEarSegLib.mrml.landmarks import confirm, set_position
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.subject import subject_of
from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.types import (
    AUXILIARY,
    LANDMARKS,
    Ear,
    Findings,
    Landmark,
    ModelIdentity,
    Segmentation,
)

MODEL = ModelIdentity("Test model", "1.2.3", "ab" * 32)


def truth_of(ear) -> Segmentation:
    """A result as good as the generator's own truth."""
    marks = {
        name: Landmark(name, tuple(map(float, ras)), 0.9, 0.5)
        for name, ras in ear.landmarks.items()
    }
    volume = float(ear.labels.array.sum() * ear.labels.geometry.voxel_volume)
    found = Ear(
        ear.side, ear.labels.array, ear.labels.geometry, tuple(marks[n] for n in LANDMARKS), volume,
        auxiliary=tuple(marks[name] for name in AUXILIARY), findings=Findings(3, slice_mm=0.6),
    )  # fmt: skip
    return Segmentation((found,), MODEL, "cpu")


def saved(path, result, *cts, change=lambda scene, volume, results: None):
    """Save a scene with the result of each CT; return what the last ``change`` returned."""
    with headless_scene() as session:
        for ct in cts:
            volume = add_volume(session.scene, ct)
            add_result(session.scene, volume, result)
            returned = change(session.scene, volume, find_results(session.scene, volume))
        write_bundle(session.scene, path)
    return returned


def reviewed(synthetic_ear, tmp_path):
    """A scene in which one landmark was corrected by 0.5 mm and one confirmed."""

    def review(scene, volume, results):
        (node,) = results.landmarks.values()
        r, a, s = synthetic_ear.landmarks["oval window"]
        set_position(node, "oval window", (r + 0.3, a - 0.4, s))
        confirm(node, "oval window")
        confirm(node, "round window")
        return subject_of(scene, volume)

    path = tmp_path / "reviewed.mrb"
    return path, saved(path, truth_of(synthetic_ear), synthetic_ear.ct, change=review)


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
