"""Where every layer of a shot lies in a packed picture: grids, cells, and which layers share a picture.

Boxes are x, y, width, height in pixels. Letters: N cells of a picture, L layers, K rows of a grid.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Size

Box = tuple[int, int, int, int]
Color = tuple[int, int, int]

WHITE: Color = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a model draws on: the `sizes` it takes; the sides of cells are multiples of `multiple` px."""

    sizes: tuple[Size, ...]
    multiple: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A layer's place in a packed picture: its whole `slot` and in the middle its picture, `place`.

    `layer` is None in the cell that shows all layers laid over each other. `ground` is the RGB color that the
    layer lies on.
    """

    layer: str | None
    slot: Box
    place: Box
    ground: Color


@dataclass(frozen=True, slots=True)
class Pack:
    """A packed picture of `size`: every cell shows the part `source` of the art, the composite first."""

    size: Size
    source: Box
    cells: tuple[Cell, ...]

    @property
    def scale(self) -> float:
        """Pixels of a cell per pixel of the art, at most 1."""
        return self.cells[0].place[2] / self.source[2]

    @property
    def cells_of_layers(self) -> tuple[tuple[str, Cell], ...]:
        """The cells that are layers, with their names."""
        return tuple((cell.layer, cell) for cell in self.cells if cell.layer is not None)


def grid_of(n_cells: int) -> tuple[int, int]:
    """Rows and columns of the smallest K x K or K x (K + 1) grid that holds `n_cells` (LayerPack, sec. 4.1).

    Raises: ValueError when there is nothing to hold.
    """
    if n_cells < 1:
        raise ValueError("a grid holds one cell at least")
    rows = math.isqrt(n_cells)
    while rows * (rows + 1) < n_cells:
        rows += 1
    return rows, rows if rows * rows >= n_cells else rows + 1


@dataclass(frozen=True, slots=True)
class PackOrder:
    """What is to be packed: the part `source` of the art, on what, with a guard of `margin` 0..0.3 a side.

    `grounds` are the colors that layers lie on where that is not white.
    """

    source: Box
    canvas: Canvas
    margin: float
    grounds: Mapping[str, Color] = field(default_factory=dict[str, Color])


def plan_pack(layers: Sequence[str], order: PackOrder, *, has_composite: bool) -> Pack:
    """The pack of `layers`, bottom to top, whose cells come out largest; of equals the earlier size.

    A grid that is not square may stand or lie. Raises: ValueError when no size leaves a cell any room.
    """
    names = [None, *layers] if has_composite else [*layers]
    rows, columns = grid_of(len(names))
    best: Pack | None = None
    for size in order.canvas.sizes:
        for shape in dict.fromkeys([(rows, columns), (columns, rows)]):
            found = _laid_out(names, order, size, shape)
            if found is not None and (best is None or found.scale > best.scale + 1e-9):
                best = found
    if best is None:
        sizes = ", ".join(f"{width}x{height}" for width, height in order.canvas.sizes)
        raise ValueError(f"{len(names)} cells have no room in {sizes}")
    return best


def _laid_out(
    names: Sequence[str | None], order: PackOrder, size: Size, shape: tuple[int, int]
) -> Pack | None:
    rows, columns = shape
    multiple = order.canvas.multiple
    wide, high = size[0] // columns // multiple * multiple, size[1] // rows // multiple * multiple
    guard_x, guard_y = (math.ceil(order.margin * side) if len(names) > 1 else 0 for side in (wide, high))
    room = wide - 2 * guard_x, high - 2 * guard_y
    if min(room) < 1:
        return None
    _, _, source_w, source_h = order.source
    scale = min(room[0] / source_w, room[1] / source_h, 1.0)
    w, h = max(1, round(source_w * scale)), max(1, round(source_h * scale))
    cells = tuple(
        Cell(
            name,
            slot=(x := index % columns * wide, y := index // columns * high, wide, high),
            place=(x + (wide - w) // 2, y + (high - h) // 2, w, h),
            ground=WHITE if name is None else order.grounds.get(name, WHITE),
        )
        for index, name in enumerate(names)
    )
    return Pack(size, order.source, cells)


@dataclass(frozen=True, slots=True)
class PackedLayers:
    """All packs of a shot's span; `is_coarse` says that even a layer by itself misses the lines asked for."""

    packs: tuple[Pack, ...]
    is_coarse: bool


def plan_packs(
    layers: Sequence[str], order: PackOrder, *, least_scale: float, touching: NDArray[np.int64]
) -> PackedLayers:
    """As few packs of `layers`, bottom to top, as keep every cell at `least_scale` or above.

    Each has the composite cell, which ties them together; layers that touch most, by `touching` `[L, L]`,
    come into one pack as far as there is room. Raises: ValueError when no size leaves a cell any room.
    """
    most = len(layers)
    while most > 1 and plan_pack(layers[:most], order, has_composite=True).scale < least_scale:
        most -= 1
    packs = tuple(
        plan_pack([layers[index] for index in group], order, has_composite=True)
        for group in groups_of(touching, most)
    )
    return PackedLayers(packs, any(pack.scale < least_scale for pack in packs))


def groups_of(touching: NDArray[np.int64], most: int) -> tuple[tuple[int, ...], ...]:
    """The numbers 0..L-1 in groups of at most `most`: what touches most comes together first.

    `touching` int64 `[L, L]`, symmetric. Groups are filled up with each other, so that they are few.
    """
    groups = [(index,) for index in range(len(touching))]

    def bond(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> int:
        return int(touching[np.ix_(pair[0], pair[1])].sum())

    while True:
        pairs = [(a, b) for i, a in enumerate(groups) for b in groups[i + 1 :] if len(a) + len(b) <= most]
        if not pairs:
            return tuple(sorted(groups))
        # `max` keeps the first of equals: neighbors in the stack.
        one, other = max(pairs, key=bond)
        groups = sorted([*(g for g in groups if g not in (one, other)), tuple(sorted(one + other))])


def touching_px(covers: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """By pair of layers the pixels that both cover, `[L, L]`; grow `covers` `[H, W]` to find neighbors."""
    flat = np.array([cover.ravel() for cover in covers], np.float32).reshape(len(covers), -1)
    return np.rint(flat @ flat.T).astype(np.int64)


def moving_box(covers: Sequence[NDArray[np.bool_]], room: float = 0.1) -> Box | None:
    """The box around all that `covers` `[H, W]` cover, `room` of its sides wider; None around nothing.

    Inbetweens on an arc leave the box of the keys: `room` is for them.
    """
    union = np.logical_or.reduce(list(covers))
    rows, columns = (np.flatnonzero(union.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    height, width = union.shape
    spare_x, spare_y = (math.ceil(room * (int(at[-1]) - int(at[0]) + 1)) for at in (columns, rows))
    x0, y0 = max(0, int(columns[0]) - spare_x), max(0, int(rows[0]) - spare_y)
    x1, y1 = min(width, int(columns[-1]) + 1 + spare_x), min(height, int(rows[-1]) + 1 + spare_y)
    return x0, y0, x1 - x0, y1 - y0
