"""Whole pictures on their way in and out of a video network: laid on white, fitted, timed, matted."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit import INK, SIZE, ball, cup, tint, walk
from toonctl.core.types import Pixels
from toonctl.engines.inbetween._clips import fitting_steps, places
from toonctl.engines.inbetween._matte import matte
from toonctl.engines.inbetween._options import is_near_trained
from toonctl.engines.inbetween._pictures import Fit, on_white
from toonctl.formats.compositing import blend_over

CHOICES = range(32, 81, 4)
WHITE = (255, 255, 255)


@given(st.integers(2, 60))
def test_even_timing_gets_a_frame_for_every_drawing(n: int) -> None:
    times = [k / n for k in range(1, n)]
    steps = fitting_steps(times, CHOICES)
    found = places(times, steps)
    assert all(a < b for a, b in pairwise(found))
    assert found[0] >= 1
    assert found[-1] < steps
    assert steps <= 80


def test_clips_are_as_short_as_timing_allows() -> None:
    assert fitting_steps([0.5], CHOICES) == 32
    assert fitting_steps([k / 8 for k in range(1, 8)], CHOICES) == 32
    assert fitting_steps([k / 44 for k in range(1, 44)], CHOICES, uneven=1 / 6) == 44
    assert fitting_steps([k / 23 for k in range(1, 23)], CHOICES, uneven=1 / 6) > 44
    assert fitting_steps([k / 36 for k in range(1, 36)], [37, 73, 109]) == 37
    assert fitting_steps([k / 70 for k in range(1, 70)], [37, 73, 109]) == 73
    assert fitting_steps([0.001, 0.002], CHOICES) == 80
    assert places([0.25, 0.5], 8) == (2, 4)
    assert places([0.001, 0.999], 8) == (1, 7)
    with pytest.raises(ValueError, match="nothing between"):
        places([0.5], 1)
    with pytest.raises(ValueError, match="needs a length"):
        fitting_steps([0.5], [])


@given(st.integers(20, 300), st.integers(20, 300), st.sampled_from([(64, 48), (96, 96), (32, 80)]))
def test_a_picture_is_fitted_in_whole(width: int, height: int, target: tuple[int, int]) -> None:
    fit = Fit((width, height), target)
    picture = np.full((height, width, 3), (200, 30, 60), np.uint8)
    inside = fit.into(picture)
    assert inside.shape == (target[1], target[0], 3)
    assert (inside == (200, 30, 60)).all()
    assert fit.back(inside).shape == picture.shape
    x, y, w, h = fit.box
    assert x + w <= target[0]
    assert y + h <= target[1]
    assert w == target[0] or h == target[1]


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    picture = on_white(walk(1)[0].painted)
    fit = Fit(SIZE, SIZE)
    assert (fit.into(picture) == picture).all()
    assert (fit.back(picture) == picture).all()


def test_trained_sizes_are_known() -> None:
    assert is_near_trained((832, 480), 640 * 640)
    assert not is_near_trained((830, 480), 640 * 640)
    assert not is_near_trained((160, 96), 640 * 640)
    assert not is_near_trained((1920, 1088), 640 * 640)


def over(picture: Pixels, level: int) -> np.ndarray:
    alpha = picture[..., 3:].astype(np.float64) / 255
    return picture[..., :3] * alpha + level * (1 - alpha)


@pytest.mark.parametrize("x", [60, 80, 100])
def test_alpha_comes_back(x: int) -> None:
    drawing = (cup(96, 30) + ball(x, 58)).painted
    keys = walk(2)[0].painted, walk(2)[1].painted
    found = matte(on_white(drawing), keys)
    error = np.abs(found[..., 3].astype(float) - drawing[..., 3]) / 255
    assert error.mean() < 0.002
    assert np.abs(over(found, 255) - over(drawing, 255)).max() <= 21
    # On black nothing is lighter than the drawing: no white rim.
    assert ((over(found, 0) - over(drawing, 0)).max(-1) > 16).mean() < 5e-4


def test_enclosed_white_stays() -> None:
    eyes, rings = ([ring(x, is_hole=is_hole) for x in (20, 60)] for is_hole in (False, True))
    between = on_white(ring(40, is_hole=True))
    for keys, alpha in ((eyes, 255), (rings, 0)):
        found = matte(between, (keys[0], keys[1]))[..., 3]
        assert found[30, 40] == alpha
        assert found[0, 0] == 0
    # Both at once: what is as large as the keys' hole is a hole, what is as large as their white is not.
    both = [blend_over(ring(x, is_hole=True), ring(x, 5, is_hole=False)) for x in (22, 58)]
    pupil = cv2.circle(on_white(ring(40, is_hole=True)), (40, 30), 5, (20, 20, 20), 2, cv2.LINE_AA)
    found = matte(pupil, (both[0], both[1]))[..., 3]
    assert (found[30, 40], found[30, 50]) == (255, 0)


def ring(x: int, radius: int = 18, *, is_hole: bool) -> Pixels:
    """A ring around nothing, or around white."""
    line = np.zeros((60, 80), np.uint8)
    cv2.circle(line, (x, 30), radius, 255, 2, cv2.LINE_AA)
    if is_hole:
        return tint(line, (20, 20, 20))
    return blend_over(tint(cv2.circle(np.zeros_like(line), (x, 30), radius, 255, -1), WHITE), tint(line, INK))


def test_thin_lines_keep_their_ink() -> None:
    line = np.zeros((60, 80), np.uint8)
    cv2.line(line, (5, 10), (74, 44), 255, 1, cv2.LINE_AA)
    drawing = np.zeros((60, 80, 4), np.uint8)
    drawing[..., :3], drawing[..., 3] = (30, 20, 60), line
    key = tint(cv2.rectangle(np.zeros_like(line), (10, 10), (60, 40), 255, 1), (30, 20, 60))
    alpha = matte(on_white(drawing), (key, np.zeros_like(key)))[..., 3]
    assert float(alpha.sum()) == pytest.approx(float(line.sum()), rel=0.03)


def test_keys_without_holes_give_pictures_without() -> None:
    opaque = np.full((20, 30, 4), 255, np.uint8)
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    found = matte(picture, (opaque, opaque))
    assert (found[..., :3] == picture).all()
    assert (found[..., 3] == 255).all()
    # A white wall that runs off the page is opaque in both keys: it stays.
    half = opaque.copy()
    half[5:15, 10:20, 3] = 0
    assert matte(np.full((20, 30, 3), 255, np.uint8), (half, opaque))[..., 3].min() == 255
