"""What worker processes do for a span: read keys, relate two of them, draw between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import EngineError
from toonctl.core.types import Between, FellBack, Size
from toonctl.engines.base import Deliver, KeyPicture, LoadKey
from toonctl.engines.cel.inbetween.drawing import Span, arrived, draw_between, flat_colors, picture_of
from toonctl.engines.cel.inbetween.estimate import estimate
from toonctl.engines.cel.inbetween.fallback import carried, carry, flow_from_to, hold, unlike
from toonctl.engines.cel.inbetween.flatten import flattened
from toonctl.engines.cel.inbetween.laying import equal_pixels
from toonctl.engines.cel.inbetween.packing import PackedKey, Runs
from toonctl.engines.cel.inbetween.reading import KeyMap, read_key
from toonctl.engines.cel.inbetween.shared import Flat
from toonctl.engines.cel.inbetween.way import Bend, Box, Way
from toonctl.engines.cel.matchers import Describer
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.worker import matcher
from toonctl.regions.describe import Description

_RELATED = 0.12
"""Share of the foreground with a counterpart below which two keys are two scenes."""
_TEXTURED = 0.05
"""Share of what moves without flat colors above which keys are no cels; those of cartoon-dev have none,
saved as JPEG they have a tenth to a half."""
_SPECK = 0.005


@dataclass(frozen=True, slots=True)
class Pair:
    """Two keys related: the way of each to the other, where they are equal, and what had to fall back.

    `is_equal` means the same picture throughout. `how` is empty, or what is done to whole frames instead.
    """

    forth: Way
    back: Way
    held: Runs
    is_equal: bool
    how: str
    fell_back: tuple[tuple[FellBack, ...], tuple[FellBack, ...]]


@dataclass(frozen=True, slots=True)
class SpanJob:
    """What all drawings of a span need: keys, how they relate, bends of their ways through further keys.

    `number` tells the spans of one process apart.
    """

    number: int
    first: PackedKey
    second: PackedKey
    pair: Pair
    bends: tuple[Bend | None, Bend | None]
    loads: tuple[LoadKey, LoadKey]

    def span(self) -> Span:
        """The keys and their ways, unpacked."""
        pair = self.pair
        held = pair.held.picture().astype(bool)
        return Span(self.first.key(), self.second.key(), pair.forth, pair.back, held, self.bends)


class _Desk:
    """The span a worker drew last, unpacked for the drawings that follow; no more than one."""

    def __init__(self) -> None:
        self._number = -1
        self._span: Span | None = None

    def span(self, job: SpanJob) -> Span:
        """The span of `job`."""
        if self._span is None or job.number != self._number:
            self._span = None  # before the next is there: memory holds one
            self._number, self._span = job.number, job.span()
        return self._span


_desk = _Desk()


@dataclass(frozen=True, slots=True)
class FlatPair:
    """Two keys with all layers in one, and how they move."""

    first: Flat
    second: Flat


def relate_flat(first: PackedKey, second: PackedKey, options: InbetweenOptions) -> FlatPair:
    """How two flattened keys move, for the layers to follow."""
    a, b = first.key(), second.key()
    forth, back = estimate(a, b, equal_pixels(a, b), options)
    return FlatPair(Flat.of(a, forth), Flat.of(b, back))


def read(load: LoadKey, size: Size, options: InbetweenOptions, where: str) -> PackedKey:
    """One key of one layer. Raises: EngineError when it is not of the shot's `size`."""
    return PackedKey.of(read_key(_loaded(load, size, where), options))


@dataclass(frozen=True, slots=True)
class EarlyKey:
    """A key read where there was no matcher: what is missing is tokens, to be made of its `description`."""

    key: PackedKey
    description: Description


def read_early(load: LoadKey, size: Size, options: InbetweenOptions, where: str) -> EarlyKey:
    """One key of one layer as far as it can be read without a matcher. Raises: as `read`."""
    key = read(load, size, replace(options, matcher="later"), where)
    describer = matcher("later")
    if not isinstance(describer, Describer):
        raise RuntimeError(f"the matcher `later` is a {type(describer).__name__}")
    return EarlyKey(key, describer.take())


def finish_early(early: EarlyKey, options: InbetweenOptions) -> PackedKey:
    """The key as `read` gives it."""
    return early.key.with_tokens(matcher(options.matcher).tokens(early.description))


def read_flat(loads: Sequence[LoadKey], size: Size, options: InbetweenOptions, where: str) -> PackedKey:
    """All layers of a key as one, bottom to top."""
    return PackedKey.of(read_key(flattened([_loaded(load, size, where) for load in loads]), options))


def relate(first: PackedKey, second: PackedKey, options: InbetweenOptions, flat: FlatPair | None) -> Pair:
    """How two keys of a layer relate; `flat` says how all layers move together."""
    a, b = first.key(), second.key()
    held = equal_pixels(a, b)
    is_equal = bool(held.all())
    shared = None if flat is None else (flat.first.shared(a), flat.second.shared(b))
    forth, back = estimate(a, b, held, options, shared)
    share = max(forth.bad_share, back.bad_share)
    how = ""
    if max(_textured_share(key, held) for key in (a, b)) > _TEXTURED:
        how = "winner takes all along optical flow: what moves is not painted in flat colors"
    elif min(forth.related, back.related) < _RELATED:
        how = "held: the keys have too little in common"
    elif share > options.bad_share and _flow_is_better((a, forth), (b, back)):
        how = "winner takes all along optical flow"
    doubts = [
        tuple(FellBack("region", why, box) for why, box in (*way.fell_back, *_repainted(key, held)))
        for key, way in ((a, forth), (b, back))
    ]
    return Pair(forth, back, Runs.of(held), is_equal, how, (doubts[0], doubts[1]))


def _flow_is_better(first: tuple[KeyMap, Way], second: tuple[KeyMap, Way]) -> bool:
    """Whether optical flow makes of the keys more of what they are to become than their regions' ways do."""
    by_regions = by_flow = 0.0
    for (key, way), (other, _) in ((first, second), (second, first)):
        goal = flat_colors(other)
        flow = flow_from_to(picture_of(key).picture, picture_of(other).picture)
        by_regions += unlike(arrived(key, way), goal)
        by_flow += unlike(carried(flat_colors(key), flow), goal)
    return by_flow < by_regions


def draw(between: Between, job: SpanJob, deliver: Deliver) -> object:
    """What `deliver` returned for the drawing."""
    pair = job.pair
    is_late = between.time >= 0.5
    if pair.is_equal or pair.how.startswith("held"):
        return deliver(hold(between, job.loads[is_late](), "" if pair.is_equal else pair.how))
    span = _desk.span(job)
    if pair.how:
        near, far = (span.second, span.first) if is_late else (span.first, span.second)
        nearer = picture_of(near)
        return deliver(
            carry(between, nearer, flow_from_to(nearer.picture, picture_of(far).picture), pair.how)
        )
    return deliver(draw_between(span, between, pair.fell_back[is_late]))


def _textured_share(key: KeyMap, held: NDArray[np.bool_]) -> float:
    """The share of what is not `held` `[H, W]` that a key shows without flat colors."""
    moves = ~held
    return float(key.texture[moves].mean()) if moves.any() else 0.0


def _repainted(key: KeyMap, held: NDArray[np.bool_]) -> Iterator[tuple[str, Box]]:
    """Why and where, if what a key shows without flat colors is more than a speck."""
    if _textured_share(key, held) > _SPECK:
        x, y, width, height = cv2.boundingRect((key.texture & ~held).view(np.uint8))
        yield "no flat colors: painted in those around it", (int(x), int(y), int(width), int(height))


def draw_lone(between: Between, load: LoadKey | None, size: Size, deliver: Deliver) -> object:
    """What `deliver` returned for a drawing of a layer one key lacks: `load` gives the nearer, if any."""
    why = "held: the layer is in one key only"
    if load is None:
        blank = np.zeros((size[1], size[0], 4), np.uint8)
        return deliver(hold(between, KeyPicture(blank, None), why))
    return deliver(hold(between, _loaded(load, size, between.layer), why))


def _loaded(load: LoadKey, size: Size, where: str) -> KeyPicture:
    key = load()
    for pixels in (key.picture, key.line):
        if pixels is not None and pixels.shape[1::-1] != size:
            raise EngineError(
                f"the key is {pixels.shape[1]} x {pixels.shape[0]} pixels, others are {size[0]} x {size[1]}",
                where,
                "give all keys of a shot in one size",
            )
    return key
