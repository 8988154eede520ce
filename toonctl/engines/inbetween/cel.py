"""Built-in inbetweens: regions of the keys are matched, moved and drawn again; CPU, exact palette colors.

Chapter by chapter in `engines/cel/inbetween`. Options (`InbetweenOptions`): `matcher`, `gap_px`,
`min_region_px`, `line_threshold`, `arcs`, `region_score`, `bad_share`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from toonctl.engines.base import EngineFacts, InbetweenRequest, WeightsFacts
from toonctl.engines.cel.inbetween.shop import Shop
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.worker import WEIGHTS, matcher, number_format, read_weights

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}

_AHEAD = 8
"""Drawings submitted ahead of the one waited for: workers stay busy and memory stays flat."""


class Engine:
    """Draws what lies between keys."""

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
        waiting: deque[Future[object]] = deque()
        shop = Shop(request)
        for between in sorted(request.wanted, key=lambda b: (b.first, b.time, request.layers.index(b.layer))):
            while len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
            waiting.append(shop.submit(between))
        while waiting:
            yield waiting.popleft().result()
