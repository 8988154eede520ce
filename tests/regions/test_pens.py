"""Lines measured in a drawing, found again along the boundaries of a label map, and drawn."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.inbetween_toys import COAT, HEIGHT, INK, SKY, WIDTH, Page, Place
from toonctl.core.types import Pixels
from toonctl.regions.color_table import color_table
from toonctl.regions.contours import Guides, Pieces, boundaries, guides_along
from toonctl.regions.pens import Shown, with_pens
from toonctl.regions.penwork import KeyLines, inked, soft_edges
from toonctl.regions.planar import PlanarMap, trace_arcs
from toonctl.regions.redraw import Window
from toonctl.regions.strokes import with_strokes

WHOLE = Window(0, 0, WIDTH, HEIGHT)
BOX = Place(160.3, 90.4, turn=0.2).points([(-60, -40), (60, -40), (60, 40), (-60, 40)])
NO_INK = np.zeros(3, bool)
BLANK = KeyLines(np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8), 0)


def labels_of(page: Page) -> NDArray[np.uint16]:
    return np.where((page.flats()[..., :3] == COAT).all(-1), 2, 1).astype(np.uint16)


def shown_of(page: Page) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The colors of an opaque page and their numbers by pixel."""
    table, codes = color_table(page.flat().picture)
    return table.astype(np.float32), codes


def measured(page: Page, coverage: Pixels) -> PlanarMap:
    labels = labels_of(page)
    planar = with_strokes(trace_arcs(labels, 3.0), labels, coverage, threshold=64, step_px=3.0)
    colors = np.array([(0, 0, 0, 0), (*SKY, 255), (*COAT, 255)], np.float32)
    shown = Shown(*shown_of(page), colors)
    return with_pens(planar, coverage, np.zeros_like(coverage), shown=shown, is_ink=NO_INK)


def box(width: float) -> Page:
    page = Page()
    page.shape(COAT, BOX, width)
    return page


def outline(planar: PlanarMap) -> NDArray[np.bool_]:
    """Vertices of the box, its corners and their surroundings left out."""
    corners = np.abs(planar.points[:, None] - BOX[None]).max(2).min(1) < 8
    return (planar.left[planar.arc_of()] == 1) & (planar.right[planar.arc_of()] == 2) & ~corners


def off_the_box(points: NDArray[np.generic]) -> NDArray[np.float64]:
    """How far points lie from the box's outline."""
    turned = (np.asarray(points, np.float64) - BOX.mean(0)) @ np.array(
        [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    )
    return np.abs(np.maximum(np.abs(turned[:, 0]) - 60, np.abs(turned[:, 1]) - 40))


@pytest.mark.parametrize("width", [1.5, 3.0, 5.0])
def test_a_line_is_as_wide_as_drawn_and_where_it_was_drawn(width: float) -> None:
    page = box(width)
    planar = measured(page, page.coverage())
    along = outline(planar)
    assert 2 * planar.half[along] == pytest.approx(width, abs=0.4)
    assert off_the_box(planar.points[along]).mean() < 0.2


def test_an_edge_without_a_line_has_no_pen() -> None:
    page = box(0)
    planar = measured(page, np.zeros((HEIGHT, WIDTH), np.uint8))
    assert not planar.half.any()


def test_lines_along_the_boundaries_are_those_of_the_drawing() -> None:
    page = box(2.0)
    planar = measured(page, page.coverage())
    labels = labels_of(page)
    pieces = pieces_of(planar, labels)
    coverage, _ = inked(pieces, WHOLE, labels, np.zeros(labels.shape, bool), [drawn(page)])
    off = np.abs(coverage.astype(int) - page.coverage())
    y, x = np.nonzero(off >= 60)
    # Sharp corners are rounded a little.
    assert (np.abs(np.stack([x, y], 1)[:, None] - BOX[None]).max(2).min(1) < 5).all()
    assert off.mean() < 0.1


def test_a_line_that_moved_shows_how_it_was_drawn() -> None:
    brushed = np.zeros((HEIGHT, WIDTH), np.uint8)
    brushed[88:93, 100:200] = np.array([60, 200, 255, 130, 30])[:, None]
    brushed[88:93, 140:150] = 0  # the brush left the paper here
    ink = np.full_like(brushed, 3)
    turned = straight((160, 40), (160, 140), half=1.5)
    turned = replace(turned, source=np.array([[[100, 90], [200, 90]]], np.float32))
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    coverage, which = inked(turned, WHOLE, labels, np.zeros(labels.shape, bool), [KeyLines(brushed, ink, 2)])
    # A quarter turn: what was above the line lies to its right.
    assert coverage[60, 158:163].tolist() == [30, 130, 255, 200, 60]
    assert not coverage[82:88].any()
    assert (which[coverage > 0] == 5).all()


def test_lines_that_crossed_it_in_the_key_leave_no_stubs() -> None:
    crossed = np.zeros((HEIGHT, WIDTH), np.uint8)
    crossed[89:92] = 255
    crossed[:, 150:153] = 255
    line = straight((100, 60), (200, 60), half=1.5)
    line = replace(line, source=np.array([[[100, 90], [200, 90]]], np.float32))
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    coverage, _ = inked(line, WHOLE, labels, np.zeros(labels.shape, bool), [replace(BLANK, coverage=crossed)])
    assert coverage[59:62, 105:195].min() == 255
    assert coverage[[58, 62], 151].max() < 200
    assert not coverage[[57, 63]].any()


def drawn(page: Page) -> KeyLines:
    coverage = page.coverage()
    return KeyLines(coverage, np.zeros_like(coverage), 0)


def pieces_of(planar: PlanarMap, labels: NDArray[np.uint16]) -> Pieces:
    still = np.zeros(len(planar.points), bool)
    arcs = np.flatnonzero(planar.left > 0)
    guides = guides_along(planar, planar.points, still, arcs=arcs, labels=np.arange(3), doubt=0)
    return boundaries(labels, WHOLE, guides, place=np.arange(3), step_px=3.0)


def test_where_parts_newly_meet_the_front_ones_pen_draws() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    labels[40:120, 60:200] = 2
    labels[60:100, 150:260] = 3
    xs = np.arange(150, 261, 3.0)
    rows = [np.stack([xs, np.full(len(xs), y)], 1) for y in (59.5, 99.5)]
    points = np.concatenate(rows).astype(np.float32)
    n = len(points)
    guides = Guides(
        points,
        np.tile([1, 3], (n, 1)),
        np.repeat([0, 1], len(xs)),
        np.full(n, 1.5, np.float32),
        np.zeros(n, np.uint8),
        np.zeros(n, bool),
        np.zeros(n, np.float32),
        points,
        np.zeros(n, np.uint8),
    )
    pieces = boundaries(labels, WHOLE, guides, place=np.arange(4), step_px=3.0)
    on_both = np.isin(pieces.sides, [2, 3]).all(1) & (pieces.start[:, 1] < 62)
    assert on_both.sum() > 10
    assert pieces.half[on_both] == pytest.approx(1.5)


def test_a_stroke_shows_in_its_own_region_only() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    labels[:, 160:] = 2
    stroke = straight((100, 90), (220, 90), sides=(1, 1))
    coverage, _ = inked(stroke, WHOLE, labels, np.zeros(labels.shape, bool), [BLANK])
    assert coverage[90, 100:160].min() == 255
    assert not coverage[:, 160:].any()


def test_what_stands_still_is_not_drawn_over_kept_pixels() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    kept = np.zeros(labels.shape, bool)
    kept[:, 160:] = True
    coverage, _ = inked(straight((100, 90), (220, 90), is_still=True), WHOLE, labels, kept, [BLANK])
    assert coverage[90, 105:160].min() == 255
    assert not coverage[:, 160:].any()


def test_a_bare_edge_mixes_the_pixels_it_cuts() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    labels[91:] = 2
    edge = straight((100, 90.75), (220, 90.75), half=0.0, sides=(1, 2))
    at, beyond, share = soft_edges(edge, WHOLE, labels, np.zeros(labels.shape, bool))
    row = at // WIDTH == 91
    assert (beyond[row] == 1).all()
    assert share[row][5:-5] == pytest.approx(0.25)


def straight(
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    half: float = 1.5,
    sides: tuple[int, int] = (1, 1),
    is_still: bool = False,
) -> Pieces:
    return Pieces(
        np.array([start], np.float32),
        np.array([end], np.float32),
        np.full((1, 2), half, np.float32),
        np.zeros(1, np.uint8),
        np.array([sides]),
        np.array([is_still]),
        np.full((1, 2, 2), np.nan, np.float32),
        np.zeros(1, np.uint8),
    )


def test_black_paint_needs_no_line() -> None:
    page = Page()
    page.shape(INK, BOX, 2.0)
    labels = np.where((page.flats()[..., :3] == INK).all(-1), 2, 1).astype(np.uint16)
    planar = with_strokes(trace_arcs(labels, 3.0), labels, page.coverage(), threshold=64, step_px=3.0)
    colors = np.array([(0, 0, 0, 0), (*SKY, 255), (*INK, 255)], np.float32)
    shown = Shown(*shown_of(page), colors)
    is_ink = np.array([False, False, True])
    planar = with_pens(planar, page.coverage(), np.zeros_like(page.coverage()), shown=shown, is_ink=is_ink)
    assert not planar.half[planar.left[planar.arc_of()] == 1].any()
