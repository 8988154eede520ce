"""The drawings the matcher learns from: repeatable, well formed, and with regions of one color each."""

import cv2
import numpy as np
import pytest

from toonctl.training.drawings import DrawnFrame, draw_shot

SMALL = (480, 270)
SEEDS = range(40)


def share_in_pure_regions(frame: DrawnFrame) -> float:
    """Share of the pixels off the ink that lie in regions of which at least 98 % have one color."""
    ink = np.maximum(frame.line, frame.trace)
    count, labels = cv2.connectedComponents((ink < 96).astype(np.uint8), connectivity=4)
    paper = labels > 0
    pairs, sizes = np.unique(labels[paper] * 65536 + frame.color[paper].astype(np.int64), return_counts=True)
    total, largest = np.zeros(count), np.zeros(count)
    np.add.at(total, pairs // 65536, sizes)
    np.maximum.at(largest, pairs // 65536, sizes)
    return float(total[largest >= 0.98 * total].sum() / total.sum())


def test_a_frame_has_three_planes_of_the_asked_size() -> None:
    frame = draw_shot(3, size=SMALL).frame(7)
    for plane, kind in ((frame.line, np.uint8), (frame.trace, np.uint8), (frame.color, np.uint16)):
        assert plane.shape == (270, 480)
        assert plane.dtype == kind


def test_the_shot_knows_its_length_and_palette() -> None:
    shot = draw_shot(3, n_frames=12)
    assert shot.n_frames == 12
    assert shot.palette.dtype == np.uint8
    assert shot.palette.ndim == 2
    assert shot.palette.shape[1] == 3
    assert len(np.unique(shot.palette, axis=0)) == len(shot.palette)


@pytest.mark.parametrize("seed", [0, 11, 29])
def test_frames_do_not_depend_on_the_order_they_are_asked_for(seed: int) -> None:
    first, second = draw_shot(seed, size=SMALL), draw_shot(seed, size=SMALL)
    forward = [first.frame(index) for index in (0, 40, 90)]
    backward = [second.frame(index) for index in (90, 40, 0)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert np.array_equal(one.line, other.line)
        assert np.array_equal(one.trace, other.trace)
        assert np.array_equal(one.color, other.color)
    assert np.array_equal(first.palette, second.palette)


def test_other_seeds_give_other_shots() -> None:
    assert not np.array_equal(draw_shot(1, size=SMALL).frame(0).line, draw_shot(2, size=SMALL).frame(0).line)


def test_color_ids_lie_within_the_palette() -> None:
    for seed in SEEDS:
        shot = draw_shot(seed, size=SMALL)
        assert int(shot.frame(seed).color.max()) < len(shot.palette)


def test_most_regions_have_one_color() -> None:
    shares = [share_in_pure_regions(draw_shot(seed).frame(20)) for seed in SEEDS]
    # Shots with gaps in their lines leak on purpose; they are about one in six.
    assert np.mean(np.array(shares) > 0.97) >= 0.8


def test_frames_are_not_empty() -> None:
    filled = [float((draw_shot(seed, size=SMALL).frame(20).color > 0).mean()) for seed in SEEDS]
    assert np.mean(np.array(filled) > 0.003) > 0.9
