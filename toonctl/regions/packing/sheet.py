"""Packing and unpacking pictures, and finding drawings that left their cell.

Letters: H height, W width of the art; h, w of a cell's picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from toonctl.core.types import Pixels
from toonctl.regions.packing.plan import WHITE, Box, Cell, Color, Pack

CROSSED = "came to the border of its cell in the packed picture"
"""What is said of a drawing that left its cell."""

_OFF_GROUND = 48
"""Levels by which a pixel of a guard may miss its ground: less is what video coders do beside edges."""
_LEAST_INK_PX = 4


def pack_layers(pack: Pack, layers: Mapping[str, Pixels], composite: Pixels) -> Pixels:
    """The packed picture RGB, of the pack's size: cells by their name, guards and spare room as the grounds.

    `layers` and `composite` are RGBA `[H, W, 4]`; layers that are not in it count as empty.
    """
    sheet = np.full((pack.size[1], pack.size[0], 3), WHITE, np.uint8)
    for cell in pack.cells:
        sheet[_at(cell.slot)] = cell.ground
        picture = composite if cell.layer is None else layers.get(cell.layer)
        if picture is not None:
            part = over_color(picture[_at(pack.source)], cell.ground)
            sheet[_at(cell.place)] = np.rint(shrunk(part, cell.place[2:])).astype(np.uint8)
    return sheet


def unpack(pack: Pack, sheet: Pixels) -> dict[str | None, Pixels]:
    """The pictures RGB `[h, w, 3]` of all cells by name; nothing is resized.

    Raises: ValueError when the picture is not of the pack's size.
    """
    if sheet.shape != (pack.size[1], pack.size[0], 3):
        raise ValueError(f"a packed picture of {pack.size} was expected, not {sheet.shape}")
    return {cell.layer: np.ascontiguousarray(sheet[_at(cell.place)]) for cell in pack.cells}


def over_color(rgba: Pixels, ground: Color) -> np.ndarray:
    """RGBA `[H, W, 4]` laid over a color, float32 RGB 0..255."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return rgba[..., :3] * alpha + np.array(ground, np.float32) * (1 - alpha)


def shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A float32 picture at a smaller `size` (width, height), area by area; itself when it has that size."""
    if picture.shape[1::-1] == tuple(size):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a drawing came to the border of its cell, as a box in the art; `layer` None is the composite."""

    layer: str | None
    box: Box


def crossings(pack: Pack, sheet: Pixels) -> tuple[Crossing, ...]:
    """The cells of a packed picture with ink in the outer half of their guard, in the order of cells.

    A drawing that moves into a neighbor's cell goes through both guards, so both are named (LayerPack,
    fig. 10). Cells without a guard are not looked at.
    """
    found: list[Crossing] = []
    for cell in pack.cells:
        mask = _outer_guard(cell)
        if mask is None:
            continue
        off = np.abs(sheet[_at(cell.slot)].astype(np.int16) - np.array(cell.ground, np.int16)).max(-1)
        rows, columns = np.nonzero(mask & (off > _OFF_GROUND))
        if len(rows) >= _LEAST_INK_PX:
            found.append(Crossing(cell.layer, _in_art(pack, cell, rows, columns)))
    return tuple(found)


def crossing_rate(pack: Pack, sheets: Sequence[Pixels]) -> float:
    """The share of cells in all `sheets` whose drawing came to the border, 0..1; 0 without sheets."""
    n_crossed = sum(len(crossings(pack, sheet)) for sheet in sheets)
    return n_crossed / (len(pack.cells) * len(sheets)) if sheets else 0.0


def _outer_guard(cell: Cell) -> np.ndarray | None:
    """The guard of a slot where it lies nearer to the border than to the picture; None without a guard."""
    x, y, w, h = cell.place[0] - cell.slot[0], cell.place[1] - cell.slot[1], *cell.place[2:]
    right, below = cell.slot[2] - x - w, cell.slot[3] - y - h
    if min(x, y, right, below) < 1:
        return None
    mask = np.ones(cell.slot[:1:-1], bool)
    mask[(y + 1) // 2 : y + h + below // 2, (x + 1) // 2 : x + w + right // 2] = False
    return mask


def _in_art(pack: Pack, cell: Cell, rows: np.ndarray, columns: np.ndarray) -> Box:
    """The box in the art around pixels of a slot, cut off at the part that the cell shows."""
    x, y, w, h = pack.source
    at_x = (columns + cell.slot[0] - cell.place[0]) / cell.place[2]
    at_y = (rows + cell.slot[1] - cell.place[1]) / cell.place[3]
    x0, x1 = (int(np.clip(round(x + edge * w), x, x + w - 1)) for edge in (at_x.min(), at_x.max()))
    y0, y1 = (int(np.clip(round(y + edge * h), y, y + h - 1)) for edge in (at_y.min(), at_y.max()))
    return x0, y0, x1 - x0 + 1, y1 - y0 + 1


def _at(box: Box) -> tuple[slice, slice]:
    x, y, w, h = box
    return slice(y, y + h), slice(x, x + w)
