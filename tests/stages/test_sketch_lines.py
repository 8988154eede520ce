"""Sketches on any paper are read as lines, and pictures that are no sketches are told."""

import numpy as np
import pytest

from artkit import ball, walk
from toonctl.core.types import CelPixels, LineFrame, PaintPart, Pixels, Role
from toonctl.stages.line_pixels import black_lines, split_lines
from toonctl.stages.sketch_lines import sketch_fault, sketch_frame

LINES = walk(2)[0].line


def on_paper(lines: Pixels, *, paper: int, ink: int, noise: int = 0) -> CelPixels:
    """A drawing of `ink` on gray `paper`, as a scanner sees it."""
    rng = np.random.default_rng(5)
    share = lines.astype(np.float32) / 255
    gray = paper + (ink - paper) * share + rng.integers(-noise, noise + 1, lines.shape)
    return CelPixels(black_lines(255 - np.clip(gray, 0, 255).astype(np.uint8)), None)


@pytest.mark.parametrize("noise", [0, 4])
@pytest.mark.parametrize("paper", [140, 200, 235])
def test_gray_paper_is_paper(paper: int, noise: int) -> None:
    found = sketch_frame(on_paper(LINES, paper=paper, ink=10, noise=noise)).ink
    assert (found[LINES == 0] < 24).mean() > 0.999
    assert (found[LINES == 255] > 200).all()
    assert sketch_fault(LineFrame(found, np.zeros_like(found)), has_matte=False) is None


def test_lines_on_white_stay_as_they_are() -> None:
    assert (sketch_frame(CelPixels(black_lines(LINES), None)).ink == LINES).all()


@pytest.mark.parametrize(
    ("ink", "has_matte", "what"),
    [
        (LINES, False, None),
        (255 - LINES, False, "is dark nearly all over"),
        (np.full_like(LINES, 255), True, "is dark nearly all over"),
        (np.zeros_like(LINES), False, "has no line"),
        (np.zeros_like(LINES), True, None),
    ],
)
def test_what_is_no_sketch_is_told(ink: Pixels, has_matte: bool, what: str | None) -> None:
    fault = sketch_fault(LineFrame(ink, np.zeros_like(ink)), has_matte=has_matte)
    assert (fault.what if fault else None) == what


def test_a_painted_picture_is_told_and_black_areas_are_none() -> None:
    drawing = ball(80, 48, 30)
    line, trace = split_lines(drawing.painted)
    fault = sketch_fault(sketch_frame(CelPixels(line, trace)), has_matte=False)
    assert fault is not None
    assert fault.what == "has areas and not only lines"
    assert not fault.is_fatal
    spotted = np.maximum(drawing.line, np.where(drawing.shadow[..., 3] > 0, 255, 0)).astype(np.uint8)
    assert sketch_fault(LineFrame(spotted, np.zeros_like(spotted)), has_matte=False) is None


def test_a_painted_cel_without_line_layer_is_read_by_its_black() -> None:
    drawing = ball(80, 48, 30)
    cel = CelPixels(None, None, (PaintPart(Role.PAINT, "normal", False, drawing.painted),))
    assert (sketch_frame(cel).ink[drawing.line == 255] == 255).all()
