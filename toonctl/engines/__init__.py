"""Who draws: one folder per task, one file per backbone, found by file name.

May import: core, regions, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines.
"""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

from toonctl.core.errors import EngineError

_HERE = Path(__file__).parent


def names(task: str) -> tuple[str, ...]:
    """The engines of a task (`colorize_long`), in alphabetical order, without importing them.

    An engine `wan-flf2v` lives in `wan_flf2v.py`.
    """
    stems = (path.stem for path in (_HERE / task).glob("*.py") if not path.stem.startswith("_"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems))


def summary(task: str, name: str) -> str:
    """The first line of an engine's docstring, unimported. Raises: EngineError for an unknown name."""
    docstring = ast.get_docstring(ast.parse(_source(task, name).read_text())) or ""
    return docstring.partition("\n")[0]


def needs_cuda(task: str, name: str) -> bool:
    """Whether an engine wants a GPU, unimported. Raises: EngineError for an unknown name."""
    tree = ast.parse(_source(task, name).read_text())
    needs = [node.value for node in tree.body if isinstance(node, ast.Assign) and _names(node) == ["NEEDS"]]
    return any(
        isinstance(key, ast.Constant) and key.value == "cuda" and ast.literal_eval(value) is True
        for table in needs
        if isinstance(table, ast.Dict)
        for key, value in zip(table.keys, table.values, strict=True)
    )


def load(task: str, name: str) -> ModuleType:
    """The engine's module, whose `Engine` class does the work. Raises: EngineError for an unknown name."""
    return import_module(f"toonctl.engines.{task}.{_source(task, name).stem}")


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _source(task: str, name: str) -> Path:
    if name not in names(task):
        known = ", ".join(names(task))
        raise EngineError(f"there is no engine `{name}` for {task}", hint=f"choose one of: {known}")
    return _HERE / task / f"{name.replace('-', '_')}.py"
