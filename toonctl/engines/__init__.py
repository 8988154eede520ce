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
    """The engines of a task (`colorize_long`), in alphabetical order, without importing them."""
    return tuple(sorted(p.stem for p in (_HERE / task).glob("*.py") if not p.stem.startswith("_")))


def summary(task: str, name: str) -> str:
    """The first line of an engine's docstring, unimported. Raises: EngineError for an unknown name."""
    docstring = ast.get_docstring(ast.parse(_source(task, name).read_text())) or ""
    return docstring.partition("\n")[0]


def load(task: str, name: str) -> ModuleType:
    """The engine's module, whose `Engine` class does the work. Raises: EngineError for an unknown name."""
    _source(task, name)
    return import_module(f"toonctl.engines.{task}.{name}")


def _source(task: str, name: str) -> Path:
    if name not in names(task):
        known = ", ".join(names(task))
        raise EngineError(f"there is no engine `{name}` for {task}", hint=f"choose one of: {known}")
    return _HERE / task / f"{name}.py"
