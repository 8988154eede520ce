"""What the cache keeps: whole, bounded, shared by processes, and never worth an error."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toonctl.core.cache import Shelf, cache_folder

WRITER = """
import sys
from toonctl.core.cache import Shelf
for turn in range(150):
    Shelf("x", 10**9).put("shared", bytes([int(sys.argv[1])]) * (50_000 + turn))
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path))
    return Shelf("x", 10_000)


def test_what_was_put_is_got(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.get("a") is None
    shelf.put("a", b"one")
    shelf.put("b", b"")
    shelf.put("a", b"two")
    assert (shelf.get("a"), shelf.get("b")) == (b"two", b"")
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["a", "b"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_damaged_entry_is_none_and_made_again(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, data: bytes, hurt: st.DataObject
) -> None:
    shelf.put("a", data)
    path = cache_folder() / "x" / "a"
    whole = bytearray(path.read_bytes())
    at = hurt.draw(st.integers(0, len(whole) - 1))
    if hurt.draw(st.booleans()):
        whole[at] ^= hurt.draw(st.integers(1, 255))
    else:
        del whole[at:]
    path.write_bytes(whole)
    caplog.clear()
    assert shelf.get("a") is None
    assert [(r.levelno, str(path) in r.getMessage()) for r in caplog.records] == [(logging.WARNING, True)]
    assert not path.exists()
    shelf.put("a", data)
    assert shelf.get("a") == data


def test_the_longest_unused_makes_room(shelf: Shelf, tmp_path: Path) -> None:
    for number in range(20):
        shelf.put(f"{number:02}", bytes(1000))
        os.utime(tmp_path / "x" / f"{number:02}", ns=(number, number))
    shelf.get("01")  # so it was used last
    Shelf("x", 10_000).put("new", bytes(1000))  # the first a process adds makes it look
    left = sorted(path.name for path in (tmp_path / "x").iterdir())
    assert sum(path.stat().st_size for path in (tmp_path / "x").iterdir()) <= 10_000
    assert {"01", "19", "new"} <= set(left)
    assert not {"00", "02", "10"} & set(left)


def test_an_entry_as_large_as_the_shelf_is_not_kept(shelf: Shelf) -> None:
    shelf.put("a", bytes(5_000))
    assert shelf.get("a") is None


def test_a_folder_that_takes_no_file_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path / "file"))
    shelf = Shelf("x", 10_000)
    shelf.put("a", b"one")
    assert shelf.get("a") is None


def test_processes_share_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote last: what is read is whole."""
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(number)]) for number in (1, 2)]
    seen: set[int] = set()
    while any(writer.poll() is None for writer in writers):
        data = Shelf("x", 10**9).get("shared")
        if data:
            assert len(set(data)) == 1
            seen.add(data[0])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["shared"]
