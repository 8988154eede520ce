"""Who does what when: keys read once, related once, and let go when the spans have passed them."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from toonctl.core.types import Between
from toonctl.engines.base import InbetweenRequest
from toonctl.engines.cel.inbetween.curves import bend
from toonctl.engines.cel.inbetween.packing import PackedKey
from toonctl.engines.cel.inbetween.spans import (
    DrawJob,
    FlatPair,
    Pair,
    draw,
    draw_lone,
    read,
    read_flat,
    relate,
    relate_flat,
)
from toonctl.engines.cel.inbetween.way import Bend
from toonctl.engines.cel.options import InbetweenOptions


class Shop:
    """The work of one request, handed to its executor; keys and pairs are kept for three spans at most."""

    def __init__(self, request: InbetweenRequest) -> None:
        self._request = request
        self._options = {name: InbetweenOptions.of(given) for name, given in request.options.items()}
        self._kept: dict[tuple[str, int, str], Future[Any]] = {}

    def submit(self, between: Between) -> Future[object]:
        """The drawing under way. Raises: whatever reading and relating its keys raised."""
        request, first, layer = self._request, between.first, between.layer
        self._forget_before(first - 1)
        loads = [request.keys[first + i].layers.get(layer) for i in (0, 1)]
        if loads[0] is None or loads[1] is None:
            nearer = loads[between.time >= 0.5]
            return request.executor.submit(draw_lone, between, nearer, request.size, request.deliver)
        self._read_ahead(first)
        job = DrawJob(
            between,
            self._key(first, layer).result(),
            self._key(first + 1, layer).result(),
            self._pair(first, layer).result(),
            self._bends(first, layer),
            (loads[0], loads[1]),
            request.deliver,
        )
        return request.executor.submit(draw, job)

    def _forget_before(self, first: int) -> None:
        self._kept = {name: future for name, future in self._kept.items() if name[1] >= first}

    def _read_ahead(self, first: int) -> None:
        """Reading begins for all keys a span needs at once, and for those of the next."""
        for number in range(max(first - 1, 0), min(first + 3, len(self._request.keys))):
            for layer in self._request.layers:
                if layer in self._request.keys[number].layers:
                    self._key(number, layer)

    def _key(self, number: int, layer: str) -> Future[PackedKey]:
        return self._once(
            ("key", number, layer),
            read,
            lambda: (
                self._request.keys[number].layers[layer],
                self._request.size,
                self._options[layer],
                f"key {number + 1}, layer `{layer}`",
            ),
        )

    def _pair(self, first: int, layer: str) -> Future[Pair]:
        flat = self._flat_pair(first)
        return self._once(
            ("pair", first, layer),
            relate,
            lambda: (
                self._key(first, layer).result(),
                self._key(first + 1, layer).result(),
                self._options[layer],
                None if flat is None else flat.result(),
            ),
        )

    def _flat_key(self, number: int) -> Future[PackedKey]:
        layers = [name for name in self._request.layers if name in self._request.keys[number].layers]
        return self._once(
            ("flat key", number, ""),
            read_flat,
            lambda: (
                [self._request.keys[number].layers[name] for name in layers],
                self._request.size,
                self._options[layers[0]],
                f"key {number + 1}",
            ),
        )

    def _flat_pair(self, first: int) -> Future[FlatPair] | None:
        """How all layers move together; None when there is but one."""
        if len(self._request.layers) < 2:
            return None
        keys = self._flat_key(first), self._flat_key(first + 1)
        return self._once(
            ("flat pair", first, ""),
            relate_flat,
            lambda: (keys[0].result(), keys[1].result(), self._options[self._request.layers[0]]),
        )

    def _bends(self, first: int, layer: str) -> tuple[Bend | None, Bend | None]:
        """How the ways of a span bend toward the keys around it, forth and back."""
        keys = self._request.keys
        if not self._options[layer].arcs:
            return None, None
        has_before = first > 0 and layer in keys[first - 1].layers
        has_after = first + 2 < len(keys) and layer in keys[first + 2].layers
        if not has_before and not has_after:
            return None, None
        pair = self._pair(first, layer).result()
        before = self._pair(first - 1, layer).result().back if has_before else None
        after = self._pair(first + 1, layer).result().forth if has_after else None
        at = [key.index for key in keys]
        gaps = (
            float(at[first] - at[first - 1]) if has_before else 1.0,
            float(at[first + 1] - at[first]),
            float(at[first + 2] - at[first + 1]) if has_after else 1.0,
        )
        forth = bend(pair.forth, before, after, gaps)
        return forth, forth.reversed(pair.back.matched)

    def _once(
        self, name: tuple[str, int, str], work: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]
    ) -> Future[Any]:
        """The work under that name, submitted when first asked for."""
        if name not in self._kept:
            self._kept[name] = self._request.executor.submit(work, *arguments())
        return self._kept[name]
