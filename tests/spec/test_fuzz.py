"""Whatever bytes a shot file holds, it is read or refused with a place; nothing else happens."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec.shots import FLAT, LAYERED
from toonctl.core.errors import Problem, SpecError
from toonctl.spec.load import load_shot

PIECES = st.sampled_from(
    [
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "#",
        "=",
        "\n",
        ".",
        ",",
        "\\",
        "[[layer]]\n",
        "1",
        "true",
        "線",
        "\0",
        '"""',
        "nan",
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read(folder: Path, data: bytes) -> None:
    path = folder / "shot.toml"
    path.write_bytes(data)
    problems: tuple[Problem, ...] = ()
    try:
        load_shot(path, command="colorize-long")
    except SpecError as error:
        problems = error.problems
    assert all(problem.what and problem.where for problem in problems)


@given(st.sampled_from([FLAT, LAYERED]), st.integers(0, 400), st.integers(0, 12), PIECES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_shot_file(folder: Path, text: str, start: int, length: int, piece: str) -> None:
    read(folder, (text[:start] + piece + text[start + length :]).encode())


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(folder: Path, data: bytes) -> None:
    read(folder, data)
