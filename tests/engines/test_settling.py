"""Broad doubtful regions take the color that lies there in the painted drawing beside; others stay."""

import cv2
import numpy as np
import pytest

from toonctl.core.types import ColoredDrawing, Doubt, LineFrame, Pixels
from toonctl.engines.base import PaintedReference
from toonctl.engines.postkey._settling import settled
from toonctl.regions.segment import SegmentOptions, find_regions

SIZE = (270, 480)
GROUND, HAIR, SKIN = 1, 2, 3


def sketch(shift: int = 0, *, has_strand: bool = False) -> Pixels:
    """The lines of a head of hair over a face; the strand is a closed line inside the hair."""
    ink = np.zeros(SIZE, np.uint8)
    cv2.circle(ink, (240 + shift, 110), 80, 255, 2)
    cv2.ellipse(ink, (240 + shift, 190), (60, 40), 0, 0, 360, 255, 2)
    if has_strand:
        cv2.ellipse(ink, (240 + shift, 90), (40, 20), 0, 0, 360, 255, 2)
    return ink


def reference() -> PaintedReference:
    index = np.full(SIZE, GROUND, np.uint16)
    cv2.circle(index, (240, 110), 80, HAIR, -1)
    cv2.ellipse(index, (240, 190), (60, 40), 0, 0, 360, SKIN, -1)
    ink = sketch()
    return PaintedReference("1", LineFrame(ink, np.zeros_like(ink)), index)


def colored(ink: Pixels, at: tuple[int, int], color: int, *, is_doubtful: bool = True) -> ColoredDrawing:
    """Everything hair but the region at `at` (row, column), which is `color` and in doubt."""
    options = SegmentOptions(gap_px=0, line_threshold=128, min_region_px=6)
    found = find_regions(LineFrame(ink, np.zeros_like(ink)), options)
    labels = found.label_map()
    region = int(labels[at])
    colors = np.full(int(labels.max()), HAIR, np.uint16)
    colors[region - 1] = color
    doubt = Doubt(region, (0, 0, 1, 1), int((labels == region).sum()), color, HAIR, 0.02, is_unseen=False)
    return ColoredDrawing(
        "7", found.runs(), colors, np.ones(len(colors), np.float32), (doubt,) if is_doubtful else ()
    )


@pytest.mark.parametrize("shift", [0, 8])
def test_a_strand_that_the_reference_lacks_is_hair(shift: int) -> None:
    ink = sketch(shift, has_strand=True)
    before = colored(ink, (90, 240 + shift), SKIN)
    after = settled(before, LineFrame(ink, np.zeros_like(ink)), reference())
    assert set(after.colors.tolist()) == {HAIR}
    [doubt] = after.doubts
    assert (doubt.color, doubt.runner_up) == (HAIR, SKIN)


def test_what_is_sure_stays() -> None:
    ink = sketch(has_strand=True)
    before = colored(ink, (90, 240), SKIN, is_doubtful=False)
    assert settled(before, LineFrame(ink, np.zeros_like(ink)), reference()) is before


def test_what_came_onto_the_ground_keeps_its_color() -> None:
    ink = sketch()
    cv2.circle(ink, (60, 60), 30, 255, 2)
    before = colored(ink, (60, 60), SKIN)
    after = settled(before, LineFrame(ink, np.zeros_like(ink)), reference())
    assert (after.colors == before.colors).all()
    assert after.doubts == before.doubts
