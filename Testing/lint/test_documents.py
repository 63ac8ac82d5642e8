"""What the documents name exists: files behind links, and those that CONTRIBUTING.md names."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PLACES = ("", "InnerEarSegLib", "Testing/command_line")
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "Testing/**/*.md", "Resources/**/*.md")
    for path in REPOSITORY.glob(pattern)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_contributing_names_files_that_exist():
    """A newcomer goes there: all names with an ending or a final slash in the two tables."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tables = text[text.index("## The layers") : text.index("## Glossary")]
    missing, folder = [], ""
    for cell in re.split(r"[|\n]", tables):
        for name in re.findall(r"`([\w./*-]+(?:\.\w+|/))`", cell):
            if name in ("cli/NAME_command.py", "result.json"):
                continue
            # "`panel/run_section.py`, `review_section.py`": the folder of the name before.
            tried = [f"{place}/{name}".strip("/") for place in (*PLACES, folder)]
            if not any(list(REPOSITORY.glob(one)) for one in tried):
                missing.append(name)
            folder = f"InnerEarSegLib/{Path(name).parent}" if "/" in name else folder
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_commands_are_for_everybody(path):
    """The dataset is in $DATA; only CONTRIBUTING.md says where the tests look for it."""
    if path.name in ("CONTRIBUTING.md", "InnerEarSeg.md"):  # the card quotes what was run
        pytest.skip("may name ../shared")
    assert "../shared" not in path.read_text(encoding="utf-8")


def test_the_tutorial_is_short_and_names_the_sample_as_slicer_does():
    text = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 700
    source = REPOSITORY / "InnerEarSegLib" / "panel" / "sample_data.py"
    (sample,) = re.findall(r'^SAMPLE = .*"(.+)"$', source.read_text(encoding="utf-8"), re.M)
    assert f"click *{sample}*" in text


def test_terms_that_the_glossary_rules_out_are_not_used():
    """Those of two words: most single ones have another meaning, too."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    ruled_out = re.findall(r"Not \*(\w+ \w+)\*", text)
    sources = [*DOCUMENTS, *(REPOSITORY / "InnerEarSegLib").rglob("*.py")]
    used = [
        (path.name, term)
        for path in sources
        for term in ruled_out
        if term in path.read_text(encoding="utf-8") and path.name != "CONTRIBUTING.md"
    ]
    assert len(ruled_out) > 1 and used == []
