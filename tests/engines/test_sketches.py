"""Rough sketches: lines thinned, doubled strokes merged, breaks bridged, drawn again where they were."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit import BALL, CUP, INK, ball, cup, tint
from engines.rough import roughened
from toonctl.core.types import ColorModel, LineFrame, Pixels
from toonctl.engines.base import KeyPicture, SketchPicture
from toonctl.engines.postkey._cleaning import draw_strokes, line_width_px, read_strokes
from toonctl.engines.postkey._lines import Cleaning, CleanSketch, clean_sketch, completed, line_of, moved
from toonctl.engines.postkey._thinning import ends, thin, without_whiskers
from toonctl.formats.compositing import blend_over
from toonctl.regions.segment import SegmentOptions, find_regions

SIZE = (640, 360)


@pytest.fixture(scope="module")
def drawing() -> Pixels:
    """A ball with an eye, and a cup with a button in front of it."""
    parts = ball(250, 180, 90, size=SIZE) + cup(280, 130, 160, size=SIZE)
    line = parts.line.copy()
    cv2.circle(line, (220, 160), 14, 255, 2, cv2.LINE_AA)
    cv2.circle(line, (360, 190), 22, 255, 2, cv2.LINE_AA)
    return line


def n_areas(ink: Pixels) -> int:
    return find_regions(frame(ink), SegmentOptions.for_height(ink.shape[0])).n


def frame(ink: Pixels) -> LineFrame:
    return LineFrame(ink, np.zeros_like(ink))


def apart_px(a: Pixels, b: Pixels) -> float:
    """The mean distance between the lines of two drawings, both ways."""
    masks = [ink >= 128 for ink in (a, b)]
    away = [cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5) for mask in masks]
    return float((away[0][masks[1]].mean() + away[1][masks[0]].mean()) / 2)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("strokes", "breaks"), [(3, 10), (2, 24), (1, 14)])
def test_a_rough_sketch_has_the_areas_of_the_clean_drawing(
    drawing: Pixels, strokes: int, breaks: int, seed: int
) -> None:
    rough = roughened(drawing, strokes=strokes, breaks=breaks, seed=seed)
    found = read_strokes(rough)
    assert found.is_rough
    clean = draw_strokes(found.middle, line_width_px(drawing))
    assert n_areas(clean) == n_areas(drawing)
    assert apart_px(clean, drawing) < 1.5
    assert line_width_px(clean) == pytest.approx(line_width_px(drawing), abs=0.5)


def test_a_clean_drawing_is_taken_for_one_and_kept_as_it_is(drawing: Pixels) -> None:
    assert not read_strokes(drawing).is_rough
    kept = clean_sketch(SketchPicture(frame(drawing), None), Cleaning("auto", 3.0))
    assert (kept.lines.ink == drawing).all()
    redrawn = clean_sketch(SketchPicture(frame(drawing), None), Cleaning("rough", 3.0))
    assert (redrawn.lines.ink != drawing).any()
    rough = roughened(drawing)
    untouched = clean_sketch(SketchPicture(frame(rough), None), Cleaning("clean", 3.0))
    assert (untouched.lines.ink == rough).all()


@pytest.mark.parametrize("coverage", [0, 255])
def test_pages_without_a_line_do_not_hurt(coverage: int) -> None:
    page = np.full((90, 160), coverage, np.uint8)
    assert draw_strokes(read_strokes(page).middle, 2.0).shape == page.shape


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(5, 90), st.integers(5, 60)), min_size=2, max_size=5), st.integers(1, 7))
def test_thin_lines_are_where_the_thick_ones_were(points: list[tuple[int, int]], weight: int) -> None:
    picture = np.zeros((66, 96), np.uint8)
    cv2.polylines(picture, [np.array(points, np.int32)], isClosed=False, color=1, thickness=weight)
    mask = picture > 0
    line = thin(mask)
    assert not (line & ~mask).any()
    assert cv2.connectedComponents(line.view(np.uint8), connectivity=8)[0] == 2
    square = line[:-1, :-1] & line[1:, :-1] & line[:-1, 1:] & line[1:, 1:]
    assert square.sum() <= 2  # a crossing of steep lines may keep a corner
    away = cv2.distanceTransform((~line).view(np.uint8), cv2.DIST_L2, 5)
    assert away[mask].max() <= 2 * weight + 2  # where strokes meet at a sharp angle they make a wedge


def test_whiskers_go_and_lines_keep_their_length() -> None:
    picture = np.zeros((60, 100), bool)
    picture[30, 10:90] = True
    picture[25:30, 50] = True  # a whisker
    picture[10, 20:24] = True  # a stroke of its own
    kept = without_whiskers(picture, 6)
    assert not kept[24:29, 50].any()
    assert kept[30, 10:90].all()
    assert kept[10, 20:24].all()
    assert sorted(map(tuple, ends(kept).tolist())) == [(10, 30), (20, 10), (23, 10), (89, 30)]


def test_what_lies_in_the_free_area_comes_from_the_neighbors(drawing: Pixels) -> None:
    free = np.zeros_like(drawing)
    free[:, 320:] = 255
    scribble = drawing.copy()
    scribble[100:200:7, 330:600] = 255
    sketch = clean_sketch(SketchPicture(frame(scribble), free), Cleaning("auto", 3.0))
    assert not sketch.lines.ink[:, 320:].any()
    around = KeyPicture(
        np.zeros((*drawing.shape, 4), np.uint8), np.dstack([np.zeros_like(drawing)] * 3 + [drawing])
    )
    nothing = np.zeros((1, 4), np.uint8)
    model = ColorModel(nothing, nothing, nothing, nothing)
    done = completed(sketch, around, model)
    assert (done.lines.ink == drawing).all()
    assert done.given is not None
    assert not done.given.any()
    without = clean_sketch(SketchPicture(frame(scribble), np.zeros_like(free)), Cleaning("clean", 3.0))
    assert without.free is None
    assert completed(without, around, model) is without
    assert (without.lines.ink == scribble).all()


def test_less_strength_moves_lines_towards_the_neighbors(drawing: Pixels) -> None:
    shifted = np.roll(drawing, 6, axis=1)
    around = KeyPicture(
        np.zeros((*drawing.shape, 4), np.uint8), np.dstack([np.zeros_like(drawing)] * 3 + [shifted])
    )
    apart = [apart_px(moved(frame(drawing), around, share).ink, shifted) for share in (0.0, 0.5, 1.0)]
    assert (moved(frame(drawing), around, 0.0).ink == drawing).all()
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.4 * apart[0]
    assert n_areas(moved(frame(drawing), around, 0.5).ink) == n_areas(drawing)


def test_a_key_without_line_layer_has_its_dark_lines() -> None:
    painted = ball(40, 40).painted
    ink = line_of(KeyPicture(painted, None))
    assert set(np.unique(ink[ball(40, 40).line == 255])) == {255}
    assert not ink[ball(40, 40).line == 0].any()


def test_colors_of_a_free_area_are_the_neighbors_own_under_the_lines_too() -> None:
    drawn = ball(40, 40) + cup(90, 30)
    colors = np.array([(0, 0, 0, 0), (*BALL, 255), (*CUP, 255)], np.uint8)
    model = ColorModel(colors, colors, np.zeros_like(colors), np.zeros_like(colors))
    flat = blend_over(drawn.paint, tint(drawn.line, INK))
    free = np.full(drawn.line.shape, 255, np.uint8)
    empty = CleanSketch(frame(np.zeros_like(free)), free)
    given = completed(empty, KeyPicture(flat, tint(drawn.line, INK)), model).given
    assert given is not None
    clear = drawn.line == 0
    assert (colors[given[clear]] == drawn.paint[clear]).all()
    assert set(np.unique(given)) == {0, 1, 2}
