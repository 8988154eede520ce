"""The scripts that draw the examples, importable as they import each other."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.conftest import toonctl

__all__ = ["toonctl"]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def examples() -> Path:
    return EXAMPLES


@pytest.fixture
def draw_walk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("draw_walk")


@pytest.fixture
def draw_cut(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("draw_cut")


@pytest.fixture
def draw_small(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("draw_small")
