"""Where the anchors of a route lie, and what lies between them; needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass

from toonctl.engines.cel.order import Route, routes

STEP = 2
"""Every so many drawings of a route the walk to the anchors stops. Foreground right (in brackets the chain)
on the first 120 frames of A1 .976 (.974), of D4 .951 (.951); with an anchor every 32 drawings on 80 frames of
long_squirrel .927 (.912). Every third drawing: A1 .978. Every fourth: long_squirrel .854."""


@dataclass(frozen=True, slots=True)
class Span:
    """The drawings from one anchor to the next, by position.

    `number` counts the spans of a route from 1; `anchor` is where the span ends. `near` are the drawings that
    are colored from the anchor before, `far` those colored from its own, each in the order of coloring.
    """

    number: int
    anchor: int
    near: tuple[int, ...]
    far: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """All drawings of the span."""
        return (*self.near, *self.far, self.anchor)


def thinned(route: Route) -> Route:
    """The stops on the way to the anchors: every `STEP`-th drawing of a route, and its last."""
    stops = route.places[STEP - 1 :: STEP]
    return Route(route.start, stops if stops[-1:] == route.places[-1:] else (*stops, route.places[-1]))


def spans(route: Route) -> tuple[Span, ...]:
    """The spans of a route; the last stop of each segment of the thinned route is an anchor."""
    found: list[Span] = []
    begin = 0
    for number, segment in enumerate(thinned(route).segments(), 1):
        end = route.places.index(segment[-1])
        middle = (begin + end + 1) // 2
        near, far = route.places[begin:middle], route.places[middle:end][::-1]
        found.append(Span(number, segment[-1], near, far))
        begin = end + 1
    return tuple(found)


def anchor_places(n_drawings: int, references: Sequence[int]) -> tuple[int, ...]:
    """The anchors of a shot by position, `references` among its drawings included."""
    found = {span.anchor for route in routes(n_drawings, references) for span in spans(route)}
    return tuple(sorted(found | set(references)))


def half_starts(n_drawings: int, references: Sequence[int]) -> tuple[int, ...]:
    """Where the halves of all spans begin, by position: chunks that are cut here share no work."""
    halves = [
        half
        for route in routes(n_drawings, references)
        for span in spans(route)
        for half in (span.near, (*span.far, span.anchor))
    ]
    return tuple(sorted(min(half) for half in halves if half))
