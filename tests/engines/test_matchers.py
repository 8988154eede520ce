"""The learned matcher: a comparison read back to front, and no trace of what it was batched with."""

import numpy as np
import pytest

from engines.toys import toy
from toonctl.engines.cel.learned import LearnedMatcher
from toonctl.engines.cel.view import View, view_drawing
from toonctl.engines.cel.worker import matcher
from toonctl.regions.segment import SegmentOptions


@pytest.fixture
def fresh() -> LearnedMatcher:
    """The shipped network, nothing compared yet."""
    shipped = matcher("learned")
    assert isinstance(shipped, LearnedMatcher)
    return LearnedMatcher(shipped.model, shipped.dtype)


def view_at(fresh: LearnedMatcher, x: float) -> View:
    return view_drawing(f"at {x}", toy(x).frame, SegmentOptions(1.0), fresh.tokens)


def test_the_way_back_is_read_from_the_same_comparison(fresh: LearnedMatcher) -> None:
    a, b = view_at(fresh, 60), view_at(fresh, 66)
    (there,) = fresh.match(b, [a])
    (back,) = fresh.match(a, [b])
    assert there.shape == (b.n, a.n + 1)
    assert back.shape == (a.n, b.n + 1)
    np.testing.assert_allclose(np.exp(back).sum(1), 1, atol=1e-3)
    (anew,) = LearnedMatcher(fresh.model, fresh.dtype).match(a, [b])
    assert back[:, :-1].argmax(1).tolist() == anew[:, :-1].argmax(1).tolist()


def test_another_view_of_the_same_name_is_compared_anew(fresh: LearnedMatcher) -> None:
    a, b, other = (
        view_at(fresh, 60),
        view_at(fresh, 66),
        view_drawing("at 66", toy(120).frame, SegmentOptions(1.0), fresh.tokens),
    )
    fresh.match(b, [a])
    (found,) = fresh.match(a, [other])
    (wanted,) = LearnedMatcher(fresh.model, fresh.dtype).match(a, [other])
    assert found.tobytes() == wanted.tobytes()


def test_a_comparison_does_not_depend_on_its_company(fresh: LearnedMatcher) -> None:
    a, b, c = (view_at(fresh, x) for x in (60, 66, 96))
    together = fresh.match(a, [c, b])
    apart = [LearnedMatcher(fresh.model, fresh.dtype).match(a, [other])[0] for other in (c, b)]
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(np.exp(one), np.exp(other), atol=0.01)
