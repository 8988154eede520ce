"""Coloring from anchors (plan "anchors"): many machines may work on one route and give the same bytes.

A thinned route, every `spans.STEP`-th drawing of it, is colored first, just as a whole route is. The last
drawing of each of its segments is an anchor and keeps its colors. What lies between two anchors is colored
anew, no drawing left out: each half as a chain from the nearer anchor, with the references, the bank as the
thinned route left it, and the other anchor. A half needs its two anchors and nothing else of the shot.

The pictures are as good as the chain's (`spans.STEP`), but every second drawing is matched twice, for half as
much time again in matching. So the chain is the default, and anchors are for shots that machines share.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from toonctl.engines.base import ColorizeRequest
from toonctl.engines.cel.looking import look, look_ahead
from toonctl.engines.cel.matchers import Matcher
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.order import Colorist, Route
from toonctl.engines.cel.spans import spans, thinned
from toonctl.engines.cel.state import Heritage, load_heritage, save_heritage
from toonctl.engines.cel.view import View


@dataclass(frozen=True, slots=True)
class Studio:
    """What all routes of a request share."""

    request: ColorizeRequest
    options: ColorizeOptions
    matcher: Matcher
    references: tuple[MemoryItem, ...]

    def colorist(self, bank: Sequence[MemoryItem]) -> Colorist:
        """A new one that remembers the references and `bank`."""
        colorist = Colorist(self.matcher, self.references, self.options)
        colorist.bank.kept.extend(bank)
        return colorist

    def is_wanted(self, place: int) -> bool:
        """Whether the drawing at this position is asked for."""
        return self.request.drawings[place] in self.request.wanted


def color_from_anchors(studio: Studio, route: Route, start: MemoryItem | None) -> Iterator[MemoryItem]:
    """The items of a route's wanted drawings, span by span; `start` is the reference it begins at."""
    walk = _Walk(studio, route, start)
    for span in spans(route):
        wanted = {place for place in span.places if studio.is_wanted(place)}
        if not wanted:
            continue
        before, after = walk.before(span.number), walk.heritage(span.number)
        if span.anchor in wanted:
            yield after.last
        for places, source, other in ((span.near, before, after.last), (span.far, after.last, before)):
            if wanted.isdisjoint(places):
                continue
            colorist = studio.colorist(_bank(studio, after, source, other))
            for place, item in zip(places, _chain(colorist, walk.views(places), source), strict=True):
                if place in wanted:
                    yield item


class _Walk:
    """The way to the anchors of one route: gone, or taken over from runs that went it."""

    def __init__(self, studio: Studio, route: Route, start: MemoryItem | None) -> None:
        self._studio = studio
        self._stops = thinned(route)
        self._start = start
        self._name = f"anchors_{route.places[0]}"
        self._places = {name: place for place, name in enumerate(studio.request.drawings)}
        self._kept: dict[int, Heritage] = {}
        self._looked_at: dict[int, View] = {}  # again and again in banks
        self._seen: dict[int, View] = {}  # by the segment gone last

    def before(self, number: int) -> MemoryItem | None:
        """The anchor at which the span `number` begins."""
        return self._start if number == 1 else self.heritage(number - 1).last

    def heritage(self, number: int) -> Heritage:
        """The anchor at which the span `number` ends, and the bank as it was then."""
        begin = next((n for n in range(number, 0, -1) if self._recall(n)), 0)
        segments = self._stops.segments()
        for gone in range(begin, number):
            self._kept[gone + 1] = self._go(segments[gone], self._kept.get(gone))
            name = f"{self._name}_{gone + 1}"
            save_heritage(self._studio.request.state, name, self._kept[gone + 1], self._places)
        found = self._kept[number]
        self._kept = {n: heritage for n, heritage in self._kept.items() if n >= number - 1}
        return found

    def views(self, places: Sequence[int]) -> Iterator[View]:
        """The views of these drawings.

        Those the walk has seen are copied: the bank knows its drawings by their view, and what lies between
        anchors must not depend on whether this run has walked to them.
        """
        ahead = look_ahead(
            self._studio.request, self._studio.options, [place for place in places if place not in self._seen]
        )
        for place in places:
            yield replace(self._seen[place]) if place in self._seen else next(ahead)

    def _recall(self, number: int) -> bool:
        if number not in self._kept:
            state = self._studio.request.state
            heritage = load_heritage(state, f"{self._name}_{number}", self._look)
            if heritage is None:
                return False
            self._kept[number] = heritage
        return True

    def _go(self, segment: Sequence[int], come_from: Heritage | None) -> Heritage:
        studio, before, bank = self._studio, self._start, ()
        if come_from is not None:
            before, bank = come_from.last, come_from.bank
        colorist = studio.colorist(bank)
        views = list(look_ahead(studio.request, studio.options, segment))
        self._seen = dict(zip(segment, views, strict=True))
        items = colorist.color_segment(views, before)
        return Heritage(items[-1], tuple(colorist.bank.kept))

    def _look(self, place: int) -> View:
        if place not in self._looked_at:
            self._looked_at[place] = look(self._studio.request, self._studio.options, place)
        return self._looked_at[place]


def _chain(colorist: Colorist, views: Iterator[View], source: MemoryItem | None) -> Iterator[MemoryItem]:
    """The items of drawings that follow `source` one by one."""
    ahead = list(views)
    for segment in Route(None, tuple(range(len(ahead)))).segments():
        items = colorist.color_segment([ahead[i] for i in segment], source)
        yield from items
        source = items[-1]


def _bank(
    studio: Studio, after: Heritage, source: MemoryItem | None, other: MemoryItem | None
) -> list[MemoryItem]:
    """The walk's bank without the anchors, and then the anchor that is not the neighbor.

    An anchor may be in the bank, as the same item or, once both were read from disk, as an equal one.
    """
    ends = {item.view.name for item in (source, other) if item is not None}
    bank = [item for item in after.bank if item.view.name not in ends]
    is_reference = any(other is reference for reference in studio.references)
    return bank if other is None or is_reference else [*bank, other]
