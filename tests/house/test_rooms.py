"""One direction: no room imports upward, and heavy packages stay where they belong."""

import ast

import pytest

from house.source import PACKAGE, ROOMS, ROOT, files, imports, place, tree

ALLOWED = {
    "core": set(),
    "spec": {"core"},
    "formats": {"core"},
    "regions": {"core"},
    "models": {"core"},
    "weights": set(),
    "metrics": {"core", "models"},
    "stages": {"core", "spec", "formats", "regions"},
    "engines": {"core", "regions", "models"},
    "training": {"core", "spec", "formats", "regions", "models", "metrics"},
    "pipelines": {"core", "spec", "formats", "regions", "models", "metrics", "stages", "engines", "training"},
    "cli": {"core", "spec", "pipelines"},
}
"""The rooms each room may import, beside itself."""

AT_HOME = {
    "typer": {"cli"},
    "rich": {"cli"},
    "torch": {"models", "metrics", "training", "engines", "pipelines"},
    "diffusers": {"models", "engines"},
    "transformers": {"models", "engines"},
    "peft": {"models", "engines"},
    "bitsandbytes": {"models"},
    "cv2": {"formats", "regions", "metrics", "training", "engines", "stages"},
    "PIL": {"formats", "regions", "metrics", "training", "stages", "pipelines"},
    "psd_tools": {"formats"},
    "imageio_ffmpeg": {"formats"},
    "pydantic": {"spec", "pipelines"},
    "platformdirs": {"core", "spec", "cli", "pipelines", "stages", "models"},
}
"""The rooms that may import a package at all."""

NOT_AT_THE_TOP = {
    ("pipelines", "torch"),
    ("cli", "rich"),
    ("core", "platformdirs"),
    ("cli", "platformdirs"),
    ("spec", "platformdirs"),
}
"""Rooms that may import a package only where it is used: importing the room must stay cheap."""

MAX_LINES = 600


def test_every_room_is_in_the_table() -> None:
    assert set(ROOMS) <= set(ALLOWED)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below(room: str) -> None:
    strangers = [
        f"{place(path, line)} {name}"
        for path in files(PACKAGE / room)
        for name, line in imports(path)
        if name.startswith("toonctl.")
        and name.split(".")[1] in ROOMS
        and name.split(".")[1] not in ALLOWED[room] | {room}
    ]
    assert strangers == []


@pytest.mark.parametrize("package", AT_HOME)
def test_a_package_stays_in_its_rooms(package: str) -> None:
    strangers = [
        f"{place(path, line)} {name}"
        for path in files()
        for name, line in imports(path)
        if name.split(".")[0] == package and path.relative_to(PACKAGE).parts[0] not in AT_HOME[package]
    ]
    assert strangers == []


@pytest.mark.parametrize(("room", "package"), sorted(NOT_AT_THE_TOP))
def test_a_heavy_package_is_imported_where_it_is_used(room: str, package: str) -> None:
    early = [
        place(path, line)
        for path in files(PACKAGE / room)
        for name, line in imports(path, only_top=True)
        if name.split(".")[0] == package
    ]
    assert early == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is(room: str) -> None:
    text = ast.get_docstring(tree(PACKAGE / room / "__init__.py")) or ""
    assert "May import:" in text
    assert "Never comes in:" in text


def test_every_file_says_what_it_gives() -> None:
    assert [path for path in files() if not ast.get_docstring(tree(path))] == []


def test_no_file_is_too_long() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files()
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
    assert sorted(lengths.values())[len(lengths) * 9 // 10] < 400


def test_no_room_is_a_drawer() -> None:
    assert [path for path in files() if path.stem in ("utils", "helpers", "common", "misc")] == []


def test_events_are_in_the_published_list() -> None:
    from toonctl.cli._log import EVENTS

    unknown = [
        f"{place(path, node.lineno)} {name.value}"
        for path in files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "event"
        and node.args
        and isinstance(name := node.args[0], ast.Constant)
        and name.value not in EVENTS
    ]
    assert unknown == []


def test_no_test_is_skipped() -> None:
    skipped = [
        place(path, node.lineno)
        for path in files(ROOT / "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail", "importorskip")
    ]
    assert skipped == []
