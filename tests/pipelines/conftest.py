"""The command in this process, and one shot delivered by it for all to compare with."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from engines.toys import AtOnce
from pipelines.toyshot import rolling
from toonctl.cli import build_app
from toonctl.stages import pool

Toonctl = Callable[..., Result]


@contextmanager
def done_at_once() -> Generator[None]:
    """Workers' work is done on the spot: a forked pytest could hang in torch."""

    @contextmanager
    def at_once(_n_workers: int | None) -> Generator[AtOnce]:
        yield AtOnce()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "worker_pool", at_once)
        yield


@pytest.fixture
def toonctl() -> Generator[Toonctl]:
    """Runs a command here."""

    def run(command: str, *arguments: str | Path, code: int = 0) -> Result:
        words = [command, *map(str, arguments)]
        result = CliRunner().invoke(build_app(command), words)
        assert result.exit_code == code, (result.output, result.exception)
        assert "Traceback" not in result.output
        return result

    with done_at_once():
        yield run


@dataclass(frozen=True)
class Whole:
    """The toy shot, its delivery, and the document that the command printed."""

    path: Path
    root: Path
    document: Any


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    path = rolling(folder)
    with done_at_once():
        done = CliRunner().invoke(build_app("colorize-long"), ["colorize-long", str(path), "--json"])
    assert done.exit_code == 0, done.output
    return Whole(path, folder / "out" / "roll", json.loads(done.stdout))
