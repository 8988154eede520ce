"""Finished pictures taken apart into flats and lines, and loose lines into strokes."""

import cv2
import numpy as np
import pytest

from engines.inbetween_toys import COAT, EYE, HAT, INK, SKIN, SKY, Page, Place, man
from toonctl.regions.flats import flats_of, flats_under_lines
from toonctl.regions.planar import trace_arcs
from toonctl.regions.strokes import thinned, with_strokes

COLORS = {(*color, 255) for color in (SKY, COAT, SKIN, HAT, EYE)}


def test_lines_and_flats_of_a_picture_are_told_apart() -> None:
    page = man(Page(), Place(120, 90))
    found = flats_of(page.flat().picture)
    assert [tuple(color) for color in found.inks.tolist()] == [(*INK, 255)]
    assert {tuple(color) for color in found.colors[1:].tolist()} == COLORS
    assert np.abs(found.coverage.astype(int) - page.coverage()).mean() < 0.4
    clear = page.coverage() == 0
    assert (found.colors[found.index][clear] == page.flats()[clear]).all()


def test_a_line_layer_says_where_lines_are() -> None:
    key = man(Page(), Place(120, 90)).layered()
    assert key.line is not None
    found = flats_under_lines(key.picture, key.line)
    assert (found.coverage == key.line[..., 3]).all()
    assert {tuple(color) for color in found.colors[1:].tolist()} == COLORS


def test_a_picture_without_lines_has_no_ink() -> None:
    page = man(Page(), Place(120, 90), width=0)
    page.line[:] = 0
    found = flats_of(page.flat().picture)
    assert not found.coverage.any()
    assert {tuple(color) for color in found.colors[1:].tolist()} == COLORS


def test_large_black_areas_are_no_lines() -> None:
    page = Page()
    page.shape(INK, Place(100, 90).points([(-40, -40), (40, -40), (40, 40), (-40, 40)]), 0)
    page.shape(COAT, Place(230, 90).points([(-30, -30), (30, -30), (30, 30), (-30, 30)]))
    found = flats_of(page.flat().picture)
    assert tuple(found.colors[found.index[90, 100]].tolist()) == (*INK, 255)
    assert found.coverage[90, 100] == 0
    assert found.coverage[90, 200] > 128


def test_where_lines_meet_is_line_not_a_black_area() -> None:
    picture = np.full((540, 960, 4), (*SKY, 255), np.uint8)
    for y in (170, 370):
        cv2.line(picture, (300, y), (660, 540 - y), (*INK, 255), 3, cv2.LINE_AA)
    cv2.rectangle(picture, (477, 267), (483, 273), (*INK, 255), -1)  # their ink ran together
    cv2.circle(picture, (800, 270), 12, (*INK, 255), -1, cv2.LINE_AA)
    found = flats_of(picture)
    assert found.coverage[267:274, 477:484].min() == 255
    at_circle = found.colors[found.index[270, 800]], found.coverage[270, 800]
    assert (at_circle[0].tolist(), int(at_circle[1])) == ([*INK, 255], 0)


def test_colored_outlines_are_lines_too() -> None:
    page = man(Page(), Place(120, 90))
    found = flats_of(page.flat((190, 40, 10)).picture)
    assert [tuple(color) for color in found.inks.tolist()] == [(190, 40, 10, 255)]
    assert np.abs(found.coverage.astype(int) - page.coverage()).mean() < 0.6


@pytest.mark.parametrize("alpha", [255, 0])
def test_a_page_of_one_color_is_one_flat(alpha: int) -> None:
    picture = np.full((20, 30, 4), alpha, np.uint8)
    found = flats_of(picture)
    assert not found.coverage.any()
    assert len(found.colors) == (2 if alpha else 1)


def test_a_loose_line_becomes_a_stroke_as_wide_as_it_is() -> None:
    labels = np.ones((40, 60), np.uint16)
    coverage = np.zeros((40, 60), np.uint8)
    coverage[18:23, 10:51] = 255
    planar = with_strokes(trace_arcs(labels, 3.0), labels, coverage, threshold=64, step_px=3.0)
    strokes = np.flatnonzero(planar.left == planar.right)
    assert len(strokes) == 1
    points = planar.points[planar.offsets[strokes[0]] : planar.offsets[strokes[0] + 1]]
    half = planar.half[planar.offsets[strokes[0]] : planar.offsets[strokes[0] + 1]]
    assert np.abs(points[:, 1] - 20).max() <= 1
    assert np.ptp(points[:, 0]) > 34
    assert half[2:-2] == pytest.approx(3, abs=0.6)


def test_a_skeleton_is_one_pixel_wide_and_holds_together() -> None:
    mask = np.zeros((40, 60), np.uint8)
    cv2.line(mask, (8, 8), (50, 30), 1, 6)
    cv2.line(mask, (50, 8), (8, 30), 1, 4)
    skeleton = np.zeros(mask.size, np.uint8)
    skeleton[thinned(mask > 0)] = 1
    skeleton = skeleton.reshape(mask.shape)
    assert cv2.connectedComponents(skeleton, connectivity=8)[0] == 2
    assert not cv2.erode(skeleton, np.ones((2, 2), np.uint8)).any()
    assert skeleton.sum() < 120


def test_a_line_between_light_and_nearly_black_paint_has_soft_rims() -> None:
    mint, navy, ink = (141, 214, 191), (38, 49, 59), (16, 13, 20)
    y, x = np.mgrid[: 540 * 4, : 240 * 4] / 4
    across = (x - 120) * np.cos(0.14) + (y - 270) * np.sin(0.14)
    is_line = np.abs(across) < 2.6
    shown = np.where(is_line[..., None], ink, np.where((across < 0)[..., None], mint, navy))
    picture = np.full((540, 240, 4), 255, np.uint8)
    picture[..., :3] = np.rint(cv2.resize(shown.astype(np.float32), (240, 540), interpolation=cv2.INTER_AREA))
    truth = cv2.resize(is_line.astype(np.float32), (240, 540), interpolation=cv2.INTER_AREA)
    is_rim = (truth > 0.2) & (truth < 0.8)
    assert np.abs(flats_of(picture).coverage / 255 - truth)[is_rim].mean() < 0.1
