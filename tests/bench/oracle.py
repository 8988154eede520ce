"""An engine whose answer is known: given packed keys, it gives the packed truth between them.

What a path through packing, unpacking, growing and matting loses is then the path's own doing.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from toonctl.core.types import Pixels
from toonctl.engines.base import EngineFacts, StateStore
from toonctl.engines.inbetween._packs import Looked, PackSettings, packs_of
from toonctl.metrics.layers import stacked
from toonctl.regions.packing.plan import Canvas, Pack
from toonctl.regions.packing.sheet import pack_layers

Layers = Mapping[str, Pixels]
"""RGBA pictures by layer, bottom to top."""


class Oracle:
    """Knows the layers `at` every time 0..1 of a shot, what they look like, and draws on one canvas."""

    def __init__(self, at: Callable[[float], Layers], looked: Mapping[str, Looked], canvas: Canvas) -> None:
        self._at, self._looked, self._canvas = at, looked, canvas
        self._packs: tuple[Pack, ...] = ()

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        return EngineFacts("uint8", ())

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        return self._canvas

    def pictures(
        self, options: Mapping[str, object], state: StateStore, *, tell: Callable[[str], object] = print
    ) -> "Oracle":
        height, width = next(iter(self._at(0.0).values())).shape[:2]
        self._packs = packs_of(self._looked, PackSettings.of(options), self._canvas, (width, height)).packs
        return self

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        for pack in self._packs:
            ends = [_packed(pack, self._at(time)) for time in (0.0, 1.0)]
            # The two ways of laying layers over each other may round apart by a level.
            if all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(ends, (first, last), strict=True)):
                return [_packed(pack, self._at(time)) for time in times]
        raise ValueError("these keys are none of the shot's")


def _packed(pack: Pack, layers: Layers) -> Pixels:
    return pack_layers(pack, layers, stacked(list(layers.values())))
