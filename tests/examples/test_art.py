"""The examples' art: what the scripts draw lies there, is small, closed, and colored by its reference."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from psd_tools import PSDImage

from toonctl.formats.xdts import read_xdts
from toonctl.spec.load import load_shot

LIMIT_BYTES = 3_300_000
SPECK_PX = 12  # slivers below this take any color


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def mixed_regions(
    line: NDArray[np.uint8], color: NDArray[np.int64], threshold: int
) -> list[tuple[int, int, int]]:
    """Position and size of every enclosed region where over 3 % of the pixels have a second color."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats(
        (line < threshold).astype(np.uint8), connectivity=4
    )
    mixed: list[tuple[int, int, int]] = []
    for label in range(1, n):
        x, y, width, height, area = (int(value) for value in stats[label])
        box = (slice(y, y + height), slice(x, x + width))
        main = np.bincount(color[box][labels[box] == label]).max()
        if area >= SPECK_PX and area - main > max(8, 0.03 * area):
            mixed.append((x, y, area))
    return mixed


def test_everything_together_is_small(examples: Path) -> None:
    folders = [examples / name for name in ("walk", "cut", "jump", "cup", "dive")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files = [path for path in files if "out" not in path.relative_to(examples).parts]
    assert sum(path.stat().st_size for path in files) < LIMIT_BYTES


@pytest.mark.parametrize("shot", ["walk", "cut"])
def test_the_shot_file_is_valid_and_its_files_are_there(examples: Path, shot: str) -> None:
    loaded = load_shot(examples / shot / "shot.toml", command="colorize-long")
    named = [loaded.spec.art.psd, loaded.spec.art.sheet]
    named += [path for each in loaded.spec.references for path in (each.image, each.psd)]
    assert all((examples / shot / path).is_file() for path in named if path is not None)


@pytest.mark.parametrize("frame", [1, 2, 52, 61, 80, 96])
def test_the_walk_is_what_its_script_draws(examples: Path, draw_walk: ModuleType, frame: int) -> None:
    drawn = draw_walk.inked(draw_walk.draw_walk(frame))
    assert np.array_equal(drawn, pixels(examples / f"walk/line/walk.{frame:04d}.png"))
    assert len(np.unique(drawn)) <= 16


def test_the_walk_reference_is_frame_1_and_shows_every_color(examples: Path, draw_walk: ModuleType) -> None:
    sheet = draw_walk.draw_walk(1)
    assert np.array_equal(draw_walk.colored(sheet), pixels(examples / "walk/color/walk.0001.png"))
    shown = np.unique(sheet.indices()[sheet.coverage(sheet.ink) < 64])
    assert shown.tolist() == list(range(len(draw_walk.palette())))


def test_the_walk_has_96_frames_on_ones_twos_and_a_hold(examples: Path) -> None:
    files = sorted((examples / "walk" / "line").iterdir())
    drawings = [path.read_bytes() for path in files]
    runs = np.diff([0, *(i for i in range(1, 96) if drawings[i] != drawings[i - 1]), 96])
    assert len(files) == 96
    assert set(runs.tolist()) == {1, 2, 8}


@pytest.mark.parametrize("frame", [1, 39, 49, 62, 96])
def test_the_walk_is_closed(draw_walk: ModuleType, frame: int) -> None:
    sheet = draw_walk.draw_walk(frame)
    for threshold in (64, 128):
        assert mixed_regions(sheet.coverage(sheet.ink), sheet.indices().astype(np.int64), threshold) == []


@pytest.mark.parametrize(("cel", "number"), [("A", "1"), ("A", "3"), ("A", "7"), ("B", "4")])
def test_the_cut_is_closed(draw_cut: ModuleType, cel: str, number: str) -> None:
    sheet = draw_cut.DRAWINGS[cel][0](number)
    line = np.max([sheet.coverage(plane) for plane in (sheet.ink, sheet.red, sheet.blue)], axis=0)
    color = sheet.indices().astype(np.int64) * 2 + sheet.shades()
    assert mixed_regions(line, color, 64) == []


def test_the_keys_hold_what_their_script_draws(examples: Path, draw_cut: ModuleType) -> None:
    keys = PSDImage.open(examples / "cut" / "cut001_keys.psd")
    groups = {group.name: group for group in keys}
    assert {name: [child.name for child in group] for name, group in groups.items()} == {
        name: list(numbers) for name, (_, numbers) in draw_cut.DRAWINGS.items()
    }
    drawing = groups["A"][2]
    assert [layer.name for layer in drawing] == ["色トレス", "線"]
    sheet = draw_cut.draw_bear("3")
    for layer, expected in zip(
        drawing,
        (draw_cut.trace_of(sheet), draw_cut.tinted(sheet.coverage(sheet.ink), draw_cut.INK)),
        strict=True,
    ):
        left, top, right, bottom = layer.bbox
        stored = np.asarray(layer.topil())
        assert np.array_equal(stored, expected[top:bottom, left:right])
        assert expected[..., 3].sum() == stored[..., 3].sum()


def test_the_still_shows_every_color_of_the_cut(examples: Path, draw_cut: ModuleType) -> None:
    still = PSDImage.open(examples / "cut" / "cut001_0001.psd")
    names = [
        [layer.name, *(child.name for child in layer)] if layer.is_group() else layer.name for layer in still
    ]
    bear = ["A", "A_paint", "A_shadow", "A_trace", "A_line"]
    assert names == ["BG", bear, ["B", "B_paint", "B_line"], "BOOK1"]
    for draw, numbers in draw_cut.DRAWINGS.values():
        first, *others = [draw(number) for number in numbers]
        for sheet in others:
            assert set(np.unique(sheet.indices())) <= set(np.unique(first.indices()))


def test_the_sheet_is_what_its_script_writes(examples: Path, draw_cut: ModuleType) -> None:
    path = examples / "cut" / "cut001.xdts"
    assert path.read_text("utf-8") == draw_cut.sheet_text()
    sheet = read_xdts(path)
    assert sheet.n_frames == 72
    for cel, shown in sheet.exposures.items():
        assert [name or "" for name in shown] == draw_cut.exposed(cel)
    assert sheet.marks == {"A": {17: "tick_1"}, "B": {24: "tick_2"}}
    assert json.loads(path.read_text("utf-8").split("\n", 1)[1])["version"] == 5


def test_the_truth_is_written_per_drawing(
    draw_cut: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_cut, "DRAWINGS", {"B": (draw_cut.draw_cake, ("1", "5"))})
    draw_cut.write_truth(tmp_path)
    assert np.array_equal(pixels(tmp_path / "B/B0005.png"), draw_cut.painted(draw_cut.draw_cake("5")))
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["B0001.png"] * 3 + ["B0005.png"] * 3
