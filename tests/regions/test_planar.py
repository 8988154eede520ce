"""Label maps cut into arcs, put together into outlines, ordered by depth, and drawn again."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from toonctl.regions.depth import depth_order
from toonctl.regions.equal import equal_areas, grown
from toonctl.regions.planar import OUTSIDE, PlanarMap, trace_arcs
from toonctl.regions.redraw import Window, arrange, painted
from toonctl.regions.rings import outer_rings, ring_area

WIDTH, HEIGHT = 60, 40


def ball() -> NDArray[np.uint16]:
    """A ball (2) half hidden by a box (3), on ground (1), with a spot (4) in the ball."""
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    cv2.circle(labels, (26, 20), 14, 2, -1)
    labels[18:36, 30:46] = 3
    labels[14:18, 20:24] = 4
    return labels


def sides(planar: PlanarMap) -> set[tuple[int, int]]:
    return set(zip(planar.left.tolist(), planar.right.tolist(), strict=True))


def test_every_pair_of_neighbors_shares_an_arc() -> None:
    assert sides(trace_arcs(ball(), 3.0)) == {(OUTSIDE, 1), (1, 2), (1, 3), (2, 3), (2, 4)}


def test_arcs_meet_in_their_junctions() -> None:
    planar = trace_arcs(ball(), 3.0)
    ends: dict[int, set[tuple[float, float]]] = {}
    for arc, nodes in enumerate(planar.ends.tolist()):
        for node, vertex in zip(nodes, (planar.offsets[arc], planar.offsets[arc + 1] - 1), strict=True):
            if node >= 0:
                ends.setdefault(node, set()).add(tuple(planar.points[vertex].tolist()))
    assert len(ends) == 2
    assert all(len(places) == 1 for places in ends.values())


def test_a_closed_arc_comes_back_to_its_start() -> None:
    planar = trace_arcs(ball(), 3.0)
    closed = np.flatnonzero(planar.ends[:, 0] < 0)
    assert len(closed) == 2  # the frame, the spot
    for arc in closed:
        assert (planar.points[planar.offsets[arc]] == planar.points[planar.offsets[arc + 1] - 1]).all()


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, (7, 9), elements=st.integers(0, 2)))
def test_outlines_hold_what_their_region_holds(values: NDArray[np.uint8]) -> None:
    labels = grown(equal_areas(values.astype(np.int32) + 1, 1))
    planar = trace_arcs(labels, 0.5)
    rings = outer_rings(planar)
    assert sorted(rings) == list(range(1, int(labels.max()) + 1))
    for region, outlines in rings.items():
        # Outlines leave holes out, so they hold at least the region itself, but for rounded corners.
        assert ring_area(planar, outlines) >= 0.2 * (labels == region).sum()


def test_areas_are_connected_and_small_ones_are_dropped() -> None:
    values = np.array([[5, 5, 7, 5], [5, 7, 7, 5], [0, 7, 9, 5]], np.int32)
    found = equal_areas(values, 2)
    assert found.tolist() == [[1, 1, 2, 3], [1, 2, 2, 3], [0, 2, 0, 3]]


def test_drawing_again_without_moving_changes_nothing() -> None:
    labels = ball()
    planar = trace_arcs(labels, 2.0)
    drawn = drawn_again(planar, planar.points)
    # Outlines are painted themselves, and a page this small is mostly outline.
    assert (drawn != labels).mean() < 0.04


def test_a_moved_region_covers_what_lies_behind_it() -> None:
    planar = trace_arcs(ball(), 2.0)
    front = np.where((planar.left > 0) & (planar.right == 3), 3, 0)
    is_box = (planar.left[planar.arc_of()] == 3) | (planar.right[planar.arc_of()] == 3)
    moved = planar.points + np.where(is_box[:, None], np.array([[-8.0, 0.0]]), 0).astype(np.float32)
    drawn = drawn_again(planar, moved, front.astype(np.int32))
    assert (drawn[20:34, 24:36] == 3).all()
    assert (drawn[17:24, 14] == 2).all()


def ordered(planar: PlanarMap, front: NDArray[np.int32]) -> tuple[list[int], NDArray[np.int32]]:
    is_ground = np.arange(5) < 2
    return depth_order(planar, outer_rings(planar), front=front, is_ground=is_ground, size=(WIDTH, HEIGHT))


def drawn_again(
    planar: PlanarMap, moved: NDArray[np.float32], front: NDArray[np.int32] | None = None
) -> NDArray[np.uint16]:
    order, owner = ordered(planar, np.zeros(planar.n_arcs, np.int32) if front is None else front)
    sheet = arrange(
        planar,
        outer_rings(planar),
        order=order,
        front=owner,
        still=np.zeros(len(planar.points), bool),
        base=1,
    )
    window = Window(0, 0, WIDTH, HEIGHT)
    return painted(sheet, moved, planar.points, window=window)


@pytest.mark.parametrize("owner", [2, 3])
def test_who_owns_the_line_between_lies_on_top(owner: int) -> None:
    planar = trace_arcs(ball(), 2.0)
    front = np.where((planar.left == 2) & (planar.right == 3), owner, 0).astype(np.int32)
    order, agreed = ordered(planar, front)
    assert order.index(owner) > order.index(5 - owner)
    assert order.index(4) > order.index(2)
    assert (agreed == front).all()


def test_a_region_in_two_pieces_is_ordered_once() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    labels[5:35, 5:55] = 2
    labels[10:20, 10:20] = labels[22:30, 30:50] = 3
    planar = trace_arcs(labels, 2.0)
    front = np.where((planar.left == 2) & (planar.right == 3), 2, 0).astype(np.int32)
    order, _ = ordered(planar, front)
    assert order == [1, 2, 3]


def test_a_speck_whose_outline_holds_nothing_is_ordered_too() -> None:
    labels = np.ones((HEIGHT, WIDTH), np.uint16)
    labels[20, 20] = 2
    planar = trace_arcs(labels, 3.0)
    order, _ = ordered(planar, np.zeros(planar.n_arcs, np.int32))
    assert order == [1, 2]
