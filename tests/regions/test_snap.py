"""Pictures of a network brought back to the references' colors: exact flats, soft lines, clear paper."""

import cv2
import numpy as np
import pytest

from artkit import BALL, CUP, INK, SKY, ball, cup, sky
from pipelines.toyshot import share_equal
from toonctl.core.types import ColorModel, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.regions.snap import MOST_COLORS, Snap

SIZE = (640, 360)
PAPER = (255, 255, 255)
SHADED = (176, 136, 65)


def model(*colors: tuple[int, int, int]) -> ColorModel:
    table = np.array([(0, 0, 0, 0), *((*color, 255) for color in colors)], np.uint8)
    return ColorModel(table, table, table * 0, table * 0)


def drawing() -> Pixels:
    """A ball before a cup, RGBA on nothing."""
    return (cup(320, 100, 180, size=SIZE) + ball(260, 190, 90, size=SIZE)).painted


def repainted(picture: Pixels) -> Pixels:
    """As a network gives it: softer, its colors drifting, noise on them."""
    noise = np.random.default_rng(3).normal(0, 3, picture.shape[:2])
    soft = cv2.GaussianBlur(picture[..., :3], (0, 0), 0.8).astype(np.float64)
    drift = np.linspace(-8, 8, picture.shape[1])[None, :, None]
    soft = soft + drift + noise[..., None]
    out = picture.copy()
    out[..., :3] = soft.clip(0, 255).astype(np.uint8)
    return out


@pytest.fixture
def shades() -> ColorModel:
    colors = {tuple(color[:3]) for color in drawing()[drawing()[..., 3] == 255].tolist()}
    flat = [c for c in colors if min(abs(np.array(c) - INK).max() for _ in (0,)) > 60]
    counts = {c: int((drawing()[..., :3] == c).all(-1).sum()) for c in flat}
    return model(*(c for c, n in sorted(counts.items(), key=lambda item: -item[1]) if n > 500))


def test_flats_are_exact_and_paper_is_clear(shades: ColorModel) -> None:
    whole = blend_over(np.full((SIZE[1], SIZE[0], 4), 255, np.uint8), drawing())
    snap = Snap.of(shades, INK, PAPER)
    assert snap is not None
    paint, line = snap.layers(repainted(whole))
    allowed = {tuple(color) for color in shades.colors.tolist()}
    assert {tuple(c) for c in np.unique(paint.reshape(-1, 4), axis=0).tolist()} <= allowed
    assert share_equal(blend_over(paint, line), drawing(), within=24) > 0.96
    outside = cv2.dilate(drawing()[..., 3], np.ones((7, 7), np.uint8)) == 0
    assert (blend_over(paint, line)[outside][:, 3] == 0).mean() > 0.999


def test_lines_stay_lines_with_soft_edges(shades: ColorModel) -> None:
    whole = blend_over(np.full((SIZE[1], SIZE[0], 4), 255, np.uint8), drawing())
    snap = Snap.of(shades, INK, PAPER)
    assert snap is not None
    _, line = snap.layers(repainted(whole))
    drawn = (cup(320, 100, 180, size=SIZE) + ball(260, 190, 90, size=SIZE)).line
    core = drawn > 200
    assert (line[core][:, 3] > 100).mean() > 0.95
    away = cv2.dilate(drawn, np.ones((7, 7), np.uint8)) == 0
    assert (line[away][:, 3] == 0).mean() > 0.995
    assert {tuple(c) for c in line[line[..., 3] > 0][:, :3].tolist()} == {INK}


def test_a_reference_painted_all_over_leaves_nothing_clear() -> None:
    whole = blend_over(sky(SIZE), drawing())
    snap = Snap.of(model(BALL, CUP, SKY), INK, None)
    assert snap is not None
    paint, _ = snap.layers(repainted(whole))
    assert paint[..., 3].min() == 255


def test_paper_that_a_paint_resembles_is_no_paper() -> None:
    snap = Snap.of(model(BALL, (250, 250, 250)), INK, PAPER)
    assert snap is not None
    assert snap.paper is None


@pytest.mark.parametrize("n", [0, MOST_COLORS + 1])
def test_references_that_are_no_flat_paint_are_not_snapped_to(n: int) -> None:
    colors = [(i % 256, 40 + i // 256, 90) for i in range(n)]
    assert Snap.of(model(*colors), INK, None) is None


def test_a_picture_without_any_flat_area_is_still_snapped() -> None:
    noise = np.random.default_rng(5).integers(0, 255, (40, 60, 4), dtype=np.uint8)
    noise[..., 3] = 255
    snap = Snap.of(model(BALL, CUP, SHADED), INK, None)
    assert snap is not None
    paint, line = snap.layers(noise)
    assert {tuple(c) for c in np.unique(paint[..., :3].reshape(-1, 3), axis=0).tolist()} <= {
        BALL,
        CUP,
        SHADED,
        INK,
    }
    assert line.shape == noise.shape
