"""Compares the explicit lists in the CMakeLists.txt files with the tree.

``python Testing/lint/cmake_lists.py`` prints what is missing or too many, and exits with 1 if
anything is; with ``--write`` it brings the lists up to date, sorted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
IGNORED = ("__pycache__", ".pyc", ".DS_Store", "CMakeLists.txt")


class FileList(NamedTuple):
    """One ``set(NAME ...)`` of a CMakeLists.txt, and what belongs into it."""

    cmake: str  # path of the CMakeLists.txt
    name: str
    top: str  # folder below that of the CMakeLists.txt that the list covers; "" for all of it
    scripts: bool  # whether it lists Python files, or all others


LISTS = (
    FileList("CMakeLists.txt", "MODEL_FILES", "Resources/Models", False),
    FileList("InnerEarSeg/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("InnerEarSeg/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "Resources", False),
    FileList("InnerEarSegLib/CMakeLists.txt", "LIBRARY_PYTHON_SCRIPTS", "", True),
    FileList("InnerEarSegLib/CMakeLists.txt", "LIBRARY_PYTHON_RESOURCES", "", False),
)


def listed(which: FileList, root: Path = REPOSITORY) -> list[str]:
    """The files that the CMakeLists.txt names."""
    match = _block(which).search((root / which.cmake).read_text(encoding="utf-8"))
    if not match:
        raise ValueError(f"{which.cmake} has no set({which.name} ...)")
    return match[2].split()


def in_tree(which: FileList, root: Path = REPOSITORY) -> list[str]:
    """The files that belong into the list."""
    folder = (root / which.cmake).parent
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / which.top).rglob("*")
        if path.is_file()
        and (path.suffix == ".py") == which.scripts
        and not any(part.endswith(IGNORED) for part in path.parts)
    )


def differences(root: Path = REPOSITORY) -> Iterator[str]:
    """One line for each file that is in a list or in the tree only, or listed twice."""
    for which in LISTS:
        names, files = listed(which, root), in_tree(which, root)
        for name in sorted(set(files) - set(names)):
            yield f"{which.cmake}: {which.name} lacks {name}"
        for name in sorted(set(names) - set(files)):
            yield f"{which.cmake}: {which.name} names {name}, which does not exist"
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"{which.cmake}: {which.name} names {name} twice"


def write(root: Path = REPOSITORY) -> None:
    """Bring all lists up to date."""
    for which in LISTS:
        path = root / which.cmake
        lines = "".join(f"  {name}\n" for name in in_tree(which, root))
        text = path.read_text(encoding="utf-8")
        path.write_text(_block(which).sub(rf"\g<1>\n{lines}  )", text), encoding="utf-8")


def _block(which: FileList) -> re.Pattern[str]:
    return re.compile(rf"(set\({which.name}\b)([^)]*)\)")


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        write()
    found = list(differences())
    print("\n".join(found) or "The CMake lists fit the tree.")
    sys.exit(bool(found))
