"""Alpha found again: known coverage comes back, light paint stays, and drawings grow by their keys."""

import cv2
import numpy as np
import pytest

from regions.packkit import BLUE, CREAM, INK, RED, SIZE, coverage, disc, on
from toonctl.regions.color_table import premultiplied
from toonctl.regions.packing.growing import Growth, LayerCell, grow
from toonctl.regions.packing.mattes import ground_for, ink_matte, inks_of, luminance_matte, straight
from toonctl.regions.packing.reference import redraw

WHITE = (255, 255, 255)
OURS, PUBLISHED = Growth("ink", "reference"), Growth("luminance", "bilinear")


def flat(rgba: np.ndarray, ground: tuple[int, int, int] = WHITE) -> np.ndarray:
    return np.rint(on(rgba, ground)).astype(np.uint8)


def shrunk(rgba: np.ndarray, size: tuple[int, int], ground: tuple[int, int, int] = WHITE) -> np.ndarray:
    small = cv2.resize(on(rgba, ground).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.rint(small).astype(np.uint8)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    apart = ((premultiplied(one) - premultiplied(other)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(apart, 1e-9)))


def test_luminance_by_hand() -> None:
    row = np.array(
        [[[255, 255, 255], [0, 0, 0], [233, 233, 233], [250, 250, 250], [217, 217, 217]]], np.uint8
    )
    alpha = luminance_matte(row)[0, :, 3]
    # Luma 233 / 255 lies 0.5097 down the ramp from 0.98 to 0.85: 3 r^2 - 2 r^3 of that.
    assert alpha.tolist() == [0, 255, 131, 0, 255]
    assert (luminance_matte(row)[..., :3] == row).all()


@pytest.mark.parametrize("ground", [WHITE, (0, 255, 0)])
@pytest.mark.parametrize("color", [RED, BLUE, INK])
def test_known_coverage_comes_back(color: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    layer = disc((70, 45), 30, color)
    found = ink_matte(flat(layer, ground), inks_of([layer]), ground)
    truth = coverage((70, 45), 30)
    assert np.abs(found[..., 3] / 255 - truth).mean() < 0.001
    assert np.abs(found[..., 3] / 255 - truth).max() < 0.02
    over_black = on(found, (0, 0, 0))
    assert (over_black <= np.array(color) + 1).all()  # no rim of the ground


def test_lines_over_paint_stay_opaque_and_what_they_are() -> None:
    layer = disc((70, 45), 30, RED, line_px=3)
    found = ink_matte(flat(layer), inks_of([layer]), WHITE)
    assert psnr(found, layer) > 45


def test_white_paint_needs_another_ground() -> None:
    layer = disc((70, 45), 30, CREAM, line_px=3)
    inks = inks_of([layer])
    assert ground_for(inks, "auto") != WHITE
    assert ground_for(inks, "white") == WHITE
    assert ground_for(inks_of([disc((70, 45), 30, RED)]), "auto") == WHITE
    found = ink_matte(flat(layer, ground_for(inks, "auto")), inks, ground_for(inks, "auto"))
    assert found[45, 70].tolist() == [*CREAM, 255]
    assert luminance_matte(flat(layer))[45, 70, 3] < 64  # as published, it is gone


def test_glass_keeps_its_alpha() -> None:
    layer = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    layer[20:60, 20:100] = (*BLUE, 128)
    layer[40:60, 20:60] = (*RED, 255)
    assert np.array_equal(ink_matte(flat(layer), inks_of([layer]), WHITE), layer)


def test_noise_of_a_coder_is_not_paint() -> None:
    layer = disc((70, 45), 30, RED, line_px=3)
    noise = np.random.default_rng(3).integers(-6, 7, (SIZE[1], SIZE[0], 3))
    noisy = np.clip(flat(layer).astype(int) + noise, 0, 255).astype(np.uint8)
    found = ink_matte(noisy, inks_of([layer]), WHITE)
    assert (found[35:55, 60:80] == (*RED, 255)).all()
    assert (found[:10] == 0).all()


def test_strange_colors_stay() -> None:
    layer = disc((70, 45), 30, RED)
    picture = flat(layer)
    picture[30:60, 50:90] = (90, 200, 190)
    found = ink_matte(picture, inks_of([layer]), WHITE)
    assert (found[35:55, 55:85] == (90, 200, 190, 255)).all()


def test_a_shrunk_key_grows_back_to_itself() -> None:
    key = disc((70, 45), 30, RED, line_px=2.5)
    cell = LayerCell(shrunk(key, (48, 32)), WHITE, (key, key), inks_of([key]))
    found = grow(cell, OURS)
    assert psnr(found, key) > 35
    assert psnr(grow(cell, PUBLISHED), key) < 25
    inside = found[found[..., 3] == 255][:, :3].astype(int)
    near = np.abs(inside[:, None] - np.array([RED, INK])).max(-1).min(1) <= 2
    assert near.mean() > 0.9  # clean paint, clean line


def test_between_keys_edges_come_from_both() -> None:
    keys = disc((50, 40), 26, RED, line_px=2.5), disc((90, 50), 26, RED, line_px=2.5)
    truth = disc((71.3, 45.6), 26, RED, line_px=2.5)
    cell = LayerCell(shrunk(truth, (48, 32)), WHITE, keys, inks_of(list(keys)))
    ours, plain = psnr(grow(cell, OURS), truth), psnr(grow(cell, Growth("ink", "bilinear")), truth)
    assert ours > plain + 6
    assert np.array_equal(grow(cell, OURS), grow(cell, OURS))


def test_what_no_key_shows_stays_as_it_was() -> None:
    keys = disc((50, 40), 26, RED), disc((90, 50), 26, RED)
    small = np.full((32, 48, 3), 255, np.float32)
    small[10:20, 10:30] = (0, 120, 40)
    base = np.zeros((SIZE[1], SIZE[0], 4), np.float32)
    base[30:60, 30:90] = (0, 120, 40, 255)
    assert np.abs(redraw(small, base, keys, WHITE) - base).max() < 1
    empty = np.full((32, 48, 3), 255, np.float32)
    assert redraw(empty, base, keys, WHITE) is base


def test_opaque_keys_stay_opaque_and_full_size_cells_are_not_grown() -> None:
    keys = tuple(
        np.dstack([flat(disc((x, 45), 20, RED)), np.full(SIZE[::-1], 255)]).astype(np.uint8) for x in (60, 80)
    )
    cell = LayerCell(shrunk(keys[0], (48, 32)), WHITE, keys, inks_of(list(keys)))
    assert (grow(cell, OURS)[..., 3] == 255).all()
    whole = LayerCell(keys[0][..., :3].copy(), WHITE, keys, inks_of(list(keys)))
    assert np.abs(grow(whole, OURS).astype(int) - keys[0]).max() <= 2


def test_a_coders_noise_and_drift_do_not_come_through() -> None:
    keys = disc((50, 40), 26, RED, line_px=2.5), disc((90, 50), 26, RED, line_px=2.5)
    truth = disc((71.3, 45.6), 26, RED, line_px=2.5)
    noise = np.random.default_rng(5).normal(0, 3, (32, 48, 3))
    coded = np.clip(shrunk(truth, (48, 32)) * 0.97 + noise, 0, 255).astype(np.uint8)
    found = grow(LayerCell(coded, WHITE, keys, inks_of(list(keys))), OURS)
    assert psnr(found, truth) > 25
    inside = found[30:60, 56:86]
    assert ((inside == (*RED, 255)).all(-1)).mean() > 0.95
    assert not found[:8].any()


def test_pictures_with_many_edges() -> None:
    rows, columns = np.mgrid[:240, :360]
    stripes = np.where(((rows + columns) // 6 % 2)[..., None], RED, BLUE)
    key = np.dstack([stripes, np.full(stripes.shape[:2], 255)]).astype(np.uint8)
    cell = LayerCell(shrunk(key, (120, 80)), WHITE, (key, key), inks_of([key]))
    found = grow(cell, OURS)  # 86,400 pixels of it at edges
    assert psnr(found, key) > 35


def test_shades_are_no_inks() -> None:
    ramp = np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :, None], (SIZE[1], 1, 3))
    shaded = np.dstack([ramp, ramp[..., 0] // 2 + np.arange(SIZE[1], dtype=np.uint8)[:, None]])
    assert len(inks_of([shaded.astype(np.uint8)])) == 0
    picture = ramp.copy()
    assert np.array_equal(ink_matte(picture, inks_of([shaded]), None)[..., :3], picture)


def test_clear_pixels_have_no_color() -> None:
    row = np.array([[[40, 20, 10, 51], [0.1, 0.1, 0.1, 0.2], [300, 10, 10, 255]]], np.float32)
    assert straight(row)[0].tolist() == [[200, 100, 50, 51], [0, 0, 0, 0], [255, 10, 10, 255]]
