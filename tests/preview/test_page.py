"""The preview page in a real browser: what its buttons and keys do, and what it shows."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browserkit import probe
from shotkit import Finished, finish_shot
from toonctl.stages.preview import write_preview
from toonctl.stages.tree import OutputTree

PROBE = Path(__file__).with_name("probe.js")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    shot = finish_shot(OutputTree.of(tmp_path_factory.mktemp("out"), None, "cut012"))
    write_preview(shot.show)
    return shot


@pytest.fixture(scope="module")
def seen(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the probe found while using the page."""
    result = probe(finished.tree.preview, PROBE, tmp_path_factory.mktemp("browser"))
    assert result["errors"] == []
    return result


def is_near(found: list[int], expected: tuple[int, ...], tolerance: int = 6) -> bool:
    return bool(np.all(np.abs(np.subtract(found, expected)) <= tolerance))


def test_the_page_says_what_shot_it_is(seen: Mapping[str, Any]) -> None:
    assert seen["title"] == "cut012 preview"
    assert seen["facts"] == "10 frames  ·  24 fps  ·  320 × 180"
    assert seen["start"] == ["0001", "of 0010  ·  A 1  ·  B empty"]


def test_layers_are_laid_over_the_background(seen: Mapping[str, Any]) -> None:
    assert is_near(seen["color"], (246, 213, 190, 255))
    assert seen["sky"][3] == 255
    assert seen["layers"] == ["B2 drawings", "A3 drawings", "BGbackground"]
    assert seen["withoutSky"] == [0, 0, 0, 0]


def test_the_reference_stands_beside_and_can_be_put_away(seen: Mapping[str, Any]) -> None:
    assert seen["reference"][0] == 3
    assert is_near(seen["reference"][1], (246, 213, 190, 255))
    assert seen["besideHidden"] is True


def test_keys_step_by_frame_and_by_drawing(seen: Mapping[str, Any]) -> None:
    assert [seen[at] for at in ("right", "nextKey", "end", "pastEnd", "keyBack", "home")] == [
        "0002",
        "0003",
        "0010",
        "0010",
        "0009",
        "0001",
    ]


def test_doubts_are_boxed_over_the_dimmed_picture(seen: Mapping[str, Any]) -> None:
    assert seen["doubt"] == ["0003", "doubts", "2 doubtful regions"]
    assert is_near(seen["boxEdge"], (226, 166, 90, 255))
    assert max(seen["dimmed"][:3]) < max(seen["sky"][:3]) - 40


def test_the_line_view_shows_lines_on_paper(seen: Mapping[str, Any]) -> None:
    paper, line = seen["line"]
    assert is_near(paper, (244, 243, 240, 255))
    assert max(line[:3]) < 60


def test_lists_name_doubtful_drawings_and_jump_there(seen: Mapping[str, Any]) -> None:
    assert seen["doubtful"] == ["A 2, frame 32 · from 12%", "A 3, frame 51 · from 31%"]
    assert seen["picks"][0].startswith("A 2, frame 3")
    assert seen["jump"] == ["0005", "doubts", "true"]
    assert seen["palette"] == ["#F6D5BE", "#BCA096", "#F6D5BE", "#3D5A80"]


def test_the_timeline_scrubs_and_tells_its_value(seen: Mapping[str, Any]) -> None:
    assert seen["scrub"] == ["0006", "6"]


def test_play_runs_and_space_pauses(seen: Mapping[str, Any]) -> None:
    assert seen["playing"][0] == "Pause"
    assert seen["playing"][1] != "0001"
    assert seen["paused"] == "Play"


def test_every_control_has_a_name(seen: Mapping[str, Any]) -> None:
    assert seen["named"] == 0


def test_the_page_needs_nothing_but_itself(finished: Finished) -> None:
    page = finished.tree.preview.read_text(encoding="utf-8")
    assert not re.findall(r"https?:|//[a-z]|<link|<iframe|src=\"(?!data:)|@import|fetch\(", page)


def test_held_drawings_are_stored_once(finished: Finished) -> None:
    page = finished.tree.preview.read_text(encoding="utf-8")
    assert page.count("data:image/") == 5 * 2 + 1 + 2 + 2  # color and line, the sky, references twice


def test_a_name_cannot_break_out_of_the_page(finished: Finished) -> None:
    hostile = replace(finished.show.references[0], drawing="</script><script>alert(1)</script>")
    tree = finished.tree
    write_preview(replace(finished.show, references=(hostile,)))
    assert "<script>alert" not in tree.preview.read_text(encoding="utf-8")
    write_preview(finished.show)


def test_a_long_shot_keeps_to_its_budget(finished: Finished) -> None:
    small = write_preview(finished.show, budget_bytes=4_000)
    size = finished.tree.preview.stat().st_size
    whole = write_preview(finished.show)
    assert small.step > whole.step == 1
    assert size < finished.tree.preview.stat().st_size
