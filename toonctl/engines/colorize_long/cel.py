"""Built-in region matcher: flat cels on the CPU, exact palette colors, no download.

Regions of the line art are matched by a small network (or by geometry) to the references, to the neighboring
drawing and to a bank of unlike drawings; see `engines/cel`.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future

from toonctl.engines.base import ColoredDrawing, ColorizeRequest
from toonctl.engines.cel.doubts import colored_drawing
from toonctl.engines.cel.memory import MemoryItem, certain
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.order import Colorist, choose_anchors, spans
from toonctl.engines.cel.state import load_anchors, save_anchors
from toonctl.engines.cel.view import View
from toonctl.engines.cel.worker import WEIGHTS, matcher, view, view_reference

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}

_STATE = "anchors"
_AHEAD = 6
"""Drawings analysed ahead of the one being matched: enough to keep two or three workers busy."""


class Engine:
    """Colors the drawings of a layer."""

    def colorize(self, request: ColorizeRequest) -> Iterator[ColoredDrawing]:
        """Every wanted drawing, colored; the references' own drawings first.

        Raises: SpecError for missing options, CheckpointError for unusable weights.
        """
        options = ColorizeOptions.of(request.options)
        references = self._references(request, options)
        position = {name: i for i, name in enumerate(request.drawings)}
        known = {
            position[reference.drawing]: item
            for reference, item in zip(request.references, references, strict=True)
            if reference.drawing in position
        }
        for item in known.values():
            yield from _deliver(item, request, options)

        colorist = Colorist(matcher(options.matcher), references, options)
        anchors = choose_anchors(len(request.drawings), tuple(known), options.anchor_every)
        items = dict(known)
        for place, item in self._anchors(request, options, colorist, anchors, known):
            items[place] = item
            yield from _deliver(item, request, options)

        names = request.drawings
        wanted = [s for s in spans(anchors) if any(names[p] in request.wanted for p in s.inside)]
        views = _ahead(request, options, [p for span in wanted for p in span.inside])
        for span in wanted:
            inside = [next(views) for _ in span.inside]
            for item in colorist.color_span(inside, items[span.before], items[span.after]):
                yield from _deliver(item, request, options)

    def _references(self, request: ColorizeRequest, options: ColorizeOptions) -> list[MemoryItem]:
        n_colors = len(request.color_model.colors)
        jobs = [request.executor.submit(view_reference, r, options) for r in request.references]
        return [certain(seen, colors, n_colors) for seen, colors, _ in (job.result() for job in jobs)]

    def _anchors(
        self,
        request: ColorizeRequest,
        options: ColorizeOptions,
        colorist: Colorist,
        anchors: tuple[int, ...],
        known: Mapping[int, MemoryItem],
    ) -> Iterator[tuple[int, MemoryItem]]:
        """The anchors that are not references, from the state of an earlier chunk when there is one."""
        places = [p for p in anchors if p not in known]
        views = dict(zip(places, _ahead(request, options, places), strict=True))
        kept = load_anchors(request.state, _STATE, views)
        if kept is not None:
            for place, item in kept.items():
                colorist.bank.offer(item)
                yield place, item
            return
        found: dict[int, MemoryItem] = {}
        for place, item in colorist.color_anchors(views, known):
            found[place] = item
            yield place, item
        save_anchors(request.state, _STATE, found)


def _deliver(item: MemoryItem, request: ColorizeRequest, options: ColorizeOptions) -> Iterator[ColoredDrawing]:
    if item.view.name in request.wanted:
        yield colored_drawing(item, options.doubt_below)


def _ahead(request: ColorizeRequest, options: ColorizeOptions, places: Iterable[int]) -> Iterator[View]:
    """The views of the drawings at `places` in that order, made in worker processes a few drawings ahead."""
    waiting: deque[Future[View]] = deque()
    remaining = iter(places)
    executor: Executor = request.executor
    while True:
        while len(waiting) < _AHEAD and (place := next(remaining, None)) is not None:
            waiting.append(executor.submit(view, request.drawings[place], request.fetch, options))
        if not waiting:
            return
        yield waiting.popleft().result()
