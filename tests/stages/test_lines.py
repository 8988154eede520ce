"""Lines of a painted picture that has no layer of them."""

import cv2
import numpy as np

from artkit import INK, ball, cup
from toonctl.core.art import Role
from toonctl.core.types import CelPixels, LineFrame, PaintPart, Pixels
from toonctl.stages.lines import ink_color, line_frame, painted_lines

SIZE = (640, 360)
HAIR = (45, 8, 35)


def painted(picture: Pixels) -> CelPixels:
    return CelPixels(None, None, (PaintPart(Role.PAINT, "normal", False, picture),))


def person() -> tuple[Pixels, Pixels]:
    """A head with dark hair before a cup, and the lines of both."""
    parts = cup(320, 100, 180, size=SIZE) + ball(160, 210, 90, size=SIZE)
    picture = parts.painted.copy()
    cv2.ellipse(picture, (160, 190), (60, 50), 0, 0, 360, (*HAIR, 255), -1)
    return picture, parts.line


def test_dark_hair_is_no_line() -> None:
    picture, line = person()
    found = painted_lines(painted(picture))
    drawn = (found.ink >= 128) & (found.trace == 0)
    assert drawn[line >= 200].mean() > 0.95
    assert not drawn[150:230, 110:210].any()
    assert drawn.sum() < 1.2 * (line >= 128).sum()
    assert np.array_equal(line_frame(painted(picture)).ink, found.ink)


def test_flats_that_meet_without_a_line_are_told_apart() -> None:
    picture, line = person()
    trace = painted_lines(painted(picture)).trace > 0
    rim = np.zeros_like(line)
    cv2.ellipse(rim, (160, 190), (60, 50), 0, 0, 360, 255, 3)
    rim[208:212] = 255  # where the ball's shadow begins
    assert trace[:205].sum() > 150  # around the hair
    assert trace[208:212, 75:95].any(0).all()
    assert rim[trace].min() == 255
    plain = cup(320, 100, 180, size=SIZE).painted
    assert not painted_lines(painted(plain)).trace.any()


def test_the_color_of_lines_is_not_that_of_dark_paint() -> None:
    picture, _ = person()
    assert ink_color(painted(picture), painted_lines(painted(picture))) == INK
    blank = painted(np.zeros_like(picture))
    assert ink_color(blank, painted_lines(blank)) is None


def test_two_inks_give_one_of_them() -> None:
    picture = np.zeros((90, 160, 4), np.uint8)
    picture[10:13, 10:150], picture[40:43, 10:100] = (*INK, 255), (*HAIR, 255)
    assert ink_color(painted(picture), LineFrame(picture[..., 3], 0 * picture[..., 3])) == INK
