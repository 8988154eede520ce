"""palette.json and doubts.json: names, counts, ranking."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotkit import color_model
from toonctl.core.types import Doubt
from toonctl.stages.notes import (
    DrawingNote,
    PaletteNote,
    read_note,
    read_palette_note,
    write_note,
    write_palette_note,
)
from toonctl.stages.palette import LayerColors, hex_color, pick_by_hand, write_doubts, write_palette
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import OutputTree

SURE = DrawingNote("A", "1", 3, {1: 2, 3: 1})
DOUBT = Doubt(2, (10, 20, 30, 40), 900, 3, 1, 0.25, False)
TIMELINE = Timeline(1, 6, ("A",), {"A": ("1", "1", "2", "2", None, "1")})


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    return OutputTree.of(tmp_path, None, "walk")


def colors(*notes: DrawingNote) -> LayerColors:
    return LayerColors(PaletteNote("A", color_model(), {"doubt_below": 0.5}), notes)


def doubtful(name: str, *areas: int, pair: tuple[int, int] = (3, 1)) -> DrawingNote:
    made = tuple(replace(DOUBT, area_px=area, color=pair[0], runner_up=pair[1]) for area in areas)
    return DrawingNote("A", name, 3, {1: 1}, made)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_palette_names_every_color_and_what_it_is_mixed_from(tree: OutputTree) -> None:
    write_palette(tree, {"A": colors(SURE)})
    (layer,) = load(tree.palette)["layers"]
    assert layer["drawings"] == {"1": {"color_01": 2, "color_03": 1}}
    shade = layer["colors"][3]
    assert (shade["name"], shade["hex"], shade["rgba"]) == ("color_03", "#BCA096", [188, 160, 150, 255])
    assert (shade["flat"], shade["shadow"], shade["highlight"]) == ("#F6D5BE", "#C3C0C9", None)
    assert [color["regions"] for color in layer["colors"]] == [0, 2, 0, 1]


def test_hex_tells_transparency() -> None:
    assert hex_color((1, 2, 255, 255)) == "#0102FF"
    assert hex_color(np.array((1, 2, 255, 128), np.uint8)) == "#0102FF80"


def test_doubts_stand_least_sure_first_with_frames_and_thresholds(tree: OutputTree) -> None:
    worse = replace(DOUBT, region=1, confidence=0.1)
    write_doubts(tree, {"A": colors(SURE, replace(SURE, drawing="2", doubts=(DOUBT, worse)))}, TIMELINE)
    (layer,) = load(tree.doubts)["layers"]
    (drawing,) = layer["drawings"]
    assert layer["thresholds"] == {"doubt_below": 0.5}
    assert (drawing["drawing"], drawing["frames"]) == ("2", "3-4")
    assert [doubt["confidence"] for doubt in drawing["doubts"]] == [0.1, 0.25]
    assert drawing["doubts"][0]["hex"] == "#BCA096"
    assert layer["by_hand_next"] == [{"drawing": "2", "frame": 3, "gain": 1.0}]


def test_the_pick_settles_like_doubts_nearby() -> None:
    notes = [doubtful("1", 100), doubtful("2", 100), doubtful("3", 100), doubtful("4", 150, pair=(2, 1))]
    first, second, *_ = pick_by_hand(notes)
    assert first.drawing == "2"
    assert 0.6 < first.gain < 0.667
    assert second.drawing == "4"
    assert second.gain == pytest.approx(150 / 450)


def test_nothing_doubtful_means_nothing_to_pick() -> None:
    assert pick_by_hand([SURE]) == ()


def test_notes_come_back_as_written_and_only_to_their_job(tree: OutputTree) -> None:
    note = replace(
        SURE, doubts=(replace(DOUBT, confidence=float(np.float32(0.25))),), parts=("paint", "line")
    )
    write_note(tree, note, job_key="k1")
    assert read_note(tree, "A", "1", job_key="k1") == note
    assert read_note(tree, "A", "1", job_key="k2") is None
    assert read_note(tree, "A", "2", job_key="k1") is None


def test_numbers_from_numpy_are_fit_for_a_note(tree: OutputTree) -> None:
    counted = DrawingNote(
        "A", "1", int(np.int64(3)), {1: np.int64(2)}, (replace(DOUBT, confidence=np.float32(0.5)),)
    )  # pyright: ignore[reportArgumentType] - what engines hand over in practice
    write_note(tree, counted, job_key="k1")
    assert read_note(tree, "A", "1", job_key="k1") == counted


def test_the_color_model_comes_back_exact(tree: OutputTree) -> None:
    write_palette_note(tree, PaletteNote("A", color_model(), {"doubt_below": 0.5}), job_key="k1")
    back = read_palette_note(tree, "A", job_key="k1")
    assert back is not None
    assert np.array_equal(back.model.colors, color_model().colors)
    assert np.array_equal(back.model.shadows, color_model().shadows)
    assert back.model.colors.dtype == np.uint8
    assert back.model.blends == {"shadow": "multiply"}
    assert back.thresholds == {"doubt_below": 0.5}
