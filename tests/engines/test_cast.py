"""Who is who: figures of one build that change places, and what regions and colors may claim."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.engines.cel.cast import Cast, with_figures
from toonctl.engines.cel.figures import conserve_area
from toonctl.engines.cel.memory import MemoryItem, certain
from toonctl.engines.cel.neighbors import ColorNeighbors
from toonctl.regions.describe import Description

HAND, SHIRT = 0, 1
TWINS = np.array([0, 1, 2, 3], np.uint16)  # hand and shirt of one figure, hand and shirt of the other
APART, TOUCHING = (0, 0, 1, 1), (0, 0, 0, 0)


def view(outlines: tuple[int, ...], *, name: str = "") -> Any:
    """A drawing whose regions belong to these connected outlines; hands are small, shirts are large."""
    n = len(outlines)
    pairs = np.array([(i, i + 1) for i in range(0, n - 1, 2)], np.int32).reshape(-1, 2)
    meet = np.full(len(pairs), 100.0, np.float32)
    graph = SimpleNamespace(figure=np.array(outlines), pairs=pairs, shared=meet, opening=0 * meet)
    area = np.array([200, 900] * n)[:n]
    return SimpleNamespace(n=n, name=name, area=area, graph=graph)


class Tracing:
    """A matcher that knows for every pair of drawings which region goes on in which."""

    def __init__(self, links: dict[tuple[str, str], list[list[float]]]) -> None:
        self.links = links

    def tokens(self, description: Description) -> NDArray[np.float16]:
        return np.zeros((len(description.geometry), 0), np.float16)

    def match(self, view: Any, others: Any) -> list[NDArray[np.float32]]:
        found = [np.array(self.links[view.name, other.name], np.float32) for other in others]
        return [np.log(np.maximum(np.pad(m, ((0, 0), (0, 1))), 1e-9)) for m in found]


STAY = [
    [0.94, 0.02, 0.02, 0.02],
    [0.02, 0.94, 0.02, 0.02],
    [0.02, 0.02, 0.94, 0.02],
    [0.02, 0.02, 0.02, 0.94],
]
SELF = [[0.97, 0.0, 0.03, 0.0], [0.0, 0.97, 0.0, 0.03], [0.03, 0.0, 0.97, 0.0], [0.0, 0.03, 0.0, 0.97]]


def reference(colors: NDArray[np.uint16] = TWINS, n_colors: int = 4) -> MemoryItem:
    (item,) = with_figures([certain(view(APART, name="ref"), colors, n_colors)])
    return item


def test_figures_are_told_apart_by_paint() -> None:
    assert reference().figures.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_figures_in_the_same_paint_are_one_and_make_no_cast() -> None:
    assert reference(np.array([0, 1, 0, 1], np.uint16)).figures.shape == (4, 0)


def test_figures_of_several_references_are_one_by_their_paint() -> None:
    swapped = np.roll(TWINS, 2)
    first, second = with_figures([certain(view(APART), colors, 4) for colors in (TWINS, swapped)])
    assert second.figures.tolist() == np.roll(first.figures, 2, 0).tolist()


def test_figures_that_touch_in_a_reference_are_told_apart_by_color() -> None:
    apart, touching = (certain(view(outlines), TWINS, 4) for outlines in (APART, TOUCHING))
    for found in (with_figures([apart, touching]), with_figures([touching, apart])[::-1]):
        assert [item.figures.tolist() for item in found] == [[[1, 0], [1, 0], [0, 1], [0, 1]]] * 2


def test_a_single_figure_makes_no_cast_and_closes_no_color() -> None:
    (item,) = with_figures([certain(view(TOUCHING, name="ref"), TWINS, 4)])
    cast = Cast(Tracing({}), [item])
    (identity,) = cast.follow(Tracing({}), [view(TOUCHING, name="a")], item)
    assert identity.figures.shape == (4, 0)
    said = np.full((4, 4), 0.2, np.float32)
    assert identity.admit(said) == pytest.approx(np.full((4, 4), 0.25))


def test_who_comes_out_from_behind_is_the_one_who_is_not_in_front() -> None:
    """The second figure vanishes behind the first, and what comes out is taken for the one in front."""
    ref, hidden, out = reference(), view((0, 0), name="hidden"), view(APART, name="out")
    links = {
        ("ref", "ref"): SELF,
        ("hidden", "ref"): STAY[:2],
        ("out", "hidden"): [[0.96, 0.02], [0.02, 0.96], [0.8, 0.1], [0.1, 0.8]],
        ("hidden", "out"): STAY[:2],
    }
    matcher = Tracing(links)
    _, after = Cast(matcher, [ref]).follow(matcher, [hidden, out], ref)
    assert after.figures.argmax(1).tolist() == [0, 0, 1, 1]
    # The colors of the one in front are closed to the other, and become those of the same part.
    mistaken = np.array([[0.9, 0.1, 0, 0], [0.1, 0.9, 0, 0]] * 2, np.float32)
    assert after.admit(mistaken).argmax(1).tolist() == [0, 1, 2, 3]


def test_what_touches_a_figure_may_be_another_s() -> None:
    """The second figure lays a hand on the first: one outline, and yet its hand."""
    ref, laid = reference(), view((0, 0, 0, 1), name="laid")
    matcher = Tracing({("ref", "ref"): SELF, ("laid", "ref"): STAY})
    (identity,) = Cast(matcher, [ref]).follow(matcher, [laid], ref)
    assert identity.figures.argmax(1).tolist() == [0, 0, 1, 1]


def test_where_nobody_can_tell_nothing_is_settled() -> None:
    ref, blank = reference(), view(APART, name="blank")
    matcher = Tracing({("ref", "ref"): SELF, ("blank", "ref"): [[0.25] * 4] * 4})
    (identity,) = Cast(matcher, [ref]).follow(matcher, [blank], ref)
    assert np.ptp(identity.figures, axis=1).max() < 0.1
    assert identity.is_open.min() > 0.9


def test_who_was_hidden_is_told_from_the_drawing_after() -> None:
    """Both touch in the drawing between, where the second figure's parts are known from after alone."""
    ref, mixed, apart = reference(), view(TOUCHING, name="mixed"), view(APART, name="apart")
    unknown = [[0.0] * 4] * 2
    links = {
        ("ref", "ref"): SELF,
        ("mixed", "ref"): STAY[:2] + unknown,
        ("apart", "mixed"): STAY,
        ("mixed", "apart"): STAY,
    }
    matcher = Tracing(links)
    between, _ = Cast(matcher, [ref]).follow(matcher, [mixed, apart], ref)
    assert between.figures.argmax(1).tolist() == [0, 0, 1, 1]
    assert between.figures[2:].max(1).min() > 0.8


def test_a_region_does_not_become_two_of_its_size() -> None:
    match = np.array([[0.95, 0.05], [0.9, 0.1]], np.float32)
    mine, other = (
        SimpleNamespace(n=2, area=np.array([1000, 1000])),
        SimpleNamespace(n=1, area=np.array([1000])),
    )
    kept = conserve_area(match, mine, other)  # type: ignore[arg-type]
    assert kept[0] == pytest.approx([0.95, 0.05])
    assert kept[1, 0] == pytest.approx((1.3 * 1000 + 20 - 950) / 1000)
    assert kept.sum(1) == pytest.approx([1, 1])


def test_a_region_may_fall_to_pieces() -> None:
    match = np.array([[0.95, 0.05]] * 4, np.float32)
    mine, other = SimpleNamespace(n=4, area=np.full(4, 250)), SimpleNamespace(n=1, area=np.array([1000]))
    assert conserve_area(match, mine, other) == pytest.approx(match)  # type: ignore[arg-type]


def test_nothing_to_claim_is_left_alone() -> None:
    nothing = np.zeros((0, 3), np.float32)
    empty, other = SimpleNamespace(n=0, area=np.zeros(0)), SimpleNamespace(n=2, area=np.ones(2))
    assert conserve_area(nothing, empty, other).shape == (0, 3)  # type: ignore[arg-type]


def test_colors_never_seen_side_by_side_lose_a_near_tie() -> None:
    """Hands meet shirts and never hats: a tie beside a hand goes to the shirt."""
    hand, shirt, hat = 0, 1, 2
    shown = certain(view((0,) * 6), np.array([hand, shirt, hand, shirt, hat, hat], np.uint16), 3)
    tied = certain(view((0, 0)), np.array([hand, hat], np.uint16), 3)
    belief = np.array([[0.98, 0.01, 0.01], [0.0, 0.48, 0.52]], np.float32)
    considered = ColorNeighbors([shown]).consider(replace(tied, belief=belief))
    assert considered.colors.tolist() == [hand, shirt]
    assert considered.belief.sum(1) == pytest.approx([1, 1])


def test_ground_and_other_figures_have_no_say() -> None:
    shown = certain(view((0,) * 4), np.array([0, 1, 2, 2], np.uint16), 3)
    tied = certain(view((-1, 0)), np.array([0, 2], np.uint16), 3)
    belief = np.array([[1, 0, 0], [0, 0.48, 0.52]], np.float32)
    assert ColorNeighbors([shown]).consider(replace(tied, belief=belief)).colors.tolist() == [0, 2]
    others = certain(view((0, 0)), np.array([0, 2], np.uint16), 3)
    apart = replace(others, belief=belief, figures=np.eye(2, dtype=np.float32))
    assert ColorNeighbors([shown]).consider(apart).belief == pytest.approx(belief, abs=2e-3)


def test_a_color_that_no_reference_shows_is_never_chosen() -> None:
    """Nothing speaks against it, where something speaks against every other color."""
    shown = certain(view((0,) * 4), np.array([0, 1, 0, 1], np.uint16), 3)
    tied = certain(view((0,) * 4), np.array([0, 0, 1, 1], np.uint16), 3)
    belief = np.full((4, 3), 1 / 3, np.float32)
    considered = ColorNeighbors([shown]).consider(replace(tied, belief=belief))
    assert considered.belief[:, 2].max() == 0
    assert considered.belief.sum(1) == pytest.approx(np.ones(4))
