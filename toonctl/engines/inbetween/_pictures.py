"""Inbetweens from an engine that knows whole RGB pictures alone: laid on white on the way in, matted after.

Letters: H height, W width.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from toonctl.core.errors import EngineError
from toonctl.core.types import Between, Pixels, Size
from toonctl.engines.base import DrawnInbetween, InbetweenRequest, KeyPicture, PictureInbetweener
from toonctl.engines.cel.inbetween.fallback import hold
from toonctl.engines.inbetween._matte import matte, on_white

Drawer = Callable[[Mapping[str, object]], PictureInbetweener]
"""The options of a layer -> what draws the pictures between two of its keys."""


def draw_pictures(request: InbetweenRequest, drawer: Drawer) -> Iterator[object]:
    """What `deliver` returned for every wanted drawing: span by span, in it layer by layer from the bottom.

    Every layer is drawn for itself with the same seed. Between two equal keys the key is held. A layer that
    only one key of a span has is held from there on, or empty up to there, and says so.

    Raises: EngineError when the keys of a span differ in size.
    """
    drawers: dict[str, PictureInbetweener] = {}
    order = sorted(request.wanted, key=lambda each: (each.first, request.layers.index(each.layer), each.time))
    for (first, layer), group in groupby(order, key=lambda each: (each.first, each.layer)):
        betweens = tuple(group)
        keys = [load() if (load := request.keys[first + i].layers.get(layer)) else None for i in (0, 1)]
        one, two = keys
        if one is None or two is None:
            drawn = (_lone(each, one, two, request.size) for each in betweens)
        elif _is_same(one, two):
            drawn = (hold(each, one, "") for each in betweens)
        else:
            if layer not in drawers:
                drawers[layer] = drawer(request.options[layer])
            drawn = _drawn(request, betweens, (one.picture, two.picture), drawers[layer])
        yield from map(request.deliver, drawn)


def _drawn(
    request: InbetweenRequest,
    betweens: Sequence[Between],
    keys: tuple[Pixels, Pixels],
    drawer: PictureInbetweener,
) -> Iterator[DrawnInbetween]:
    layer, first = betweens[0].layer, betweens[0].first
    if keys[0].shape != keys[1].shape:
        what = f"the keys around `{betweens[0].name}` differ in size: {_size(keys[0])} and {_size(keys[1])}"
        raise EngineError(what, f"layer `{layer}`", "draw them on one canvas")
    # All times of a span, wanted now or not: what a clip looks like may depend on how many it holds.
    planned = [each for each in (*request.planned, *betweens) if (each.layer, each.first) == (layer, first)]
    times = sorted({each.time for each in planned})
    pictures = drawer.between(
        on_white(keys[0]),
        on_white(keys[1]),
        times,
        prompt=request.prompt,
        seed=int(str(request.options[layer]["seed"])),
    )
    found = dict(zip(times, pictures, strict=True))
    for each in betweens:
        yield DrawnInbetween(each.layer, each.name, matte(found[each.time], keys), None, None, ())


def _lone(between: Between, one: KeyPicture | None, two: KeyPicture | None, size: Size) -> DrawnInbetween:
    """The key that has the layer where that is the nearer one, else an empty picture."""
    nearer = one if between.time < 0.5 else two
    blank = KeyPicture(np.zeros((size[1], size[0], 4), np.uint8), None)
    return hold(between, nearer or blank, "held: the layer is in one key only")


def _is_same(one: KeyPicture, two: KeyPicture) -> bool:
    """Whether two keys show the same; what color a pixel has that does not show is no matter."""
    a, b = one.picture, two.picture
    if a.shape != b.shape or not np.array_equal(a[..., 3], b[..., 3]):
        return False
    return bool(((a == b) | (a[..., 3:] == 0)).all())


def _size(picture: Pixels) -> str:
    width, height = size_of(picture)
    return f"{width}x{height}"


def size_of(picture: Pixels) -> Size:
    """Width and height of a picture."""
    return picture.shape[1], picture.shape[0]


@dataclass(frozen=True, slots=True)
class Fit:
    """Where pictures `[H, W, 3]` of `source` lie in those of `target`: whole, in the middle, at one scale.

    Sizes are width and height; what is left over repeats the picture's border.
    """

    source: Size
    target: Size

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height of the picture in the target."""
        scale = min(want / have for want, have in zip(self.target, self.source, strict=True))
        w, h = (
            min(want, max(1, round(have * scale)))
            for want, have in zip(self.target, self.source, strict=True)
        )
        return (self.target[0] - w) // 2, (self.target[1] - h) // 2, w, h

    def into(self, picture: Pixels) -> Pixels:
        """The picture as the network is to see it; unchanged when the sizes are equal."""
        x, y, w, h = self.box
        left_over = (y, self.target[1] - h - y, x, self.target[0] - w - x)
        padded = cv2.copyMakeBorder(_resized(picture, (w, h)), *left_over, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)

    def back(self, picture: Pixels) -> Pixels:
        """What the network drew at the picture's own size."""
        x, y, w, h = self.box
        return _resized(np.ascontiguousarray(picture[y : y + h, x : x + w]), self.source)


def _resized(picture: Pixels, size: Size) -> Pixels:
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    how = cv2.INTER_AREA if size[0] < width else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
