"""What worker processes do for a span: read keys, relate two of them, draw between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toonctl.core.errors import EngineError
from toonctl.core.types import Between, FellBack, Size
from toonctl.engines.base import Deliver, KeyPicture, LoadKey
from toonctl.engines.cel.inbetween.drawing import Span, draw_between, picture_of
from toonctl.engines.cel.inbetween.estimate import estimate
from toonctl.engines.cel.inbetween.fallback import carry, flow_from_to, hold
from toonctl.engines.cel.inbetween.flatten import flattened
from toonctl.engines.cel.inbetween.laying import equal_pixels
from toonctl.engines.cel.inbetween.packing import PackedKey, Runs
from toonctl.engines.cel.inbetween.reading import read_key
from toonctl.engines.cel.inbetween.shared import Flat
from toonctl.engines.cel.inbetween.way import Bend, Way
from toonctl.engines.cel.options import InbetweenOptions

_RELATED = 0.12
"""Share of the foreground with a counterpart below which two keys are two scenes."""


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
class DrawJob:
    """One drawing to make: its keys, how they relate, and the bends of their ways through further keys."""

    between: Between
    first: PackedKey
    second: PackedKey
    pair: Pair
    bends: tuple[Bend | None, Bend | None]
    loads: tuple[LoadKey, LoadKey]
    deliver: Deliver


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
    if min(forth.related, back.related) < _RELATED:
        how = "held: the keys have too little in common"
    elif share > options.bad_share:
        how = "winner takes all along optical flow"
    doubts = tuple(tuple(FellBack("region", how, box) for how, box in way.fell_back) for way in (forth, back))
    return Pair(forth, back, Runs.of(held), is_equal, how, (doubts[0], doubts[1]))


def draw(job: DrawJob) -> object:
    """What `deliver` returned for the drawing."""
    between, pair = job.between, job.pair
    is_late = between.time >= 0.5
    if pair.is_equal or pair.how.startswith("held"):
        return job.deliver(hold(between, job.loads[is_late](), "" if pair.is_equal else pair.how))
    first, second = job.first.key(), job.second.key()
    if pair.how:
        near, far = (second, first) if is_late else (first, second)
        nearer = picture_of(near)
        return job.deliver(carry(between, nearer, flow_from_to(nearer.picture, picture_of(far).picture)))
    span = Span(first, second, pair.forth, pair.back, pair.held.picture().astype(bool), job.bends)
    return job.deliver(draw_between(span, between, pair.fell_back[is_late]))


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
