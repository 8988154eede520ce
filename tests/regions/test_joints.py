"""Which outlines join their sides: seams do, outlines of what lies in front do not."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.regions.joints import ENCLOSED, PASSING, in_front, joining
from toonctl.regions.planar import trace_arcs

GROUND, BODY, FOREARM, HAND, BUTTON = 1, 2, 3, 4, 5


def body_with_an_arm_before_it() -> NDArray[np.uint16]:
    labels = np.full((160, 240), GROUND, np.uint16)
    labels[20:150, 40:120] = BODY
    labels[70:95, 80:150] = FOREARM
    labels[70:95, 150:210] = HAND
    cv2.circle(labels, (60, 120), 9, BUTTON, -1)
    return labels


def between(a: int, b: int) -> float:
    planar = trace_arcs(body_with_an_arm_before_it(), 3.0)
    is_it = (planar.left == min(a, b)) & (planar.right == max(a, b))
    return float(joining(planar)[is_it].max())


def test_a_seam_joins() -> None:
    assert between(FOREARM, HAND) > 0.9


def test_the_outline_of_an_arm_does_not_join_it_to_what_lies_behind() -> None:
    assert between(BODY, FOREARM) <= 2 * PASSING


def test_what_lies_within_is_half_joined() -> None:
    assert between(BODY, BUTTON) == ENCLOSED


def test_the_edge_of_the_picture_joins_nothing() -> None:
    planar = trace_arcs(body_with_an_arm_before_it(), 3.0)
    assert (joining(planar)[planar.left == 0] == 0).all()


def front(a: int, b: int) -> int:
    """Which of two regions their border's junctions say lies in front, 0 for neither."""
    planar = trace_arcs(body_with_an_arm_before_it(), 3.0)
    is_it = (planar.left == min(a, b)) & (planar.right == max(a, b))
    says = in_front(planar)[is_it]
    return 0 if not says.any() else min(a, b) if says.sum() > 0 else max(a, b)


def test_a_line_that_ends_at_another_goes_on_behind_it() -> None:
    # The body's outline ends at the arm's, above and below.
    assert front(BODY, FOREARM) == FOREARM


def test_a_border_without_junctions_says_nothing() -> None:
    assert front(BODY, BUTTON) == 0
