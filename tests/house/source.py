"""The package's own source, parsed."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toonctl"
ROOMS = tuple(sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))


def files(folder: Path = PACKAGE) -> list[Path]:
    """Every Python file in `folder`."""
    return sorted(folder.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"), str(path))


@cache
def imports(path: Path, *, only_top: bool = False) -> tuple[tuple[str, int], ...]:
    """Every module a file imports, with its line; `only_top` leaves out those inside functions and blocks."""
    return tuple(_imports(path, only_top))


def _imports(path: Path, only_top: bool) -> Iterator[tuple[str, int]]:
    nodes = tree(path).body if only_top else ast.walk(tree(path))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports by a relative name"
            assert node.module is not None
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def place(path: Path, line: int) -> str:
    """`toonctl/cli/_run.py:12`."""
    return f"{path.relative_to(ROOT).as_posix()}:{line}"
