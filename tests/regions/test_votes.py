"""Flow votes follow a drawing that moves."""

import cv2
import numpy as np

from toonctl.core.types import LineFrame
from toonctl.regions.describe import plane_distance
from toonctl.regions.segment import SegmentOptions, find_regions
from toonctl.regions.votes import both_shares, flow_between, flow_votes


def face(x: int) -> LineFrame:
    ink = np.zeros((270, 480), np.uint8)
    cv2.circle(ink, (x, 130), 70, 255, 2)
    cv2.circle(ink, (x - 25, 110), 14, 255, 2)
    cv2.circle(ink, (x + 25, 110), 14, 255, 2)
    cv2.ellipse(ink, (x, 160), (30, 12), 0, 0, 360, 255, 2)
    return LineFrame(ink, np.zeros_like(ink))


def test_votes_follow_the_shift() -> None:
    a, b = face(200), face(208)
    options = SegmentOptions(0.0)
    here, there = find_regions(a, options), find_regions(b, options)
    flow = flow_between(plane_distance(a), plane_distance(b))
    votes = flow_votes(here.samples, (480, 270), flow, target_labels=there.label_map())
    assert votes.shape == (here.n, there.n)
    # Regions are numbered by scan order, which the shift does not change.
    assert (votes.argmax(1) == np.arange(here.n)).all()
    assert votes.max(1).min() > 0.6


def test_points_that_leave_the_picture_vote_for_nothing() -> None:
    labels = np.ones((20, 20), np.uint16)
    flow = np.full((20, 20, 2), 100, np.float32)
    samples = np.full((1, 32, 2), 10, np.int32)
    assert flow_votes(samples, (20, 20), flow, target_labels=labels).tolist() == [[0.0]]


def test_the_second_share_is_how_much_of_the_target_is_hit() -> None:
    votes = np.array([[0.5, 0.5]], np.float32)
    shares = both_shares(votes, np.array([100]), np.array([50, 200]))
    np.testing.assert_allclose(shares[0], [[0.5, 1.0], [0.5, 0.25]])


def test_flow_is_found_once_for_the_same_pictures_and_anew_for_others() -> None:
    here, there = plane_distance(face(200)), plane_distance(face(208))
    flow = flow_between(here, there)
    assert flow_between(here, there) is flow
    assert (flow_between(here.copy(), there) == flow).all()
    assert (flow_between(there, here) != flow).any()
    assert not flow_between(here, here.copy()).any()
