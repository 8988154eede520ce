"""Built-in inbetweens: regions of the keys are matched, moved and drawn again; CPU, exact palette colors.

Chapter by chapter in `engines/cel/inbetween`. Options (`InbetweenOptions`): `matcher`, `gap_px`,
`min_region_px`, `line_threshold`, `arcs`, `region_score`, `bad_share`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from toonctl.core.errors import EngineError
from toonctl.core.types import Between, Size
from toonctl.engines.base import Deliver, EngineFacts, InbetweenRequest, LoadKey, WeightsFacts
from toonctl.engines.cel.inbetween.drawing import Span, draw_between
from toonctl.engines.cel.inbetween.estimate import equal_pixels, estimate
from toonctl.engines.cel.inbetween.fallback import hold
from toonctl.engines.cel.inbetween.options import InbetweenOptions
from toonctl.engines.cel.inbetween.reading import read_key
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

        Raises: SpecError for missing options, EngineError when the keys of a span differ in size or a layer
        is in neither.
        """
        waiting: deque[Future[object]] = deque()
        for between in sorted(request.wanted, key=lambda b: (b.first, b.time)):
            while len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
            first, second = (request.keys[between.first + i].layers.get(between.layer) for i in (0, 1))
            options = InbetweenOptions.of(request.options[between.layer])
            waiting.append(
                request.executor.submit(
                    _draw, between, first, second, request.size, options, request.deliver
                )
            )
        while waiting:
            yield waiting.popleft().result()


def _draw(
    between: Between,
    first: LoadKey | None,
    second: LoadKey | None,
    size: Size,
    options: InbetweenOptions,
    deliver: Deliver,
) -> object:
    pictures = [load() for load in (first, second) if load is not None]
    if not pictures:
        raise EngineError(f"layer `{between.layer}` is in neither key around `{between.name}`")
    for key in pictures:
        if key.picture.shape[1::-1] != size:
            raise EngineError(
                f"a key of layer `{between.layer}` is {key.picture.shape[1]} x {key.picture.shape[0]}, "
                f"the shot {size[0]} x {size[1]}"
            )
    if len(pictures) == 1:
        return deliver(hold(between, pictures[0], "held: the layer is in one key only"))
    nearer, other = pictures if between.time < 0.5 else pictures[::-1]
    if (nearer.picture == other.picture).all():
        return deliver(hold(between, nearer, ""))
    a, b = (read_key(p, options) for p in pictures)
    held = equal_pixels(a, b)
    forth, back = estimate(a, b, held, options)
    return deliver(draw_between(Span(a, b, forth, back, held), between, ()))
