"""Built-in region matcher: flat cels on the CPU, exact palette colors, no download.

Regions of the line art are matched by a small network (or by geometry) to the references, to the neighboring
drawing and to a bank of unlike drawings; see `engines/cel`.
"""

import hashlib
from collections.abc import Iterator, Mapping

from toonctl.core.types import ColoredDrawing
from toonctl.engines.base import ColorizeRequest, EngineFacts, WeightsFacts
from toonctl.engines.cel.anchors import Studio, color_from_anchors
from toonctl.engines.cel.cast import with_figures
from toonctl.engines.cel.doubts import colored_drawing
from toonctl.engines.cel.looking import look, look_ahead
from toonctl.engines.cel.memory import MemoryItem, certain
from toonctl.engines.cel.options import ColorizeOptions, PlannedOptions
from toonctl.engines.cel.order import Colorist, Route, routes
from toonctl.engines.cel.state import Heritage, load_heritage, save_heritage
from toonctl.engines.cel.worker import WEIGHTS, matcher, number_format, read_weights, view_reference

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}


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
        options = PlannedOptions.of(request.options)
        n_colors = len(request.color_model.colors)
        jobs = [request.executor.submit(view_reference, r, options) for r in request.references]
        seen = [job.result() for job in jobs]
        references = tuple(certain(view, colors, n_colors) for view, colors in seen)
        if options.figures:
            references = with_figures(references)
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
        studio = Studio(request, options, compare, references)
        for route in routes(len(request.drawings), tuple(known)):
            start = known[route.start] if route.start is not None else None
            if options.plan == "anchors":
                items = color_from_anchors(studio, route, start)
            else:
                items = _walk(request, studio.colorist(()), route, start=start)
            for item in items:
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
            request.state, _state_name(route, number), lambda place: look(request, colorist.options, place)
        )
        if heritage is not None:
            neighbor, begin = heritage.last, number
            colorist.bank.kept.extend(heritage.bank)
            break
    ahead = segments[begin : wanted[-1] + 1]
    views = look_ahead(request, colorist.options, [place for segment in ahead for place in segment])
    for number, segment in enumerate(ahead, begin + 1):
        items = colorist.color_segment([next(views) for _ in segment], neighbor)
        yield from items
        neighbor = items[-1]
        heritage = Heritage(neighbor, tuple(colorist.bank.kept))
        save_heritage(request.state, _state_name(route, number), heritage, places)


def _state_name(route: Route, segment: int) -> str:
    return f"route_{route.places[0]}_{segment}"
