"""Layers import from layers below, also inside functions, and never in a circle."""

import ast
import graphlib
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "InnerEarSegLib"

LAYERS = (
    "__main__",
    "cli",
    "ablation",
    "evaluation",
    "training",
    "panel",
    "__init__",  # the public names, imported lazily
    "library",
    "mrml",
    "archive",
    "report batch",
    "cochlea",
    "segmentation synthetic",
    "model io",
    "parallel",
    "progress process types",
    "interrupts",
    "errors",
)
"""From top to bottom; within a layer one may import another, but not each other."""

UNSEEN = ("__main__", "panel", "__init__")
"""Sub-packages that no other imports; only ``__version__`` is read from ``__init__``."""

LAYER_OF = {package: number for number, layer in enumerate(LAYERS) for package in layer.split()}

Import = tuple[str, str, str]
"""Sub-package, the one that it imports, and where."""


def imports(library: Path) -> list[Import]:
    """All imports between sub-packages, lazy ones and those for type checking too."""
    found = []
    for path in sorted(library.rglob("*.py")):
        package = (library.name, *path.relative_to(library).parts[:-1])
        one = path.relative_to(library).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in _targets(node, package):
                other = target[1] if len(target) > 1 else "__init__"
                if other == "__version__":
                    continue
                if not ((library / other).is_dir() or (library / f"{other}.py").is_file()):
                    other = "__init__"
                if other != one:
                    where = f"{path.relative_to(library).as_posix()}:{getattr(node, 'lineno', 0)}"
                    found.append((one, other, where))
    return found


def _targets(node: ast.AST, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Full names that a statement imports from the library."""
    if isinstance(node, ast.Import):
        names = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        start = package[: len(package) + 1 - node.level] if node.level else ()
        module = (*start, *(node.module.split(".") if node.module else ()))
        names = [(*module, alias.name) for alias in node.names]
    else:
        return []
    return [name for name in names if name[0] == package[0]]


def violations(library: Path) -> list[str]:
    """One line for each import that goes up, and for a circle."""
    found, graph = [], {}
    for one, other, where in imports(library):
        unknown = {one, other} - LAYER_OF.keys()
        if unknown:
            found.append(f"{where}: {unknown.pop()} has no place in LAYERS of this test")
        elif LAYER_OF[other] < LAYER_OF[one] or other in UNSEEN:
            found.append(f"{where}: {one} imports {other}, which is above it")
        graph.setdefault(one, set()).add(other)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found.append(f"a circle: {' <- '.join(error.args[1])}")
    return found


def test_layers_import_downwards():
    assert len(imports(LIBRARY)) > 300, "the imports were not found"
    assert violations(LIBRARY) == []


@pytest.mark.parametrize(
    ("path", "line", "complaint"),
    [
        ("io/volume.py", "from ..model.card import CARD_SCHEMA", "a circle: io"),
        ("io/volume.py", "from .. import segmentation", "io imports segmentation"),
        ("cochlea/frame.py", "import InnerEarSegLib.mrml.scene", "cochlea imports mrml"),
        ("types/ear.py", "def f():\n    from ..io import volume", "types imports io"),
        ("report/page.py", "if TYPE_CHECKING:\n    from ..mrml import x", "report imports mrml"),
        ("cli/main.py", "from ..panel.panel import Panel", "cli imports panel"),
        ("batch/new.py", "from InnerEarSegLib import read_ct", "batch imports __init__"),
        ("drawer/new.py", "from ..io import volume", "drawer has no place"),
        ("io/volume.py", "from ..types import Volume\nfrom .. import __version__", ""),
    ],
)
def test_an_import_upwards_is_found(tmp_path, path, line, complaint):
    library = tmp_path / "InnerEarSegLib"
    names = [name for layer in LAYERS for name in layer.split()]
    for name in names:
        (library / name).mkdir(parents=True)
    (library / "model" / "inference.py").write_text("from ..io.volume import read_ct\n")
    (library / path).parent.mkdir(exist_ok=True)
    (library / path).write_text(line + "\n", encoding="utf-8")
    found = violations(library)
    assert (complaint in found[0]) if complaint else found == []
    assert len(found) == bool(complaint)
