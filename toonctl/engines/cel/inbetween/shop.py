"""Who does what when: keys read once, related once, and let go when the spans have passed them."""

from collections.abc import Callable, MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

from toonctl.core.types import Between
from toonctl.engines.base import InbetweenRequest, LoadKey
from toonctl.engines.cel.inbetween.curves import bend
from toonctl.engines.cel.inbetween.packing import PackedKey
from toonctl.engines.cel.inbetween.spans import (
    EarlyKey,
    FlatPair,
    Pair,
    SpanJob,
    draw,
    draw_lone,
    finish_early,
    read,
    read_flat,
    relate,
    relate_flat,
)
from toonctl.engines.cel.inbetween.steps import Step, Steps
from toonctl.engines.cel.inbetween.way import Bend
from toonctl.engines.cel.options import InbetweenOptions

T = TypeVar("T")

_numbers = count()

Begun = MutableMapping[tuple[int, str], Future[EarlyKey]]
"""Keys under way, by index and layer"""


def key_name(number: int, layer: str) -> str:
    """What errors call the key with that position, 0-based."""
    return f"key {number + 1}, layer `{layer}`"


@dataclass(frozen=True)
class _Materials:
    """What the drawings of one span are made from: `pairs` before, of, and after it, None where none bends
    its ways; `gaps` are their frames."""

    keys: tuple[Step[PackedKey], Step[PackedKey]]
    pairs: tuple[Step[Pair] | None, Step[Pair], Step[Pair] | None]
    gaps: tuple[float, float, float]
    loads: tuple[LoadKey, LoadKey]

    @property
    def needs(self) -> list[Step[Any]]:
        """All that has to be done before the first drawing."""
        return [*self.keys, *(pair for pair in self.pairs if pair is not None)]

    @cached_property
    def job(self) -> SpanJob:
        """The span as workers take it. Raises: what the steps raised."""
        first, second = (key.result() for key in self.keys)
        pair = self.pairs[1].result()
        return SpanJob(next(_numbers), first, second, pair, self._bends(pair), self.loads)

    def _bends(self, pair: Pair) -> tuple[Bend | None, Bend | None]:
        """How the ways of the span bend toward the keys around it, forth and back."""
        before, _, after = self.pairs
        if before is None and after is None:
            return None, None
        back = None if before is None else before.result().back
        forth = bend(pair.forth, back, None if after is None else after.result().forth, self.gaps)
        return forth, forth.reversed(pair.back.matched)


class Shop:
    """The work of one request, handed to its executor; keys and pairs go when orders have passed them."""

    def __init__(self, request: InbetweenRequest, begun: Begun) -> None:
        """`begun` are keys that are being read already; they are taken from there."""
        self._request, self._begun = request, begun
        self._options = {name: InbetweenOptions.of(given) for name, given in request.options.items()}
        self._steps = Steps(request.executor)
        self._kept: dict[tuple[str, int, str], Any] = {}

    def order(self, between: Between) -> Step[object]:
        """The drawing, on its way. Raises: whatever reading and relating its keys raised."""
        request, first, layer = self._request, between.first, between.layer
        self._forget_before(first - 1)
        loads = [request.keys[first + i].layers.get(layer) for i in (0, 1)]
        if loads[0] is None or loads[1] is None:
            nearer = loads[between.time >= 0.5]
            return self._steps.add(draw_lone, lambda: (between, nearer, request.size, request.deliver))
        self._read_ahead(first)
        made_from = self._materials(first, layer, (loads[0], loads[1]))
        return self._steps.add(draw, lambda: (between, made_from.job, request.deliver), made_from.needs)

    def result(self, order: Step[object]) -> object:
        """What `deliver` returned for the drawing. Raises: what drawing it or another raised."""
        return self._steps.result(order)

    def _forget_before(self, first: int) -> None:
        self._kept = {name: kept for name, kept in self._kept.items() if name[1] >= first}

    def _read_ahead(self, first: int) -> None:
        """Reading begins for all keys a span needs at once, and for those of the next."""
        for number in range(max(first - 1, 0), min(first + 3, len(self._request.keys))):
            for layer in self._request.layers:
                if layer in self._request.keys[number].layers:
                    self._key(number, layer)

    def _materials(self, first: int, layer: str, loads: tuple[LoadKey, LoadKey]) -> _Materials:
        keys = self._request.keys
        is_bent = self._options[layer].arcs
        has_before = is_bent and first > 0 and layer in keys[first - 1].layers
        has_after = is_bent and first + 2 < len(keys) and layer in keys[first + 2].layers
        at = [key.index for key in keys]
        return self._once(
            ("materials", first, layer),
            lambda: _Materials(
                (self._key(first, layer), self._key(first + 1, layer)),
                (
                    self._pair(first - 1, layer) if has_before else None,
                    self._pair(first, layer),
                    self._pair(first + 1, layer) if has_after else None,
                ),
                (
                    float(at[first] - at[first - 1]) if has_before else 1.0,
                    float(at[first + 1] - at[first]),
                    float(at[first + 2] - at[first + 1]) if has_after else 1.0,
                ),
                loads,
            ),
        )

    def _key(self, number: int, layer: str) -> Step[PackedKey]:
        return self._once(("key", number, layer), lambda: self._read(number, layer))

    def _read(self, number: int, layer: str) -> Step[PackedKey]:
        key, options = self._request.keys[number], self._options[layer]
        begun = self._begun.pop((key.index, layer), None)
        if begun is None or begun.cancelled():
            arguments = key.layers[layer], self._request.size, options, key_name(number, layer)
            return self._steps.add(read, lambda: arguments)
        early = self._steps.adopt(begun)
        return self._steps.add(finish_early, lambda: (early.result(), options), [early])

    def _pair(self, first: int, layer: str) -> Step[Pair]:
        return self._once(("pair", first, layer), lambda: self._related(first, layer))

    def _related(self, first: int, layer: str) -> Step[Pair]:
        a, b, flat = self._key(first, layer), self._key(first + 1, layer), self._flat_pair(first)
        options = self._options[layer]
        return self._steps.add(
            relate,
            lambda: (a.result(), b.result(), options, None if flat is None else flat.result()),
            [a, b, *([] if flat is None else [flat])],
        )

    def _flat_key(self, number: int) -> Step[PackedKey]:
        given = self._request.keys[number].layers
        layers = [name for name in self._request.layers if name in given]
        loads = [given[name] for name in layers]
        arguments = loads, self._request.size, self._options[layers[0]], f"key {number + 1}"
        return self._once(("flat key", number, ""), lambda: self._steps.add(read_flat, lambda: arguments))

    def _flat_pair(self, first: int) -> Step[FlatPair] | None:
        """How all layers move together; None when there is but one."""
        if len(self._request.layers) < 2:
            return None
        a, b = self._flat_key(first), self._flat_key(first + 1)
        options = self._options[self._request.layers[0]]
        return self._once(
            ("flat pair", first, ""),
            lambda: self._steps.add(relate_flat, lambda: (a.result(), b.result(), options), [a, b]),
        )

    def _once(self, name: tuple[str, int, str], make: Callable[[], T]) -> T:
        """What is kept under that name, made when first asked for."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]
