"""Cells of a packed picture: where they lie, what comes back out of them, and what leaves them."""

import math
from itertools import combinations

import cv2
import numpy as np
import pytest

from regions.packkit import BLUE, RED, SIZE, disc, on
from toonctl.regions.packing.plan import (
    Canvas,
    Pack,
    PackOrder,
    grid_of,
    groups_of,
    moving_box,
    plan_pack,
    plan_packs,
    touching_px,
)
from toonctl.regions.packing.sheet import crossing_rate, crossings, pack_layers, unpack

WIDE = Canvas(((832, 480), (480, 832)), 16)
WHOLE = (0, 0, *SIZE)
NOTHING = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)


def order(source: tuple[int, int, int, int] = (0, 0, 1920, 1080), canvas: Canvas = WIDE) -> PackOrder:
    return PackOrder(source, canvas, 0.06)


def names(count: int) -> list[str]:
    return [f"L{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("n_cells", "shape"),
    [
        *((1, (1, 1)), (2, (1, 2)), (3, (2, 2)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3)), (7, (3, 3))),
        *((9, (3, 3)), (10, (3, 4)), (12, (3, 4)), (13, (4, 4)), (16, (4, 4)), (17, (4, 5)), (20, (4, 5))),
    ],
)
def test_the_grids_of_the_paper(n_cells: int, shape: tuple[int, int]) -> None:
    assert grid_of(n_cells) == shape


def test_no_smaller_grid_would_do() -> None:
    for n_cells in range(1, 42):
        rows, columns = grid_of(n_cells)
        assert rows * columns >= n_cells
        assert columns - rows in (0, 1)
        smaller = rows * rows if columns > rows else (rows - 1) * rows
        assert smaller < n_cells
    with pytest.raises(ValueError, match="one cell"):
        grid_of(0)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5, 8, 13, 19, 40])
def test_cells_lie_on_the_engines_grid_and_apart(n_layers: int) -> None:
    pack = plan_pack(names(n_layers), order(), has_composite=True)
    assert [cell.layer for cell in pack.cells] == [None, *names(n_layers)]
    assert pack.size in WIDE.sizes
    for cell in pack.cells:
        x, y, w, h = cell.slot
        assert (w % 16, h % 16) == (0, 0)
        assert 0 <= x <= x + w <= pack.size[0]
        assert 0 <= y <= y + h <= pack.size[1]
        inner_x, inner_y, inner_w, inner_h = cell.place
        guard = math.floor(0.06 * w), math.floor(0.06 * h)
        assert inner_x - x >= guard[0]
        assert inner_y - y >= guard[1]
        assert x + w - inner_x - inner_w >= guard[0]
        assert y + h - inner_y - inner_h >= guard[1]
        assert abs(inner_w / inner_h - 1920 / 1080) < 0.06
    for one, other in combinations(pack.cells, 2):
        apart_x = one.slot[0] >= other.slot[0] + other.slot[2] or other.slot[0] >= one.slot[0] + one.slot[2]
        apart_y = one.slot[1] >= other.slot[1] + other.slot[3] or other.slot[1] >= one.slot[1] + one.slot[3]
        assert apart_x or apart_y


def test_of_two_grids_the_one_with_larger_cells() -> None:
    pack = plan_pack(["A"], order(canvas=Canvas(((512, 320),), 8)), has_composite=True)
    assert pack.cells[1].slot == (0, 160, 512, 160)  # two above each other, not side by side


def test_small_art_is_not_enlarged_and_one_cell_has_no_guard() -> None:
    assert plan_pack(["A", "B"], order((4, 8, 40, 30)), has_composite=True).scale == 1
    alone = plan_pack(["A"], order((0, 0, 832, 480)), has_composite=False)
    assert alone.cells[0].place == (0, 0, 832, 480)


def test_no_room() -> None:
    with pytest.raises(ValueError, match="no room in 64x64"):
        plan_pack(names(20), order(canvas=Canvas(((64, 64),), 16)), has_composite=True)


@pytest.mark.parametrize("n_layers", [11, 13, 25])
def test_many_layers_go_to_several_packs_with_one_anchor(n_layers: int) -> None:
    touching = np.ones((n_layers, n_layers), np.int64)
    found = plan_packs(names(n_layers), order(), least_scale=0.1, touching=touching)
    assert len(found.packs) > 1
    assert not found.is_coarse
    assert all(pack.cells[0].layer is None for pack in found.packs)
    assert all(pack.scale >= 0.1 for pack in found.packs)
    shown = [name for pack in found.packs for name, _ in pack.cells_of_layers]
    assert sorted(shown) == sorted(names(n_layers))
    assert plan_packs(["A"], order(), least_scale=0.9, touching=np.zeros((1, 1), np.int64)).is_coarse


def test_what_touches_shares_a_pack() -> None:
    covers = [on(disc((x, 40), 12, RED), (0, 0, 0)).max(-1) > 0 for x in (20, 100, 30, 110)]
    assert groups_of(touching_px(covers), 2) == ((0, 2), (1, 3))


def test_the_box_around_what_moves() -> None:
    cover = np.zeros((100, 200), bool)
    cover[40:60, 100:150] = True
    assert moving_box([cover], room=0.1) == (95, 38, 60, 24)
    cover[0, 0] = True
    assert moving_box([cover]) == (0, 0, 165, 66)
    assert moving_box([np.zeros((4, 4), bool)]) is None


def packed(margin_art: int = 0) -> tuple[Pack, dict[str, np.ndarray]]:
    """Two layers that fit their cells unresized."""
    layers = {"A": disc((50 + margin_art, 40), 20, RED), "B": disc((90, 50), 25, BLUE)}
    canvas = Canvas(((384, 256),), 16)
    return plan_pack(
        ["A", "B"], PackOrder(WHOLE, canvas, 0.06, {"B": (0, 255, 0)}), has_composite=True
    ), layers


def test_unresized_cells_come_back_bit_for_bit() -> None:
    pack, layers = packed()
    assert pack.scale == 1
    sheet = pack_layers(pack, layers, layers["A"])
    assert sheet.shape == (256, 384, 3)
    cells = unpack(pack, sheet)
    for name, ground in ((None, (255, 255, 255)), ("A", (255, 255, 255)), ("B", (0, 255, 0))):
        truth = np.rint(on(layers[name or "A"], ground))
        assert np.array_equal(cells[name], truth)
    with pytest.raises(ValueError, match="expected"):
        unpack(pack, sheet[1:])


def test_what_is_empty_shows_its_ground() -> None:
    pack, layers = packed()
    sheet = pack_layers(pack, {"A": layers["A"]}, NOTHING)
    cells = unpack(pack, sheet)
    assert (cells["B"] == (0, 255, 0)).all()
    assert (cells[None] == 255).all()
    assert (sheet[128:, 192:] == 255).all()  # no fourth cell


def test_shrunk_cells_hold_the_means_of_areas() -> None:
    canvas = Canvas(((192, 112),), 8)
    pack = plan_pack(["A", "B"], PackOrder(WHOLE, canvas, 0.06), has_composite=True)
    assert pack.scale < 1
    layer = disc((50, 40), 20, RED)
    cell = unpack(pack, pack_layers(pack, {"A": layer}, NOTHING))["A"]
    wanted = cv2.resize(
        on(layer, (255, 255, 255)).astype(np.float32), cell.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert np.abs(cell - wanted).max() <= 1


def test_crossings_are_seen_and_nothing_else() -> None:
    pack, layers = packed()
    sheet = pack_layers(pack, layers, layers["A"])
    assert crossings(pack, sheet) == ()
    cell = dict(pack.cells_of_layers)["A"]
    moved = sheet.copy()
    x, y, _, h = cell.slot
    moved[y + h - 12 : y + h, x + 80 : x + 90] = RED  # into the cell below
    [found] = crossings(pack, moved)
    assert found.layer == "A"
    left, top, width, height = found.box
    assert abs(left - (80 - (cell.place[0] - x))) <= 1
    assert 9 <= width <= 12
    assert top + height == SIZE[1]
    assert crossing_rate(pack, [sheet, moved]) == pytest.approx(1 / 6)
    assert crossing_rate(pack, []) == 0
    faint = sheet.copy()
    faint[y + h - 12 : y + h, x + 80 : x + 90] -= 30  # what coders do beside edges
    assert crossings(pack, faint) == ()
