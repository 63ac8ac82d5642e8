"""No module of the product grows too long to be read as a whole."""

from .cmake_lists import REPOSITORY

MOST_LINES = 400


def test_modules_are_short():
    modules = [*REPOSITORY.glob("InnerEarSeg/**/*.py"), *REPOSITORY.glob("InnerEarSegLib/**/*.py")]
    lines = {str(path): path.read_text(encoding="utf-8").count("\n") for path in modules}
    assert len(lines) > 100
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
