"""Art and weights that cannot be used: the exit code, what is said, and what stays as it was."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.conftest import Toonctl
from pipelines.toyshot import BARE, frame, rolling
from toonctl.engines.cel import worker


@pytest.fixture(autouse=True)
def fresh_matcher() -> Iterator[None]:
    """The matcher is made once a process; broken weights must be met, and not be remembered."""
    yield
    worker.matcher.cache_clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return rolling(tmp_path, n=4, output=BARE)


def test_every_missing_frame_is_named(path: Path, toonctl: Toonctl) -> None:
    for number in (2, 3):
        (path.parent / f"line/roll.{number:04d}.png").unlink()
    said = toonctl("colorize-long", path, code=4).stderr
    assert "roll.0002.png" in said
    assert "roll.0003.png" in said
    assert "hint:" in said
    assert not (path.parent / "out/roll/frames").exists()


def test_pictures_of_different_sizes_are_named(path: Path, toonctl: Toonctl) -> None:
    cv2.imwrite(str(path.parent / "line/roll.0003.png"), np.full((48, 80), 255, np.uint8))
    said = toonctl("colorize-long", path, code=4).stderr
    assert "roll.0003.png" in said
    assert "80 x 48" in said
    assert "160 x 96" in said


def test_all_problems_are_told_at_once(path: Path, toonctl: Toonctl) -> None:
    (path.parent / "bg.png").write_bytes(b"no picture")
    (path.parent / "color/roll.0001.png").unlink()
    said = toonctl("colorize-long", path, code=4).stderr
    assert "bg.png" in said
    assert "color/roll.0001.png" in said.replace("`", "")


@pytest.mark.parametrize("kept", [0, 20, 200])
def test_a_damaged_picture_is_named_and_the_rest_kept(path: Path, toonctl: Toonctl, kept: int) -> None:
    toonctl("colorize-long", path, "--frames", "1-2")
    art = path.parent / "line/roll.0004.png"
    art.write_bytes(art.read_bytes()[:kept])
    assert "roll.0004.png" in toonctl("colorize-long", path, "--frames", "3-4", code=4).stderr
    assert frame(path.parent / "out/roll", 2).any()


def test_an_empty_reference_colors_nothing(path: Path, toonctl: Toonctl) -> None:
    empty = np.zeros((96, 160, 4), np.uint8)
    cv2.imwrite(str(path.parent / "color/roll.0001.png"), empty)
    toonctl("colorize-long", path)
    assert frame(path.parent / "out/roll", 2)[..., :3].max() <= 20  # nothing but the line


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04\x95 a pickle", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"],
    ids=["empty", "pickle", "noise", "without tensors"],
)
def test_broken_weights_are_refused(
    path: Path, toonctl: Toonctl, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    toonctl("colorize-long", path)
    out = path.parent / "out/roll"
    before = {
        file: file.read_bytes() for file in out.rglob("*") if file.is_file() and file.suffix != ".jsonl"
    }
    (path.parent / worker.WEIGHTS).write_bytes(content)
    monkeypatch.setattr(worker, "files", lambda _package: path.parent)
    worker.matcher.cache_clear()
    said = toonctl("colorize-long", path, "--overwrite", code=6).stderr
    assert worker.WEIGHTS in said
    assert before == {file: file.read_bytes() for file in before}
    assert out / "manifest.json" in before


def test_absent_weights_leave_the_other_matcher(
    path: Path, toonctl: Toonctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "files", lambda _package: path.parent)
    worker.matcher.cache_clear()
    said = toonctl("colorize-long", path, code=6).stderr
    assert "engine.matcher=geometric" in said
    toonctl("colorize-long", path, "--set", "engine.matcher=geometric")
    assert frame(path.parent / "out/roll", 4).any()


def test_the_weights_lie_in_the_package() -> None:
    assert resources.files("toonctl.weights").joinpath(worker.WEIGHTS).is_file()
