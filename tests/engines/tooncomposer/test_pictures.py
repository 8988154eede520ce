"""Pictures of a shot in ToonComposer's video and back: nothing shifted, nothing lost where it is padded."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.core.types import LineFrame, Pixels
from toonctl.engines.base import KeyPicture, SketchPicture
from toonctl.engines.postkey._tooncomposer_pictures import Framing, as_frame, as_pixels, on_paper
from toonctl.models.tooncomposer.pictures import color_frame

WHITE = (255, 255, 255)
sides = st.integers(1, 20).map(lambda n: 16 * n)


def ramp(height: int, width: int) -> Pixels:
    """Red grows from left to right, green from top to bottom."""
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., 0] = np.linspace(0, 255, width).round()
    rgba[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return rgba


@settings(deadline=None, max_examples=50)
@given(st.integers(20, 400), st.integers(20, 400), sides, sides)
def test_padding_shows_the_whole_shot_in_the_videos_shape(h: int, w: int, height: int, width: int) -> None:
    framing = Framing.of((h, w), (height, width), "pad")
    assert framing.height >= h
    assert framing.width >= w
    assert framing.height == h or framing.width == w
    assert abs(framing.height * width - framing.width * height) <= max(height, width)


@settings(deadline=None, max_examples=50)
@given(st.integers(20, 200), st.integers(20, 200), st.sampled_from(["pad", "crop"]))
def test_pictures_come_back_in_the_shots_size(h: int, w: int, fit: str) -> None:
    framing = Framing.of((h, w), (64, 96), "pad" if fit == "pad" else "crop")
    assert framing.color(KeyPicture(ramp(h, w), None), WHITE).shape == (3, 64, 96)
    back = framing.picture(np.zeros((64, 96, 3), np.uint8))
    assert back.shape == (h, w, 4)
    assert back[..., 3].min() == 255


@pytest.mark.parametrize("shot", [(240, 416), (300, 400), (270, 480), (416, 240)])
def test_there_and_back_leaves_a_picture_where_it_was(shot: tuple[int, int]) -> None:
    picture = ramp(*shot)
    framing = Framing.of(shot, (480, 832), "pad")
    video = framing.color(KeyPicture(picture, None), WHITE)[None, :, None]
    back = framing.picture(as_pixels(video)[0])
    assert np.abs(back.astype(int) - picture).max() <= 6


def test_a_shot_of_the_videos_shape_is_prepared_as_published() -> None:
    picture = ramp(960, 1664)
    for fit in ("pad", "crop"):
        framing = Framing.of((960, 1664), (480, 832), fit)
        published = color_frame(torch.from_numpy(picture[..., :3].copy()), (480, 832))
        assert framing.color(KeyPicture(picture, None), WHITE).equal(published)


def test_cropping_cuts_what_sticks_out_and_fills_it_on_the_way_back() -> None:
    framing = Framing.of((100, 400), (64, 64), "crop")
    assert (framing.top, framing.left, framing.height, framing.width) == (0, 150, 100, 100)
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, :32] = (200, 0, 0)
    back = framing.picture(frame)
    assert (back[:, :190, 0] == 200).all()
    assert (back[:, 215:, 0] == 0).all()


def test_sketches_turn_to_light_lines_on_dark() -> None:
    ink = np.zeros((48, 96), np.uint8)
    ink[20:28] = 255
    framing = Framing.of((48, 96), (48, 96), "pad")
    frame = framing.sketch(SketchPicture(LineFrame(ink, ink * 0), None))
    assert frame.shape == (3, 48, 96)
    assert frame[:, 20:28].eq(1).all()
    assert frame[:, :20].eq(-1).all()


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_a_matte_lies_where_its_sketch_does(fit: str) -> None:
    ink = np.zeros((120, 400), np.uint8)
    ink[30:90, 180:240] = 255
    framing = Framing.of((120, 400), (64, 96), "pad" if fit == "pad" else "crop")
    sketch = framing.sketch(SketchPicture(LineFrame(ink, ink * 0), None))[0]
    mask = framing.mask(ink, is_stretched=False)
    assert ((sketch > 0) == (mask < 0.5)).float().mean() > 0.97
    stretched = framing.mask(ink, is_stretched=True)
    assert not stretched.equal(mask) or fit == "pad"


def test_clear_references_lie_on_paper() -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[0, 0] = (10, 20, 30, 255)
    picture[0, 1] = (0, 0, 0, 127)
    laid = on_paper(picture, (200, 100, 0))
    assert laid[0, 0].tolist() == [10, 20, 30]
    assert laid[0, 1].tolist() == [100, 50, 0]
    assert laid[1, 1].tolist() == [200, 100, 0]


def test_frames_go_on_exactly_and_are_rounded_down() -> None:
    frame = np.arange(256, dtype=np.uint8).repeat(48).reshape(64, 64, 3)
    assert np.isin(as_pixels(as_frame(frame)[None, :, None])[0].astype(int) - frame, (-1, 0)).all()
    assert as_pixels(torch.tensor([-1.2, 0.0, 0.999, 1.2]).view(1, 1, 1, 1, 4).expand(1, 3, 1, 1, 4))[
        0, 0, :, 0
    ].tolist() == [0, 127, 254, 255]
