"""Which regions are painted over which: containers first, and rings of demands broken at their weakest."""

import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.regions.depth import depth_order
from toonctl.regions.planar import PlanarMap, trace_arcs
from toonctl.regions.rings import outer_rings

GROUND, RED, GREEN, BLUE, DOT = 1, 2, 3, 4, 5
SIZE = (200, 160)


def three() -> PlanarMap:
    """Three areas that all meet, the green one a wide border with the blue; a dot in the red one."""
    labels = np.full(SIZE[::-1], GROUND, np.uint16)
    labels[20:140, 20:100] = RED
    labels[20:60, 100:180] = GREEN
    labels[60:140, 100:180] = BLUE
    labels[100:110, 40:50] = DOT
    return trace_arcs(labels, 3.0)


def owners(planar: PlanarMap, votes: list[tuple[int, int]]) -> NDArray[np.int32]:
    """By arc the region in front, where `votes` (below, above) name its two sides."""
    front = np.zeros(planar.n_arcs, np.int32)
    for below, above in votes:
        front[(planar.left == min(below, above)) & (planar.right == max(below, above))] = above
    return front


def order_of(votes: list[tuple[int, int]]) -> list[int]:
    planar = three()
    is_ground = np.zeros(6, bool)
    is_ground[GROUND] = True
    order, _ = depth_order(
        planar, outer_rings(planar), front=owners(planar, votes), is_ground=is_ground, size=SIZE
    )
    return order


@pytest.mark.parametrize(("below", "above"), [(RED, GREEN), (GREEN, RED), (BLUE, RED), (GREEN, BLUE)])
def test_votes_are_heeded(below: int, above: int) -> None:
    order = order_of([(below, above)])
    assert order.index(below) < order.index(above)


def test_what_lies_in_another_is_painted_after_it() -> None:
    order = order_of([(GREEN, RED), (BLUE, RED)])
    assert order.index(RED) < order.index(DOT)


def test_a_ring_is_broken_at_its_weakest() -> None:
    # Red and green share 40 pixels of border; green and blue, blue and red 80 each.
    order = order_of([(RED, GREEN), (GREEN, BLUE), (BLUE, RED)])
    assert [r for r in order if r in (RED, GREEN, BLUE)] == [GREEN, BLUE, RED]


def test_owners_agree_with_the_order() -> None:
    planar = three()
    is_ground = np.zeros(6, bool)
    is_ground[GROUND] = True
    front = owners(planar, [(RED, GREEN), (GREEN, BLUE), (BLUE, RED)])
    _, agreed = depth_order(planar, outer_rings(planar), front=front, is_ground=is_ground, size=SIZE)
    on_red_and_green = (planar.left == RED) & (planar.right == GREEN)
    assert (agreed[on_red_and_green] == RED).all()
    assert (agreed[~on_red_and_green] == front[~on_red_and_green]).all()
