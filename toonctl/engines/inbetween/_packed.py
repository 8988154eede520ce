"""All layers of a shot drawn in one picture (LayerPack): packed, drawn by an engine of pictures, unpacked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from typing import Protocol

import numpy as np

from toonctl.core.errors import EngineError
from toonctl.core.types import Between, FellBack, Pixels, Size
from toonctl.engines.base import (
    Deliver,
    DrawnInbetween,
    EngineFacts,
    InbetweenRequest,
    KeyPicture,
    LoadKey,
    PictureEngine,
    PictureInbetweener,
)
from toonctl.engines.cel.inbetween.fallback import hold
from toonctl.engines.cel.inbetween.flatten import flattened
from toonctl.engines.inbetween._enlarging import Enlarger, facts_of_weights
from toonctl.engines.inbetween._packs import Looked, PackSettings, look_at, packs_of
from toonctl.regions.packing.growing import Growth, LayerCell, grow
from toonctl.regions.packing.plan import Box, Canvas, Pack
from toonctl.regions.packing.sheet import CROSSED, crossings, pack_layers, unpack

_LONE = "held: the layer is in one key only"


class PackEngine(PictureEngine, Protocol):
    """A picture engine with facts of its own."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...


class Engine:
    """Draws what lies between layered keys with an engine that knows pictures alone.

    Layers that both keys show alike are held and take no room. With `pack = false` the others are drawn one
    by one with the same seed: the baseline of LayerPack, table 2.
    """

    def __init__(self, inner: PackEngine) -> None:
        self._inner = inner

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Those of the engine that draws, and of what enlarges. Raises: EngineError when one is unusable."""
        facts = self._inner.facts(options)
        if not PackSettings.of(options).is_enlarged:
            return facts
        return replace(facts, weights=(*facts.weights, facts_of_weights()))

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, span by span; None after each packed picture.

        Raises: EngineError when keys differ in size, and what the engine that draws raises.
        """
        options = next(iter(request.options.values()))
        # Its networks are opened when the first picture needs them, and stay for all spans.
        opened = cache(partial(self._inner.pictures, options, request.state, tell=request.tell))
        order = sorted(request.wanted, key=lambda b: (b.first, request.layers.index(b.layer), b.time))
        settings = PackSettings.of(options)
        enlarger = Enlarger(settings.device) if settings.is_enlarged else None
        for first, group in groupby(order, key=lambda each: each.first):
            span = _Span(request, first, tuple(group), enlarger)
            yield from span.draw(self._inner.canvas(options), opened)


@dataclass(frozen=True, slots=True)
class _Finish:
    """A layer of a drawn picture, RGB `[h, w, 3]`, on its way to full size and to alpha."""

    between: Between
    picture: Pixels
    pack: Pack
    inks: Pixels
    loads: tuple[LoadKey, LoadKey]
    how: Growth
    fell_back: tuple[FellBack, ...]
    deliver: Deliver


class _Span:
    """The drawings between two keys."""

    def __init__(
        self, request: InbetweenRequest, first: int, wanted: tuple[Between, ...], enlarger: Enlarger | None
    ) -> None:
        self._request, self._first, self._wanted, self._enlarger = request, first, wanted, enlarger
        self._loads = [request.keys[first + step].layers for step in (0, 1)]
        planned = [each for each in (*request.planned, *wanted) if each.first == first]
        # All times, wanted now or not: a chunk of the shot is to give the pictures of the whole.
        self._times = {
            layer: {each.time for each in planned if each.layer == layer} for layer in request.layers
        }
        self._settings = PackSettings.of(next(iter(request.options.values())))

    def draw(self, canvas: Canvas, opened: Callable[[], PictureInbetweener]) -> Iterator[object]:
        request = self._request
        looked = self._looked()
        moving = {layer for layer, each in looked.items() if not each.is_same}
        for between in self._wanted:
            if between.layer not in moving:
                yield request.deliver(self._held(between))
        if not any(between.layer in moving for between in self._wanted):
            return
        found = packs_of(looked, self._settings, canvas, request.size)
        if found.is_coarse:
            self._tell_coarse(min(pack.scale for pack in found.packs))
        flats = [self._flat(step) for step in (0, 1)]
        for pack in found.packs:
            yield from self._draw_pack(pack, looked, flats, opened())
            yield None

    def _looked(self) -> dict[str, Looked]:
        """The layers with drawings to come that both keys have, bottom to top."""
        looking: dict[str, Future[Looked]] = {
            layer: self._request.executor.submit(
                _look, self._pair(layer), self._request.size, f"key {self._first + 1}, layer `{layer}`"
            )
            for layer in self._request.layers
            if self._times[layer] and all(layer in loads for loads in self._loads)
        }
        return {layer: future.result() for layer, future in looking.items()}

    def _draw_pack(
        self,
        pack: Pack,
        looked: Mapping[str, Looked],
        flats: Sequence[Pixels],
        drawer: PictureInbetweener,
    ) -> Iterator[object]:
        """What became of the wanted drawings of the layers in a pack."""
        request = self._request
        names = [name for name, _ in pack.cells_of_layers]
        wanted = [each for each in self._wanted if each.layer in names]
        if not wanted:
            return
        first, last = (
            pack_layers(pack, {name: self._loads[step][name]().picture for name in names}, flats[step])
            for step in (0, 1)
        )
        times = sorted({time for name in names for time in self._times[name]})
        pictures = drawer.between(first, last, times, prompt=request.prompt, seed=self._settings.seed)
        found = dict(zip(times, pictures, strict=True))
        crossed = {time: crossings(pack, found[time]) for time in sorted({each.time for each in wanted})}
        self._tell_crossed(sum(bool(each) for each in crossed.values()), len(crossed))
        waiting = [
            request.executor.submit(
                _finish,
                _Finish(
                    each,
                    self._enlarged(unpack(pack, found[each.time])[each.layer], pack),
                    pack,
                    looked[each.layer].inks,
                    self._pair(each.layer),
                    self._settings.growth,
                    tuple(_fell_back(found.box) for found in crossed[each.time] if found.layer == each.layer),
                    request.deliver,
                ),
            )
            for each in wanted
        ]
        for future in waiting:
            yield future.result()

    def _enlarged(self, picture: Pixels, pack: Pack) -> Pixels:
        """What a cell shows; of full size where a network is asked for that."""
        if self._enlarger is None:
            return picture
        return self._enlarger.enlarged(picture, pack.source[2:])

    def _flat(self, step: int) -> Pixels:
        """A key with all its layers, held ones too, RGBA."""
        loads = self._loads[step]
        return flattened([loads[layer]() for layer in self._request.layers if layer in loads]).picture

    def _pair(self, layer: str) -> tuple[LoadKey, LoadKey]:
        return self._loads[0][layer], self._loads[1][layer]

    def _held(self, between: Between) -> DrawnInbetween:
        """The key where both are equal, or the nearer one where only one key has the layer."""
        loads = [loads.get(between.layer) for loads in self._loads]
        width, height = self._request.size
        load = loads[between.time >= 0.5]
        key = KeyPicture(np.zeros((height, width, 4), np.uint8), None) if load is None else load()
        return hold(between, key, _LONE if None in loads else "")

    def _tell_coarse(self, scale: float) -> None:
        lines = round(scale * self._request.size[1])
        self._request.tell(
            f"from key {self._first + 1}, a cell shows a frame in {lines} lines where `least_lines` asks for "
            f"{self._settings.least_lines}: fine lines may suffer"
        )

    def _tell_crossed(self, n_crossed: int, n_pictures: int) -> None:
        if n_crossed:
            self._request.tell(
                f"from key {self._first + 1}, drawings came to the border of their cells in {n_crossed} of "
                f"{n_pictures} packed pictures: look at them, then try a larger `margin` or another seed"
            )


def _fell_back(box: Box) -> FellBack:
    return FellBack("region", CROSSED, box)


def _look(loads: tuple[LoadKey, LoadKey], size: Size, where: str) -> Looked:
    """What is to be known of a layer; runs in worker processes. Raises: EngineError for another size."""
    keys = loads[0]().picture, loads[1]().picture
    for key in keys:
        if key.shape[1::-1] != size:
            what = f"the key is {key.shape[1]} x {key.shape[0]} pixels, others are {size[0]} x {size[1]}"
            raise EngineError(what, where, "give all keys of a shot in one size")
    return look_at(keys)


def _finish(job: _Finish) -> object:
    """What `deliver` returned for a layer at full size; runs in worker processes."""
    each, cell = job.between, dict(job.pack.cells_of_layers)[job.between.layer]
    x, y, w, h = job.pack.source
    part = slice(y, y + h), slice(x, x + w)
    one, two = (load().picture for load in job.loads)
    keys = np.ascontiguousarray(one[part]), np.ascontiguousarray(two[part])
    picture = np.zeros_like(one)
    picture[part] = grow(LayerCell(job.picture, cell.ground, keys, job.inks), job.how)
    # The ink matte gives the keys' own colors: to look for them again over white would spoil soft rims.
    is_flat = job.how.matte == "ink"
    return job.deliver(DrawnInbetween(each.layer, each.name, picture, None, None, job.fell_back, is_flat))
