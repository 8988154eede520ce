"""Built-in inbetweens: regions of the keys are matched, moved and drawn again; CPU, exact palette colors.

Chapter by chapter in `engines/cel/inbetween`. Options (`InbetweenOptions`): `matcher`, `gap_px`,
`min_region_px`, `line_threshold`, `arcs`, `region_score`, `bad_share`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from toonctl.engines.base import EngineFacts, InbetweenRequest, KeysAhead, WeightsFacts
from toonctl.engines.cel.inbetween.shop import Shop, key_name
from toonctl.engines.cel.inbetween.spans import EarlyKey, read_early
from toonctl.engines.cel.inbetween.steps import Step
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.worker import WEIGHTS, matcher, number_format, read_weights

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}

_AHEAD = 16
"""Drawings ordered ahead of the one waited for: two spans of the usual seven, so that keys are read and
related while earlier spans are drawn; memory stays flat."""

_EARLY = 24
"""Keys that may be read before the engine is ready; many processors would else fill the memory with keys."""


class Engine:
    """Draws what lies between keys."""

    def __init__(self) -> None:
        self._begun: dict[tuple[int, str], Future[EarlyKey]] = {}

    def begin(self, ahead: KeysAhead) -> None:
        """Begins to read the keys that are needed first; no layer twice. Raises: SpecError."""
        options = {layer: InbetweenOptions.of(given) for layer, given in ahead.options.items()}
        if all(each.matcher == "geometric" for each in options.values()):
            return  # which is there at once
        numbers = {number for first in ahead.firsts for number in range(first - 1, first + 3)}
        for number in sorted(numbers & set(range(len(ahead.keys))))[:_EARLY]:
            key = ahead.keys[number]
            for layer, load in key.layers.items():
                name = key_name(number, layer)
                self._begun[key.index, layer] = ahead.submit(
                    read_early, load, ahead.size, options[layer], name
                )

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format and weights. Raises: CheckpointError when the weights are unusable."""
        kind = InbetweenOptions.of(options).matcher
        matcher(kind)  # unusable weights are told before a file changes, and forked workers share the network
        if kind == "geometric":
            return EngineFacts("float32", ())
        digest = hashlib.sha256(read_weights()).hexdigest()
        return EngineFacts(number_format(), (WeightsFacts(WEIGHTS, digest, "Apache-2.0"),))

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, span by span.

        A layer that only one key of a span has is held from there on, or empty up to there, and says so.
        Raises: SpecError for missing options, EngineError when keys differ in size.
        """
        waiting = deque[Step[object]]()
        shop = Shop(request, self._begun)
        for between in sorted(request.wanted, key=lambda b: (b.first, b.time, request.layers.index(b.layer))):
            waiting.append(shop.order(between))
            if len(waiting) >= _AHEAD:
                yield shop.result(waiting.popleft())
        while waiting:
            yield shop.result(waiting.popleft())
