"""Lines are drawn as the painted picture draws them between the same two paints."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from toonctl.core.types import Pixels
from toonctl.regions.flats import flats_of, flats_under_lines
from toonctl.regions.line_colors import LineColors

GROUND, BODY, SHADE, HAIR = (200, 225, 215), (250, 220, 10), (250, 180, 0), (60, 40, 160)
ORANGE, BLACK, RED = (211, 68, 5), (0, 0, 0), (180, 0, 0)
COLORS = np.array([(0, 0, 0, 0), *((*color, 255) for color in (GROUND, BODY, SHADE, HAIR))], np.uint8)
SIZE = (480, 640)


def painted(*, with_lines: bool = True) -> Pixels:
    """A body with an orange outline and a shade without one, under hair with a black one."""
    picture = np.zeros((*SIZE, 4), np.uint8)
    picture[:] = (*GROUND, 255)
    cv2.circle(picture, (320, 300), 140, (*BODY, 255), -1)
    picture[344:][(picture[344:] == (*BODY, 255)).all(-1)] = (*SHADE, 255)
    if with_lines:
        cv2.circle(picture, (320, 300), 140, (*ORANGE, 255), 2, cv2.LINE_AA)
    cv2.ellipse(picture, (320, 140), (160, 80), 0, 0, 360, (*HAIR, 255), -1)
    if with_lines:
        cv2.ellipse(picture, (320, 140), (160, 80), 0, 0, 360, (*BLACK, 255), 2, cv2.LINE_AA)
        cv2.line(picture, (240, 260), (290, 310), (*ORANGE, 255), 2, cv2.LINE_AA)
    return picture


def drawn(lines: LineColors, rows: slice, columns: slice) -> set[tuple[int, int, int]]:
    """The inks of a sketch that is all line over the same paints, in a part of the picture."""
    flats = flats_of(painted())
    index = _index(flats.colors[flats.index])
    sketch = np.full(SIZE, 255, np.uint8)
    coverage, ink = lines.drawn(index, sketch)
    shown = coverage[rows, columns] > 0
    return {tuple(color) for color in lines.inks[ink[rows, columns][shown]].tolist()}


def _index(picture: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    apart = np.abs(picture[:, :, None].astype(int) - COLORS[None, None]).sum(-1)
    return apart.argmin(-1).astype(np.uint16)


@pytest.fixture(scope="module")
def lines() -> LineColors:
    return LineColors.of([(painted(), flats_of(painted()))], COLORS, RED)


def test_every_border_has_its_line(lines: LineColors) -> None:
    assert drawn(lines, np.s_[298:304], np.s_[177:183]) == {ORANGE}  # ground and body
    assert drawn(lines, np.s_[58:62], np.s_[310:330]) == {BLACK}  # ground and hair
    assert drawn(lines, np.s_[343:346], np.s_[260:380]) == set()  # body and shade
    assert drawn(lines, np.s_[250:290], np.s_[350:370]) == {ORANGE}  # inside the body, as its strand
    assert drawn(lines, np.s_[120:150], np.s_[300:340]) == {RED}  # inside the hair nobody knows


def test_a_picture_without_lines_says_nothing() -> None:
    picture = painted(with_lines=False)
    lines = LineColors.of([(picture, flats_of(picture))], COLORS, RED)
    assert drawn(lines, np.s_[:], np.s_[:]) == {RED}
    assert lines.between == {}


def test_a_line_that_is_not_found_is_not_taken_for_none() -> None:
    picture = painted()
    flats = flats_of(painted(with_lines=False))
    seen = replace(flats, coverage=np.where(np.arange(SIZE[1]) < 4, 255, flats.coverage).astype(np.uint8))
    lines = LineColors.of([(picture, seen)], COLORS, RED)
    assert drawn(lines, np.s_[298:304], np.s_[177:183]) == {RED}
    assert drawn(lines, np.s_[343:346], np.s_[260:380]) == set()


def test_a_line_layer_tells_the_same() -> None:
    whole, bare = painted(), painted(with_lines=False)
    line = np.where((whole != bare).any(-1, keepdims=True), whole, 0).astype(np.uint8)
    lines = LineColors.of([(whole, flats_under_lines(whole, line))], COLORS, RED)
    assert ORANGE in drawn(lines, np.s_[298:304], np.s_[177:183])
    assert drawn(lines, np.s_[343:346], np.s_[260:380]) == set()


def test_no_lines_are_drawn_where_a_sketch_has_none(lines: LineColors) -> None:
    nothing = np.zeros(SIZE, np.uint8)
    coverage, ink = lines.drawn(np.zeros(SIZE, np.uint16), nothing)
    assert not coverage.any()
    assert not ink.any()
