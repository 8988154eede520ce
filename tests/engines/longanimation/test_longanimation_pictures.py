"""Pictures into the networks' size and back: whole, in place, with lines as the networks know them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toonctl.core.types import LineFrame
from toonctl.engines.longanimation.pictures import Fit, as_seen, drawings, eight_bit, painted, sketches

sides = st.integers(16, 4096)


@given(st.tuples(sides, sides), st.tuples(st.integers(1, 80), st.integers(1, 80)))
def test_a_fit_holds_the_whole_picture(size: tuple[int, int], box: tuple[int, int]) -> None:
    limit = (16 * box[0], 16 * box[1])
    fit = Fit.into(size, limit)
    for inner, outer, most in zip(fit.inner, fit.outer, limit, strict=True):
        assert 1 <= inner <= outer <= most
        assert outer % 16 == 0
        assert outer - inner < 16
    assert any(inner == most for inner, most in zip(fit.inner, limit, strict=True))


def test_the_trained_size_is_met_exactly() -> None:
    assert Fit.into((1920, 1080), (1024, 576)) == Fit((1920, 1080), (1024, 576), (1024, 576))
    assert Fit.into((1440, 1080), (1024, 576)).inner == (768, 576)


def test_a_picture_goes_in_and_comes_back() -> None:
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 256, (5, 7, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    fit = Fit.into((56, 40), (56, 40))
    assert fit.outer == (64, 48)
    laid = painted(picture, fit)
    assert laid.shape == (3, 48, 64)
    assert torch.equal(laid[:, 0], torch.ones(3, 64))  # paper around it
    back = eight_bit(fit.cut(laid[None]))[0]
    assert np.array_equal(fit.delivered(back), picture)
    assert torch.allclose(as_seen(back[None])[0], fit.cut(laid[None])[0] / 2 + 0.5, atol=1e-6)


@pytest.mark.parametrize(("ink", "is_line"), [(0, False), (55, False), (57, True), (255, True)])
def test_ink_is_line_from_the_published_gray_on(ink: int, is_line: bool) -> None:
    plane = np.zeros((16, 16), np.uint8)
    plane[4:8] = ink
    found = sketches([LineFrame(plane, plane)], Fit.into((16, 16), (16, 16)))
    assert found.shape == (1, 3, 16, 16)
    assert set(found.unique().tolist()) <= {-1.0, 1.0}
    assert bool((found[0, :, 4:8] == (1 if is_line else -1)).all())
    assert bool((found[0, :, 8:] == -1).all())


def test_a_thin_line_survives_the_smaller_size() -> None:
    plane = np.zeros((1080, 1920), np.uint8)
    plane[:, 900:903] = 255
    fit = Fit.into((1920, 1080), (1024, 576))
    assert bool((drawings([LineFrame(plane, plane)], fit)[0, 0].min(1).values <= 0.78).all())
