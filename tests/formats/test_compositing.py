"""Compositing: formulas by hand, and the same pictures as psd-tools where both follow one rule."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from psd_tools import PSDImage
from psd_tools.composite import composite as psd_composite
from psd_tools.constants import BlendMode

from artkit import difference
from toonctl.core.types import Pixels
from toonctl.formats.blend import Blend
from toonctl.formats.compositing import Mask, Plate, blend_over, composite

RNG = np.random.default_rng(3)
MODES = {
    Blend.NORMAL: BlendMode.NORMAL,
    Blend.MULTIPLY: BlendMode.MULTIPLY,
    Blend.SCREEN: BlendMode.SCREEN,
    Blend.LINEAR_DODGE: BlendMode.LINEAR_DODGE,
    Blend.OVERLAY: BlendMode.OVERLAY,
}
SIZE = (40, 24)


def noise(width: int = 40, height: int = 24, *, soft: bool = True) -> Pixels:
    """Random colors; alpha anything, or only nothing and full."""
    rgba = RNG.integers(0, 256, (height, width, 4), np.uint8)
    if not soft:
        rgba[..., 3] = np.where(rgba[..., 3] > 90, 255, 0)
    return rgba


def plate(rgba: Pixels, left: int = 0, top: int = 0, **options: object) -> Plate:
    box = (left, top, left + rgba.shape[1], top + rgba.shape[0])
    return Plate(box, load=lambda: rgba, **options)


def by_psd_tools(document: PSDImage) -> NDArray[np.float32]:
    """What psd-tools makes of a document it has written and read again, RGBA in levels, not rounded."""
    file = BytesIO()
    document.save(file)
    file.seek(0)
    color, _, alpha = psd_composite(PSDImage.open(file), force=True)
    return np.concatenate((color, alpha), axis=2) * 255


def shown_difference(a: Pixels, b: NDArray[np.float32]) -> float:
    """The greatest difference as it shows over black, in levels: the colors of faint pixels say little."""
    flat = [x[..., :3].astype(float) * x[..., 3:] / 255 for x in (a, b)]
    alpha = np.abs(a[..., 3] - b[..., 3]).max()
    return max(float(np.abs(flat[0] - flat[1]).max()), float(alpha))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("opacity", [255, 130])
def test_modes_agree_with_psd_tools(mode: Blend, opacity: int) -> None:
    below, above = noise(), noise()
    document = PSDImage.new("RGB", SIZE)
    document.create_pixel_layer_from_array(below, name="below")
    layer = document.create_pixel_layer_from_array(above, name="above", blend_mode=MODES[mode])
    layer.opacity = opacity
    own = composite([plate(below), plate(above, blend=mode, opacity=opacity)], size=SIZE)
    assert shown_difference(own, by_psd_tools(document)) <= 1.5  # each of two steps rounds


def test_layers_beyond_the_canvas_are_cropped() -> None:
    document = PSDImage.new("RGB", SIZE)
    layers = [(noise(), -10, 5), (noise(90, 50), -20, -13), (noise(5, 5), 200, 0), (noise(12, 9), 33, 20)]
    for number, (rgba, left, top) in enumerate(layers):
        document.create_pixel_layer_from_array(rgba, name=str(number), left=left, top=top)
    own = composite([plate(*layer) for layer in layers], size=SIZE)
    assert shown_difference(own, by_psd_tools(document)) <= 2


@pytest.mark.parametrize("mode", MODES)
def test_clipping_on_hard_bases_agrees_with_psd_tools(mode: Blend) -> None:
    base, clipped, top = noise(soft=False), noise(), noise(20, 10)
    document = PSDImage.new("RGB", SIZE)
    document.create_pixel_layer_from_array(floor := noise(soft=False), name="floor")
    document.create_pixel_layer_from_array(base, name="base")
    for name, rgba in (("clipped", clipped), ("top", top)):
        layer = document.create_pixel_layer_from_array(rgba, name=name, blend_mode=MODES[mode])
        layer.clipping = True
    own = composite(
        [
            plate(floor),
            plate(base),
            plate(clipped, blend=mode, is_clipped=True),
            plate(top, blend=mode, is_clipped=True),
        ],
        size=SIZE,
    )
    assert shown_difference(own, by_psd_tools(document)) <= 2


@pytest.mark.parametrize("mode", [None, *MODES])
@pytest.mark.parametrize("opacity", [255, 100])
def test_groups_agree_with_psd_tools(mode: Blend | None, opacity: int) -> None:
    floor, low, high = noise(soft=False), noise(), noise(30, 20)
    document = PSDImage.new("RGB", SIZE)
    document.create_pixel_layer_from_array(floor, name="floor")
    group = document.create_group(name="group", opacity=opacity)
    group.blend_mode = BlendMode.PASS_THROUGH if mode is None else MODES[mode]
    group.create_pixel_layer_from_array(low, name="low", blend_mode=BlendMode.MULTIPLY)
    group.create_pixel_layer_from_array(high, name="high")
    children = (plate(low, blend=Blend.MULTIPLY), plate(high))
    blend = Blend.PASS_THROUGH if mode is None else mode
    own = composite(
        [plate(floor), Plate((0, 0, *SIZE), children=children, blend=blend, opacity=opacity)], size=SIZE
    )
    assert shown_difference(own, by_psd_tools(document)) <= 2


def test_mask_hides_and_shows_outside() -> None:
    red = np.full((24, 40, 4), (255, 0, 0, 255), np.uint8)
    coverage = np.full((4, 6), 128, np.uint8)
    for outside in (0, 255):
        shown = composite([plate(red, mask=Mask(coverage, 30, 22, outside))], size=SIZE)
        assert shown[23, 31, 3] == 128
        assert shown[23, 29, 3] == outside
        assert shown[0, 0, 3] == outside
    group = Plate(
        (0, 0, *SIZE), children=(plate(red),), blend=Blend.PASS_THROUGH, mask=Mask(coverage, -2, -2, 0)
    )
    shown = composite([plate(np.full_like(red, 255)), group], size=SIZE)
    assert shown[0, 0].tolist() == [255, 127, 127, 255]
    assert shown[5, 5].tolist() == [255, 255, 255, 255]


def test_clipped_shadow_leaves_no_fringe_on_soft_edges() -> None:
    base = np.zeros((1, 4, 4), np.uint8)
    base[...] = (200, 100, 50, 0)
    base[0, :, 3] = (0, 60, 128, 255)
    shadow = np.full((1, 4, 4), (128, 128, 128, 255), np.uint8)
    shaded = blend_over(base, shadow, blend="multiply", is_clipped=True)
    assert shaded[..., 3].tolist() == base[..., 3].tolist()
    assert (np.abs(shaded[0, 1:, :3].astype(int) - (100, 50, 25)) <= 1).all()


def test_hidden_bases_and_orphans() -> None:
    above = noise()
    assert difference(composite([plate(above, is_clipped=True)], size=SIZE), above) == 0
    assert not composite([], size=SIZE).any()


def test_blend_over_takes_any_shape_and_refuses_unknown_modes() -> None:
    below, above = noise().reshape(-1, 4), noise().reshape(-1, 4)
    flat = blend_over(below, above, blend="screen")
    assert np.array_equal(
        flat.reshape(24, 40, 4),
        blend_over(below.reshape(24, 40, 4), above.reshape(24, 40, 4), blend="screen"),
    )
    every_other = blend_over(below[::2], above[::2], blend="screen")
    assert np.array_equal(every_other, flat[::2])
    with pytest.raises(ValueError, match="dissolve"):
        blend_over(below, above, blend="dissolve")


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.uint8, (2, 8, 4), elements=st.sampled_from([0, 1, 77, 128, 254, 255])),
    st.sampled_from(list(MODES)),
    st.booleans(),
)
def test_follows_the_formula(pair: Pixels, mode: Blend, is_clipped: bool) -> None:
    below, above = pair
    cb, cs = below[:, :3] / 255, above[:, :3] / 255
    source = above[:, 3:] / 255
    backdrop = np.ones_like(source) if is_clipped else below[:, 3:] / 255
    blended = {
        Blend.NORMAL: cs,
        Blend.MULTIPLY: cb * cs,
        Blend.SCREEN: 1 - (1 - cb) * (1 - cs),
        Blend.LINEAR_DODGE: np.minimum(1, cb + cs),
        Blend.OVERLAY: np.where(cb <= 0.5, 2 * cb * cs, 1 - 2 * (1 - cb) * (1 - cs)),
    }[mode]
    alpha = source + backdrop * (1 - source)
    color = source * (1 - backdrop) * cs + source * backdrop * blended + (1 - source) * backdrop * cb
    wanted = np.concatenate((color / np.maximum(alpha, 1e-9), alpha), 1) * 255
    if is_clipped:
        wanted[:, 3] = below[:, 3]
    got = blend_over(below, above, blend=mode, is_clipped=is_clipped)
    shown = wanted[:, 3] > 0
    assert np.abs(got[shown] - wanted[shown]).max(initial=0) <= 0.51
    assert (got[~shown, 3] == 0).all()


@pytest.mark.parametrize("mode", [Blend.NORMAL, Blend.MULTIPLY, Blend.OVERLAY])
@pytest.mark.parametrize("is_clipped", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_a_layer_that_covers_little_is_laid_as_one_that_covers_all(
    share: float, mode: Blend, *, is_clipped: bool
) -> None:
    random = np.random.default_rng(3)
    below, above = random.integers(0, 256, (2, 40, 60, 4), np.uint8)
    below[:, ::3, 3], above[:, ::5, 3] = 0, 255
    is_covered = random.random(above.shape[:2]) < share
    above[~is_covered, 3] = 0
    seen = above[..., 3] > 0
    laid = blend_over(below, above, blend=mode, is_clipped=is_clipped)
    dense = blend_over(below[seen], above[seen], blend=mode, is_clipped=is_clipped)
    assert (laid[seen] == dense).all()
    assert (laid[~seen] == below[~seen]).all()


def test_order_of_plates_is_bottom_to_top() -> None:
    colors = [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)]
    plates = [plate(np.full((24, 40, 4), color, np.uint8)) for color in colors]
    for lower, upper in pairwise(range(3)):
        assert composite([plates[lower], plates[upper]], size=SIZE)[0, 0].tolist() == list(colors[upper])
