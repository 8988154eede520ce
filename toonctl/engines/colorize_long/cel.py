"""Built-in region matcher: flat cels on the CPU, exact palette colors, no download.

Regions of the line art are matched by a small network (or by geometry) to the references, to the neighboring
drawing and to a bank of unlike drawings; see `engines/cel`.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future

from toonctl.core.types import ColoredDrawing
from toonctl.engines.base import ColorizeRequest, EngineFacts, WeightsFacts
from toonctl.engines.cel.doubts import colored_drawing
from toonctl.engines.cel.memory import MemoryItem, certain
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.order import Colorist, Route, routes
from toonctl.engines.cel.state import Heritage, load_heritage, save_heritage
from toonctl.engines.cel.view import View
from toonctl.engines.cel.worker import WEIGHTS, matcher, number_format, read_weights, view, view_reference

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}

_AHEAD = 20
"""Drawings looked at ahead of the one matched: over a segment, or workers idle while it is swept back."""


class Engine:
    """Colors the drawings of a layer."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format and weights. Raises: CheckpointError when the weights are unusable."""
        kind = ColorizeOptions.of(options).matcher
        matcher(kind)  # unusable weights are told before a file changes, and forked workers share the network
        if kind == "geometric":
            return EngineFacts("float32", ())
        digest = hashlib.sha256(read_weights()).hexdigest()
        return EngineFacts(number_format(), (WeightsFacts(WEIGHTS, digest, "Apache-2.0"),))

    def colorize(self, request: ColorizeRequest) -> Iterator[ColoredDrawing]:
        """Every wanted drawing, colored; the references' own drawings first.

        Raises: SpecError for missing options, CheckpointError for unusable weights.
        """
        options = ColorizeOptions.of(request.options)
        n_colors = len(request.color_model.colors)
        jobs = [request.executor.submit(view_reference, r, options) for r in request.references]
        references = [certain(seen, colors, n_colors) for seen, colors in (job.result() for job in jobs)]
        position = {name: i for i, name in enumerate(request.drawings)}
        known = {
            position[reference.drawing]: item
            for reference, item in zip(request.references, references, strict=True)
            if reference.drawing in position
        }
        for item in known.values():
            if item.view.name in request.wanted:
                yield colored_drawing(item, options.doubt_below)
        compare = matcher(options.matcher)
        for route in routes(len(request.drawings), tuple(known)):
            colorist = Colorist(compare, references, options)
            start = known[route.start] if route.start is not None else None
            for item in _walk(request, colorist, route, start=start):
                if item.view.name in request.wanted:
                    yield colored_drawing(item, options.doubt_below)


def _walk(
    request: ColorizeRequest, colorist: Colorist, route: Route, *, start: MemoryItem | None
) -> Iterator[MemoryItem]:
    """The items of a route up to its last wanted drawing, from wherever an earlier run has come to."""
    names, segments = request.drawings, route.segments()
    wanted = [n for n, segment in enumerate(segments) if any(names[p] in request.wanted for p in segment)]
    if not wanted:
        return
    places = {name: place for place, name in enumerate(names)}
    neighbor, begin = start, 0
    for number in range(wanted[0], 0, -1):
        heritage = load_heritage(
            request.state, _state_name(route, number), lambda place: _look(request, colorist.options, place)
        )
        if heritage is not None:
            neighbor, begin = heritage.last, number
            colorist.bank.kept.extend(heritage.bank)
            break
    ahead = segments[begin : wanted[-1] + 1]
    views = _ahead(request, colorist.options, [place for segment in ahead for place in segment])
    for number, segment in enumerate(ahead, begin + 1):
        items = colorist.color_segment([next(views) for _ in segment], neighbor)
        yield from items
        neighbor = items[-1]
        heritage = Heritage(neighbor, tuple(colorist.bank.kept))
        save_heritage(request.state, _state_name(route, number), heritage, places)


def _state_name(route: Route, segment: int) -> str:
    return f"route_{route.places[0]}_{segment}"


def _look(request: ColorizeRequest, options: ColorizeOptions, place: int) -> View:
    name = request.drawings[place]
    return request.executor.submit(view, name, request.loader(name), options).result()


def _ahead(request: ColorizeRequest, options: ColorizeOptions, places: Iterable[int]) -> Iterator[View]:
    """The views of the drawings at `places` in that order, made in worker processes a few drawings ahead."""
    waiting: deque[Future[View]] = deque()
    remaining = iter(places)
    while True:
        while len(waiting) < _AHEAD and (place := next(remaining, None)) is not None:
            name = request.drawings[place]
            waiting.append(request.executor.submit(view, name, request.loader(name), options))
        if not waiting:
            return
        yield waiting.popleft().result()
