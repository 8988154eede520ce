"""Thumbnails: averaged with their alpha, to the byte as Pillow does it, from any picture."""

import numpy as np
import pytest
from PIL import Image

from toonctl.core.types import Pixels
from toonctl.formats.thumbnail import shrink

RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(0, 256, (90, 121, 4), np.uint8)


def cel() -> Pixels:
    """Flat paint with a soft rim on nothing, and color hidden where it is transparent."""
    picture = np.zeros((90, 120, 4), np.uint8)
    picture[20:70, 30:90] = (200, 120, 40, 255)
    picture[20:70, 28:30] = (200, 120, 40, 90)
    picture[:5, :5, :3] = 77
    return picture


def opaque() -> Pixels:
    picture = NOISE.copy()
    picture[..., 3] = 255
    return picture


PICTURES = {"noise": NOISE, "cel": cel(), "opaque": opaque(), "other columns": opaque()[:, ::2]}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [(40, 30), (7, 5), (1, 1)])
def test_shrinks_as_pillow_does(name: str, size: tuple[int, int]) -> None:
    picture = PICTURES[name]
    before = picture.copy()
    whole = Image.fromarray(picture).convert("RGBa")
    wanted = whole.resize(size, Image.Resampling.BOX, reducing_gap=1.0).convert("RGBA")
    assert (shrink(picture, size) == np.asarray(wanted)).all()
    assert (picture == before).all()


def test_a_picture_of_the_size_is_left_alone() -> None:
    assert shrink(NOISE, (121, 90)) is NOISE
