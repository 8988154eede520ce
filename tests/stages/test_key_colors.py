"""Network pictures between keys in the keys' own colors."""

import cv2
import numpy as np
import pytest

from artkit import ball, cup, sky
from pipelines.toyshot import share_equal
from toonctl.core.types import Pixels
from toonctl.formats.compositing import blend_over
from toonctl.stages.key_colors import KeyColors

SIZE = (640, 360)


def figure(x: float) -> Pixels:
    """A ball before a cup, RGBA on nothing."""
    return (cup(320, 100, 180, size=SIZE) + ball(x, 190, 90, size=SIZE)).painted


def drifted(picture: Pixels) -> Pixels:
    """As a network gives it: softer, and a little too dark."""
    out = picture.copy()
    soft = cv2.GaussianBlur(picture[..., :3], (0, 0), 0.8).astype(np.float64)
    out[..., :3] = (soft * 0.97).clip(0, 255).astype(np.uint8)
    return out


def flats(picture: Pixels) -> set[tuple[int, ...]]:
    colors, counts = np.unique(picture.reshape(-1, 4), axis=0, return_counts=True)
    return {tuple(color) for color in colors[counts > 400].tolist()}


@pytest.mark.parametrize("is_clear", [False, True])
def test_flats_are_those_of_the_keys(is_clear: bool) -> None:
    first, between, last = (
        figure(x) if is_clear else blend_over(sky(SIZE), figure(x)) for x in (200, 260, 320)
    )
    colors = KeyColors.of([first, last])
    assert colors is not None
    snapped = colors.snapped(drifted(between))
    assert flats(snapped) == flats(between)
    assert share_equal(snapped, between, within=24) > 0.96
    assert ((snapped[..., 3] == 0) == (between[..., 3] == 0)).mean() > 0.99


def test_a_white_paint_leaves_the_alpha_to_the_matte() -> None:
    key = figure(200)
    cv2.circle(key, (200, 190), 30, (255, 255, 255, 255), -1)
    colors = KeyColors.of([key])
    assert colors is not None
    assert colors.snap.paper is None
    snapped = colors.snapped(drifted(key))
    assert (snapped[..., 3] == key[..., 3]).all()
    assert tuple(snapped[190, 200]) == (255, 255, 255, 255)


def test_pictures_that_are_no_flats_stay_as_they_are() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 4), np.uint8)
    noise[..., 3] = 255
    assert KeyColors.of([cv2.resize(noise[:30, :40], SIZE, interpolation=cv2.INTER_NEAREST)]) is None
