"""Quadrants against each other: known levels apart, the wrong number of them, and the spread of groups."""

import numpy as np
import pytest

from toonctl.metrics.synchrony import (
    PATTERNS,
    Variance,
    quadrant_canvas,
    quadrant_psnr,
    quadrants_shown,
)


def figure(level: int = 100) -> np.ndarray:
    picture = np.full((20, 30, 3), 255, np.uint8)
    picture[5:15, 5:15] = level
    return picture


def test_canvases_show_what_they_are_asked_to() -> None:
    for shown in PATTERNS.values():
        canvas = quadrant_canvas(figure(), shown)
        assert canvas.shape == (40, 60, 3)
        found = quadrants_shown(canvas)
        assert set(found) == set(shown)
        assert all(np.array_equal(part, figure()) for part in found.values())


def test_equal_quadrants_are_as_alike_as_can_be() -> None:
    canvas = quadrant_canvas(figure(), PATTERNS["cross"])
    assert quadrant_psnr(canvas, canvas) == 100


def test_quadrants_by_hand() -> None:
    canvas = quadrant_canvas(figure(), PATTERNS["vertical"])
    canvas[25:35, 5:15] = 130  # 100 of 600 pixels, 30 levels off
    wanted = 10 * np.log10(255**2 / (30**2 * 100 / 600))
    assert quadrant_psnr(canvas, canvas) == pytest.approx(wanted)


def test_single_quadrants_of_two_films() -> None:
    ours, theirs = quadrant_canvas(figure(), ("tl",)), quadrant_canvas(figure(), ("br",))
    assert quadrant_psnr(ours, theirs) == 100
    three = quadrant_canvas(figure(), ("tl", "tr", "br"))
    assert quadrant_psnr(three, three) is None
    assert quadrant_psnr(ours, three) is None


def test_variance_by_hand() -> None:
    # Means 2 and 5 about 3.5: between 3 * 1.5^2 * 2 = 13.5 over 1; within 2 + 2 = 4 over 4.
    found = Variance.of([[1, 2, 3], [4, 5, 6]])
    assert found.f == pytest.approx(13.5)
    # F with 1 and n degrees of freedom is the square of Student's t with n; for n = 4 that has a closed form.
    t = 13.5**0.5
    share = t / (4 + t * t) ** 0.5
    assert found.p == pytest.approx(1 - 1.5 * share * (1 - share * share / 3))
    assert found.pairs[0, 1] == pytest.approx(found.p)  # of two groups there is but one pair


def test_groups_without_spread_differ_or_do_not() -> None:
    assert Variance.of([[1, 1], [1, 1]]) == Variance(0.0, 1.0, {(0, 1): 1.0})
    assert Variance.of([[1, 1], [2, 2]]) == Variance(float("inf"), 0.0, {(0, 1): 0.0})


def test_pairs_tell_which_group_is_apart() -> None:
    found = Variance.of([[30, 31, 29], [30, 29.5, 30.5], [38, 37, 39]])
    assert found.p < 0.001
    assert found.pairs[0, 1] > 0.9
    assert max(found.pairs[0, 2], found.pairs[1, 2]) < 0.001
    assert Variance.of([[1], [2, 3]]).pairs == {}
    with pytest.raises(ValueError, match="groups"):
        Variance.of([[1, 2]])
