"""A small picture grown to full size with the keys as references: every edge is a piece of a key again.

A pixel of the small picture is the mean of an area of the art. The same means are taken of the keys at any
place, so that a patch of the small picture is looked for in them between their pixels too; what lies there at
full size is laid over what was found, neighbors agreeing by their weights (the reference-based answer to the
bilinear growing of LayerPack, sec. 4.3).

Letters: H height, W width of the art; h, w of the small picture; Q pixels of it at edges, C places in a key,
N pixels of a patch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import premultiplied
from toonctl.regions.packing.plan import Color
from toonctl.regions.packing.sheet import over_color

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

_PATCH = 2
"""Pixels around a pixel of the small picture that are compared: patches of 5 x 5."""

_EDGE = 6.0
_LONG_WAY = 0.006
"""Cost of going a pixel of the art, squared: of equal places the nearest is taken."""

_KEEN = 100.0
_BAD = 1500.0
"""Squared levels of three channels: costs this far apart weigh 1 to e, and what costs more is not redrawn."""
_FAINT = 30.0

_TILE, _LEAST_REACH, _MOST_REACH = 16, 16, 48
_DENSE = 30_000
"""Edge pixels from which a picture is texture rather than cel: less is tried, or time and memory run away."""
_FINE = 2.5
"""Scale from which places in the keys are tried at every half pixel of the small picture."""

_STEPS = (0.25, 0.125, 0.0625)
_SHARP = cv2.INTER_CUBIC
"""How pieces of keys are read between their pixels: linear means soften every line once more, and took .75 dB
from an engine of 37 dB on `face_shock`, where this takes .33 (`tests.bench.layerpack_path`)."""
_PAGE = 4096
_AROUND = [(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]


@dataclass(frozen=True, slots=True)
class Raster:
    """How the small picture `[h, w]` lies over the art `[H, W]`."""

    art: tuple[int, int]
    small: tuple[int, int]

    @property
    def step(self) -> tuple[float, float]:
        """Pixels of the art per pixel of the small picture, across and down."""
        return self.art[1] / self.small[1], self.art[0] / self.small[0]

    def centers(self, columns: NDArray[np.floating], rows: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """The places in the art, x and y, of places in the small picture."""
        across, down = self.step
        x, y = (columns + 0.5) * across - 0.5, (rows + 0.5) * down - 0.5
        return x.astype(np.float32), y.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Reference:
    """A key as patches are looked for in it.

    `picture` float32 `[H, W, 4]` is premultiplied, `means` float32 `[H, W, 3]` of the areas around pixels.
    """

    picture: Floats
    means: Floats

    @classmethod
    def of(cls, key: Pixels, ground: Color, raster: Raster) -> Self:
        """From an RGBA key `[H, W, 4]`, seen on the ground that it was packed on."""
        across, down = (_box(side) for side in raster.step)
        shown = over_color(key, ground)
        means = cv2.sepFilter2D(shown, -1, across, down, borderType=cv2.BORDER_REPLICATE)
        return cls(premultiplied(key), np.asarray(means, np.float32))

    def patches(self, x: Floats, y: Floats, step: tuple[float, float]) -> Floats:
        """The patches `[C, 3 N]` around places in the art, as the small picture would show them."""
        reach = np.arange(-_PATCH, _PATCH + 1, dtype=np.float32)
        dx, dy = (grid.ravel() for grid in np.meshgrid(reach * step[0], reach * step[1]))
        at = x[:, None] + dx, y[:, None] + dy
        return _sampled(self.means, *at).reshape(len(x), 3 * len(dx))


def redraw(small: Floats, base: Floats, keys: Sequence[Pixels], ground: Color) -> Floats:
    """`base` with its edges drawn from the keys, premultiplied RGBA float32 `[H, W, 4]`.

    `small` is RGB `[h, w, 3]` 0..255 on `ground`, `base` the same at full size as well as that goes without
    keys; `keys` are RGBA `[H, W, 4]`. Where no key has anything like it, the base stays.
    """
    raster = Raster(base.shape[:2], small.shape[:2])
    rows, columns = np.nonzero(_edges(small, 1))
    if not len(rows):
        return base
    search = _Search(small, raster, rows, columns)
    found = [search.matched(Reference.of(key, ground, raster)) for key in keys]
    return _laid(base, search, found)


@dataclass(frozen=True, slots=True)
class _Matched:
    """Where in a key the patches were found: `shift` `[Q, 2]` x, y in the art, and what it costs `[Q]`."""

    reference: Reference
    shift: Floats
    cost: Floats


class _Search:
    """Looks for the patches around the edge pixels of one small picture."""

    def __init__(self, seen: Floats, raster: Raster, rows: Ints, columns: Ints) -> None:
        self.raster, self.rows, self.columns = raster, rows, columns
        self.number = np.full(raster.small, -1, np.int64)
        self.number[rows, columns] = np.arange(len(rows))
        self.x, self.y = raster.centers(columns.astype(np.float32), rows.astype(np.float32))
        padded = np.pad(seen, ((_PATCH, _PATCH), (_PATCH, _PATCH), (0, 0)), mode="edge")
        side = range(2 * _PATCH + 1)
        self._patches = np.concatenate(
            [padded[rows + dy, columns + dx] for dy in side for dx in side], axis=1
        ).astype(np.float32)

    def matched(self, reference: Reference) -> _Matched:
        """The best place of every patch in a key: of all places within reach, then finer."""
        shift = self._coarse(reference)
        cost = self._cost(reference, shift)
        for fraction in _STEPS:
            for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                self._try(reference, shift, cost, self._beside(shift, dy, dx))
            for dx, dy in _AROUND:
                step = np.array([dx, dy], np.float32) * fraction * np.array(self.raster.step, np.float32)
                self._try(reference, shift, cost, (shift + step).astype(np.float32))
        return _Matched(reference, shift, cost - _far(shift))

    def _coarse(self, reference: Reference) -> Floats:
        shift = np.zeros((len(self.rows), 2), np.float32)
        fine = 2 if max(self.raster.step) >= _FINE and len(self.rows) <= _DENSE else 1
        x, y = self._places(reference, fine)
        if not len(x):
            return shift
        patches = reference.patches(x, y, self.raster.step)
        norm = np.einsum("cn,cn->c", patches, patches)
        scale = 3 / patches.shape[1]
        for group, box in self._tiles():
            near = np.flatnonzero((x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3]))
            if not len(near):
                continue
            apart = scale * (norm[near] - 2 * self._patches[group] @ patches[near].T)
            dx, dy = (c[near] - own[group][:, None] for c, own in ((x, self.x), (y, self.y)))
            best = (apart + _LONG_WAY * (dx * dx + dy * dy)).argmin(1)
            line = np.arange(len(group))
            shift[group] = np.stack([dx[line, best], dy[line, best]], 1)
        return shift

    def _places(self, reference: Reference, fine: int) -> tuple[Floats, Floats]:
        """Places in the art, x and y `[C]`, around which the key shows an edge, `fine` to a small pixel."""
        height, width = (fine * side for side in self.raster.small)
        columns, rows = ((np.arange(n, dtype=np.float32) + 0.5) / fine - 0.5 for n in (width, height))
        x, y = np.meshgrid(*self.raster.centers(columns, rows))
        is_edge = _edges(_sampled(reference.means, x, y), fine)
        return x[is_edge], y[is_edge]

    def _tiles(self) -> Iterator[tuple[Ints, tuple[float, float, float, float]]]:
        """Groups of edge pixels that lie together, and the box in the art that is searched for them."""
        most = _LEAST_REACH if len(self.rows) > _DENSE else _MOST_REACH
        reach = int(np.clip(max(self.raster.small) // 4, _LEAST_REACH, most))
        across, down = reach * self.raster.step[0], reach * self.raster.step[1]
        tile = self.rows // _TILE * self.raster.small[1] + self.columns // _TILE
        order = np.argsort(tile, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
            x, y = self.x[group], self.y[group]
            box = (x.min() - across, x.max() + across, y.min() - down, y.max() + down)
            yield group, (float(box[0]), float(box[1]), float(box[2]), float(box[3]))

    def _beside(self, shift: Floats, dy: int, dx: int) -> Floats:
        """The shift of the neighbor on one side; a pixel's own where that is no edge."""
        height, width = self.raster.small
        at = self.number[np.clip(self.rows + dy, 0, height - 1), np.clip(self.columns + dx, 0, width - 1)]
        return np.where((at >= 0)[:, None], shift[at], shift)

    def _cost(self, reference: Reference, shift: Floats) -> Floats:
        patches = reference.patches(self.x + shift[:, 0], self.y + shift[:, 1], self.raster.step)
        return 3 * ((patches - self._patches) ** 2).mean(1) + _far(shift)

    def _try(self, reference: Reference, shift: Floats, cost: Floats, other: Floats) -> None:
        """Takes the `other` shifts where they cost less, in place."""
        costs = self._cost(reference, other)
        better = costs < cost
        shift[better], cost[better] = other[better], costs[better]


def _far(shift: Floats) -> Floats:
    return _LONG_WAY * np.einsum("qc,qc->q", shift, shift)


def _laid(base: Floats, search: _Search, found: Sequence[_Matched]) -> Floats:
    """The pieces of the keys laid over `base`, patches of 3 x 3 small pixels weighed against each other."""
    raster = search.raster
    height, width = raster.small
    down, across = (
        np.minimum((np.arange(n) + 0.5) * m / n, m - 1e-3)
        for n, m in zip(raster.art, raster.small, strict=True)
    )
    y, x = np.nonzero(search.number[np.ix_(down.astype(int), across.astype(int))] >= 0)
    row, column = down[y], across[x]
    least = np.full(raster.small, np.inf, np.float32)
    least[search.rows, search.columns] = np.minimum.reduce([match.cost for match in found])
    least = cv2.erode(least, np.ones((3, 3), np.uint8))[row.astype(int), column.astype(int)]
    weights = np.exp(np.clip((least - _BAD) / _KEEN, -_FAINT, _FAINT)).astype(np.float32)
    total = weights[:, None] * base[y, x]
    for dy, dx in [(0, 0), *_AROUND]:
        beside_y, beside_x = row.astype(int) + dy, column.astype(int) + dx
        inside = (beside_y >= 0) & (beside_y < height) & (beside_x >= 0) & (beside_x < width)
        at = search.number[np.clip(beside_y, 0, height - 1), np.clip(beside_x, 0, width - 1)]
        near = (1.5 - np.abs(row - beside_y - 0.5)) * (1.5 - np.abs(column - beside_x - 0.5))
        use = np.flatnonzero(inside & (at >= 0) & (near > 0))
        number = at[use]
        for match in found:
            weight = near[use] * np.exp(np.maximum((least[use] - match.cost[number]) / _KEEN, -_FAINT))
            shift = match.shift[number]
            piece = _sampled(match.reference.picture, x[use] + shift[:, 0], y[use] + shift[:, 1], _SHARP)
            total[use] += weight[:, None].astype(np.float32) * piece
            weights[use] += weight.astype(np.float32)
    made = base.copy()
    made[y, x] = total / weights[:, None]
    return made


def _edges(picture: Floats, reach: int) -> NDArray[np.bool_]:
    """Pixels of `[h, w, 3]` within `reach` of which colors change."""
    kernel = np.ones((2 * reach + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate(picture, kernel) - cv2.erode(picture, kernel)).max(-1) > _EDGE)


def _box(side: float) -> Floats:
    """The kernel of a mean over `side` pixels, its outer pixels counted in part."""
    reach = int(np.ceil(side / 2 - 0.5))
    at = np.arange(-reach, reach + 1)
    kernel = np.clip(np.minimum(at + 0.5, side / 2) - np.maximum(at - 0.5, -side / 2), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _sampled(
    picture: Floats, x: NDArray[np.floating], y: NDArray[np.floating], how: int = cv2.INTER_LINEAR
) -> Floats:
    """The picture at places between its pixels, `[..., channels]` for x and y `[...]`."""
    # OpenCV takes no side of 32767 or more: the places go in as rows of a page.
    width = min(_PAGE, max(x.size, 1))
    at = [np.zeros((-(-x.size // width), width), np.float32) for _ in range(2)]
    for page, places in zip(at, (x, y), strict=True):
        page.reshape(-1)[: x.size] = places.ravel()
    found = cv2.remap(picture, at[0], at[1], how, borderMode=cv2.BORDER_REPLICATE)
    channels = picture.shape[2]
    return np.asarray(found, np.float32).reshape(-1, channels)[: x.size].reshape(*x.shape, channels)
