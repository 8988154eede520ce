"""A key read once: flat colors, regions, planar map, and how the matcher sees it; in worker processes."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame, Pixels, RegionMap
from toonctl.engines.base import KeyPicture
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.view import View
from toonctl.engines.cel.worker import matcher
from toonctl.regions.color_table import premultiplied, run_starts
from toonctl.regions.describe import describe, plane_distance
from toonctl.regions.equal import equal_areas, grown
from toonctl.regions.flats import Flats, flats_of, flats_under_lines
from toonctl.regions.graph import build_graph
from toonctl.regions.pens import Shown, with_pens
from toonctl.regions.planar import PlanarMap, trace_arcs
from toonctl.regions.segment import Regions, SegmentOptions, label_areas, measure
from toonctl.regions.strokes import with_strokes
from toonctl.regions.texture import textured

STEP_AT_540 = 3.0
_LOOKUP_HEIGHT = 540
_SAME_INK = 12
_NARROW = 0.25
_SAME_SHADE = 4
_THREAD = 3
_THREAD_AT_540 = 1.5
"""Half of what areas of one color in a painted key may hang together by without being one, in pixels."""

_MOST_FLATS = 1024
_BLACK = np.array([[0, 0, 0, 255]], np.uint8)


@dataclass(frozen=True, slots=True)
class KeyMap:
    """One key of one layer with n regions.

    `labels` uint16 `[H, W]` full label map 1..n; `colors` uint8 `[K, 4]`, entry 0 transparent, and `color`
    uint16 `[n]` into it; `coverage` and `ink` `[H, W]` with `inks` `[I, 4]` as in `Flats`; `has_line` whether
    the line is a layer of its own, `is_soft` whether colors that meet without one mix there. `table` `[T, 4]`
    and `codes` `[H, W]` are the picture as it came; `texture` `[H, W]` says where it has neither flat color
    nor line. `center` complex `[n]` and `spread` `[n, 3]` (variance of x, covariance, variance of y) are the
    regions'; `narrow` `[n + 1]` says of which labels a good part is only a few pixels wide.
    """

    labels: NDArray[np.uint16]
    color: NDArray[np.uint16]
    colors: Pixels
    coverage: Pixels
    inks: Pixels
    ink: Pixels
    has_line: bool
    is_soft: bool
    table: Pixels
    codes: NDArray[np.int32]
    texture: NDArray[np.bool_]
    center: NDArray[np.complex128]
    spread: NDArray[np.float64]
    narrow: NDArray[np.bool_]
    planar: PlanarMap
    view: View

    @property
    def n(self) -> int:
        return len(self.color)

    @property
    def is_hard(self) -> bool:
        """Whether its lines have no soft rim."""
        return not ((self.coverage > 0) & (self.coverage < 255)).any()


def read_key(key: KeyPicture, options: InbetweenOptions) -> KeyMap:
    """The key as a planar map of regions."""
    flats = flats_of(key.picture) if key.line is None else flats_under_lines(key.picture, key.line)
    height = flats.index.shape[0]
    labels = _areas(flats, options)
    n = int(labels.max())
    if n == 0:
        labels, n = np.ones_like(labels), 1
    full = grown(labels)
    regions = measure(labels)
    color = np.minimum(_colors_of(regions, flats.index), len(flats.colors) - 1).astype(np.uint16)
    step = max(2.0, STEP_AT_540 * height / 540)
    planar = with_strokes(
        trace_arcs(full, step), full, flats.coverage, threshold=options.line_threshold, step_px=step
    )
    paints = np.concatenate([np.zeros((1, 4), np.uint8), flats.colors[color]])
    shown = Shown(premultiplied(flats.shown.table), flats.shown.codes, premultiplied(paints))
    is_ink = np.zeros(n + 1, bool) if key.line is not None else _in_ink(paints, flats.inks)
    planar = with_pens(planar, flats.coverage, flats.ink, shown=shown, is_ink=is_ink)
    return KeyMap(
        labels=full,
        color=color,
        colors=flats.colors,
        coverage=flats.coverage,
        inks=flats.inks if len(flats.inks) else _BLACK,
        ink=flats.ink,
        has_line=key.line is not None,
        is_soft=key.line is None and shown.is_soft(planar),
        table=flats.shown.table,
        codes=flats.shown.codes,
        texture=textured(flats.shown, flats.coverage),
        center=regions.center[:, 0] + 1j * regions.center[:, 1],
        spread=regions.moments.astype(np.float64),
        narrow=_narrow(full, n),
        planar=planar,
        view=_view(regions, full, flats.coverage, options),
    )


def _areas(flats: Flats, options: InbetweenOptions) -> NDArray[np.uint16]:
    """Areas of one color that no line cuts through, split where they hang together by a thread."""
    is_free = flats.coverage < options.line_threshold
    shade, counts, rows = _shades(flats)
    height = len(shade)
    gap = options.segment(height)
    if np.count_nonzero(counts) == 1:
        return label_areas(np.pad(is_free, 1), gap)[1:-1, 1:-1]
    # Colors bound areas better than gaps can be guessed: only what all but parts there is cut.
    if options.gap_px == "auto":
        gap = replace(gap, gap_px=_THREAD_AT_540 * height / 540)
    values = (is_free & (shade == counts.argmax())).astype(np.int32)
    n = 1
    for number in np.argsort(-counts, kind="stable")[1 : np.count_nonzero(counts)]:
        first, last = rows[number]
        mine = is_free[first:last] & (shade[first:last] == number)
        x, y, w, h = cv2.boundingRect(mine.view(np.uint8))
        part = _parted(np.pad(mine[y : y + h, x : x + w], 1), gap)[1:-1, 1:-1]
        cut = values[first + y : first + y + h, x : x + w]
        np.copyto(cut, part + np.int32(n), where=part > 0)
        n += int(part.max(initial=0))
    return equal_areas(values, options.min_region_px)


def _parted(mask: NDArray[np.bool_], gap: SegmentOptions) -> NDArray[np.uint16]:
    """The areas of `mask` `[H, W]` as labels, parted at threads; long threads are whole areas themselves."""
    side = 2 * round(gap.gap_px) + 1
    broad = _broad(mask, side)
    _, found, facts, _ = cv2.connectedComponentsWithStats((mask & ~broad).view(np.uint8), connectivity=8)
    extent = facts[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    is_thread = extent >= _THREAD * side
    is_thread[0] = False
    if not is_thread.any():
        return label_areas(mask, gap)
    threads = np.asarray(found, np.int32)
    is_on_thread = is_thread[threads]
    part = label_areas(mask & ~is_on_thread, gap)
    number = (np.cumsum(is_thread) + int(part.max(initial=0))).astype(np.uint16)
    return np.where(is_on_thread, number[threads], part)


def _broad(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """What of `mask` is broader than `side` pixels, but for the bends of threads."""
    pixels = mask.view(np.uint8)
    opened = cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    count, found = cv2.connectedComponents(np.asarray(opened, np.uint8), connectivity=4)
    parts = np.asarray(found, np.int32)
    is_deep = np.zeros(count, bool)
    is_deep[parts[cv2.erode(pixels, np.ones((2 * side, 2 * side), np.uint8)) > 0]] = True
    is_deep[0] = False
    return is_deep[parts]


def _shades(flats: Flats) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64]]:
    """What looks the same as one number by pixel `[H, W]`; by number its pixels, and its rows (half-open)."""
    starts = run_starts(flats.index)
    runs = _shade(flats.colors)[flats.index.ravel()[starts]]
    lengths = np.diff(starts, append=flats.index.size)
    counts = np.bincount(runs, lengths).astype(np.int64)
    rows = np.stack([np.full(len(counts), len(flats.index)), np.zeros(len(counts), np.int64)], 1)
    np.minimum.at(rows[:, 0], runs, starts // flats.index.shape[1])
    np.maximum.at(rows[:, 1], runs, (starts + lengths - 1) // flats.index.shape[1] + 1)
    return np.repeat(runs.astype(np.uint16), lengths).reshape(flats.index.shape), counts, rows


def _shade(colors: Pixels) -> NDArray[np.int32]:
    """By color of `[K, 4]` the first that looks the same: where layers overlap, blacks differ by a hair."""
    if len(colors) > _MOST_FLATS:  # no cel but a painting: every pixel would look like some other
        return np.arange(len(colors), dtype=np.int32)
    return look_alike(colors[:, None], colors[None]).argmax(1).astype(np.int32)


def look_alike(colors: Pixels, others: Pixels) -> NDArray[np.bool_]:
    """Whether nobody can tell `colors` from `others`, both `[..., 4]`, `[...]`."""
    return np.asarray(np.abs(colors.astype(np.int16) - others.astype(np.int16)).max(-1) <= _SAME_SHADE)


def _colors_of(regions: Regions, index: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The color of each area, `[n]`: of one pixel, since all look the same."""
    where, first = np.unique(regions.run_labels, return_index=True)
    color = np.zeros(regions.n + 1, np.uint16)
    color[where] = index.ravel()[regions.run_starts[first]]
    return color[1:]


def _narrow(full: NDArray[np.uint16], n: int) -> NDArray[np.bool_]:
    """By label, whether a notable share of the region is at most three pixels wide, `[n + 1]`."""
    block = np.ones((4, 4), np.uint8)
    is_core = (cv2.erode(full, block) == cv2.dilate(full, block)).view(np.uint8)
    rest = np.flatnonzero(cv2.dilate(is_core, np.ones((6, 6), np.uint8)) == 0)
    starts = run_starts(full)
    area = np.bincount(full.ravel()[starts], np.diff(starts, append=full.size), minlength=n + 1)
    return area - np.bincount(full.ravel()[rest], minlength=n + 1) < (1 - _NARROW) * area


def _in_ink(paints: Pixels, inks: Pixels) -> NDArray[np.bool_]:
    """Which of `paints` `[n + 1, 4]` are an ink's color."""
    if not len(inks):
        return np.zeros(len(paints), bool)
    apart = np.abs(paints[:, None].astype(np.int32) - inks[None].astype(np.int32)).max(-1)
    return np.asarray(apart.min(1) < _SAME_INK)


def _view(regions: Regions, full: NDArray[np.uint16], coverage: Pixels, options: InbetweenOptions) -> View:
    """The key as the matcher sees it: where colors meet without a line, one is drawn."""
    edge = np.zeros(full.shape, bool)
    edge[:, 1:] |= full[:, 1:] != full[:, :-1]
    edge[1:] |= full[1:] != full[:-1]
    ink = np.where(edge, 255, coverage).astype(np.uint8)
    frame = LineFrame(ink, np.zeros_like(ink))
    graph = build_graph(regions)
    description = describe(frame, regions, graph)
    step = max(1, -(-full.shape[0] // _LOOKUP_HEIGHT))
    return View(
        name="",
        size=(regions.width, regions.height),
        runs=RegionMap(regions.width, regions.height, np.zeros(0, np.uint32), np.zeros(0, np.uint16)),
        area=regions.area,
        box=regions.box,
        samples=regions.samples,
        graph=graph,
        distance=plane_distance(frame),
        lookup=np.ascontiguousarray(full[::step, ::step]),
        geometry=description.geometry,
        thumb=description.thumb,
        tokens=matcher(options.matcher).tokens(description),
    )
