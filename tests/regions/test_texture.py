"""What has neither flat color nor line is told from cels, whatever their soft rims."""

import cv2
import numpy as np
import pytest

from artkit import sky, walk
from toonctl.core.types import Pixels
from toonctl.formats.compositing import blend_over
from toonctl.regions.flats import flats_of
from toonctl.regions.texture import textured

SIZE = (320, 180)


def share(picture: Pixels, where: Pixels) -> float:
    """The share of `where` that is texture in `picture`."""
    flats = flats_of(picture)
    return float(textured(flats.shown, flats.coverage)[where > 0].mean())


def painted() -> tuple[Pixels, Pixels]:
    """A drawing on a background, and where it is painted."""
    drawing = walk(3, size=SIZE)[0]
    return blend_over(sky(SIZE), drawing.painted), drawing.painted[..., 3]


def test_a_cel_has_no_texture() -> None:
    picture, inside = painted()
    assert share(picture, inside) == 0
    assert share(picture, 255 - inside) == 0


@pytest.mark.parametrize("quality", [60, 85])
def test_a_cel_saved_with_losses_is_texture(quality: int) -> None:
    picture, inside = painted()
    packed = cv2.imencode(".jpg", picture[..., :3], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    lossy = picture.copy()
    lossy[..., :3] = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    assert share(lossy, inside) > 0.1


def test_a_gradient_is_texture_where_it_is() -> None:
    picture, inside = painted()
    x = np.linspace(0, 255, SIZE[0]).astype(np.uint8)
    ramp = np.stack([x, 255 - x, np.full_like(x, 90)], -1)
    picture[:60, :, :3] = ramp
    assert share(picture, np.pad(np.ones((60, SIZE[0]), np.uint8), ((0, 120), (0, 0)))) > 0.95
    assert share(picture[60:], inside[60:]) == 0
