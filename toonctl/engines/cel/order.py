"""The order in which a shot is colored: along routes that lead away from the references.

Every drawing is reached from the nearest reference, drawing by drawing. The neighbor just colored says most
(a step of one drawing is small), the references keep the route from drifting, and a bank of unlike drawings
helps when a pose comes back. A route is walked in segments: a sweep away from the reference, one back over
what it found, and one decision for every region followed through it (`tracks.py`). What a segment leaves to
the next is the last drawing and the bank, so a chunk of the shot gives the same bytes as the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from toonctl.engines.cel.cast import Cast, Identity
from toonctl.engines.cel.evidence import Asked, Evidence, ask, fuse
from toonctl.engines.cel.memory import Bank, MemoryItem, thumb_distance
from toonctl.engines.cel.neighbors import ColorNeighbors
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.tracks import Heard, agree
from toonctl.engines.cel.view import View

if TYPE_CHECKING:  # planning a farm's chunks must not load the network
    from toonctl.engines.cel.matchers import Matcher

SEGMENT = 32
"""Drawings of a segment: how far the sweep back and the tracks reach, and how much is held at a time."""

_NEAREST = 1
_MOST_REFERENCES = 4
_REFERENCE_WEIGHT = 1.0
_FURTHER_REFERENCE_WEIGHT = 0.25
_BANK_WEIGHT = 0.6
_NEIGHBOR_WEIGHT = 3.0
"""Chosen offline on the first frames of ten development shots; foreground right, mean. Without tracks:
reference 1, neighbor 3 .922; reference 1.5 .924, 2 .911 (1.5 lost the body of long_squirrel in its close-up);
neighbor 2 .898. With tracks: no bank .926; one drawing of it, at .3 or .6 .930, at .9 .929; two or three at
.3 .930, for a fifth more time. References every 50 drawings, 300 frames of B2, C3, D4, long_chicken_mug:
further ones as the nearest .661, .960, .968, .983; a quarter of that .913, .955, .960, .984."""


@dataclass(frozen=True, slots=True)
class Route:
    """Drawings to color one after the other; `start` is the reference's position, None when it has none."""

    start: int | None
    places: tuple[int, ...]

    def segments(self) -> tuple[tuple[int, ...], ...]:
        """The places, some at a time."""
        return tuple(self.places[i : i + SEGMENT] for i in range(0, len(self.places), SEGMENT))


def routes(n_drawings: int, references: Sequence[int]) -> tuple[Route, ...]:
    """Routes that reach all drawings but the references' own, each from its nearest reference."""
    if not references:
        return (Route(None, tuple(range(n_drawings))),) if n_drawings else ()
    found: list[Route] = []
    starts = sorted(set(references))
    before = [-1, *((a + b) // 2 for a, b in pairwise(starts)), n_drawings - 1]
    for i, start in enumerate(starts):
        found.append(Route(start, tuple(range(start - 1, before[i], -1))))
        found.append(Route(start, tuple(range(start + 1, before[i + 1] + 1))))
    return tuple(route for route in found if route.places)


class Colorist:
    """Decides colors along one route: references and bank are global memory, the neighbor local."""

    def __init__(
        self, matcher: "Matcher", references: Sequence[MemoryItem], options: ColorizeOptions
    ) -> None:
        self.matcher = matcher
        self.references = tuple(references)
        self.options = options
        self.bank = Bank(references, options.memory_items)
        self._neighbors = ColorNeighbors(references)
        self._cast = Cast(matcher, references)

    def color_segment(self, views: Sequence[View], before: MemoryItem | None) -> list[MemoryItem]:
        """The items of the next drawings of the route; `before` is the drawing it comes from."""
        identities = self._cast.follow(self.matcher, views, before)
        heard: list[Heard] = []
        items: list[MemoryItem] = []
        neighbor = before
        for view, identity in zip(views, identities, strict=True):
            heard.append(self._gather(view, identity, neighbor))
            neighbor = self._neighbors.consider(fuse(view, heard[-1].all, identity))
            self.bank.offer(neighbor)
            items.append(neighbor)
        if not self.options.backward_sweep:
            return items
        for i in range(len(views) - 2, -1, -1):
            after = self._look_back(views[i], identities[i], items[i + 1])
            heard[i] = heard[i].and_back(after)
            items[i] = self._neighbors.consider(fuse(views[i], heard[i].all, identities[i]))
        start = None
        if before is not None:
            itself = self._cast.identity(before.figures)
            start = before, self._look_back(before.view, itself, items[0])
        items = agree(items, heard, start)
        self.bank.revise(items)
        return items

    def _look_back(self, view: View, identity: Identity, following: MemoryItem) -> Evidence:
        return self._ask(view, identity, [Asked(following, _NEIGHBOR_WEIGHT, is_neighbor=True)])[0]

    def _gather(self, view: View, identity: Identity, neighbor: MemoryItem | None) -> Heard:
        """Evidence from the references most like `view`, from the bank, and from the neighbor."""
        order = sorted(
            range(len(self.references)), key=lambda i: (thumb_distance(view, self.references[i].view), i)
        )
        references = [
            self.references[i] for i in order[:_MOST_REFERENCES] if self.references[i] is not neighbor
        ]
        near = [item for item in self.bank.nearest(view, _NEAREST) if item is not neighbor]
        # All with one weight would outvote the neighbor, who alone knows which of two equal figures is which.
        weights = [_REFERENCE_WEIGHT, *[_FURTHER_REFERENCE_WEIGHT] * (_MOST_REFERENCES - 1)]
        asked = [Asked(item, weight) for item, weight in zip(references, weights, strict=False)]
        asked += [Asked(item, _BANK_WEIGHT) for item in near]
        if neighbor is not None:
            asked.append(Asked(neighbor, _NEIGHBOR_WEIGHT, is_neighbor=True))
        found = self._ask(view, identity, asked)
        far, n = len(references) + len(near), len(references)
        return Heard(tuple(found[:n]), tuple(found[n:far]), found[far] if neighbor is not None else None)

    def _ask(self, view: View, identity: Identity, asked: Sequence[Asked]) -> list[Evidence]:
        return ask(self.matcher, view, asked, identity=identity, by_figure=self.options.figures)
