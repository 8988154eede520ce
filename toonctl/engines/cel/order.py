"""The order in which a shot is colored: anchors outward from the references, then the drawings between them.

Anchors are the references' drawings and every so-many-th new drawing. Each is matched to the references, to the
colored anchor most like it and to the bank. The drawings between two anchors then depend on references, anchors and
each other alone, so a chunk of the shot gives the same bytes as the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toonctl.engines.cel.matchers import Matcher
from toonctl.engines.cel.memory import Bank, Evidence, MemoryItem, ask, fuse, thumb_distance
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.view import View

_NEAREST = 3
_MOST_REFERENCES = 4
_REFERENCE_WEIGHT = 1.0
_BANK_WEIGHT = 0.7
_NEIGHBOR_WEIGHT = 1.0
_TIME_PENALTY = 0.02


@dataclass(frozen=True, slots=True)
class Span:
    """Positions strictly between two anchors."""

    before: int
    after: int

    @property
    def inside(self) -> range:
        return range(self.before + 1, self.after)


def choose_anchors(n_drawings: int, references: Sequence[int], every: int) -> tuple[int, ...]:
    """Positions of the anchors among the distinct drawings: references, every so-many-th, first and last."""
    if not n_drawings:
        return ()
    return tuple(sorted({*references, *range(0, n_drawings, every), n_drawings - 1}))


def spans(anchors: Sequence[int]) -> tuple[Span, ...]:
    """The runs of drawings between neighboring anchors."""
    pairs = zip(anchors, anchors[1:], strict=False)
    return tuple(Span(before, after) for before, after in pairs if after - before > 1)


class Colorist:
    """Decides colors from memory: references and bank are its global part, the neighboring drawing its local one."""

    def __init__(
        self, matcher: Matcher, references: Sequence[MemoryItem], options: ColorizeOptions
    ) -> None:
        self.matcher = matcher
        self.references = tuple(references)
        self.options = options
        self.bank = Bank(references, options.memory_items)

    def color_anchors(
        self, views: Mapping[int, View], known: Mapping[int, MemoryItem]
    ) -> Iterator[tuple[int, MemoryItem]]:
        """Every anchor's item, the one most like a colored one first; `known` ones are references' drawings."""
        colored = dict(known)
        waiting = {p: self._nearest(view, p, colored) for p, view in views.items() if p not in known}
        while waiting:
            position = min(waiting, key=lambda p: (waiting[p][0], p))
            _, neighbor = waiting.pop(position)
            item = fuse(views[position], self._gather(views[position], neighbor))
            colored[position] = item
            self.bank.offer(item)
            for other in waiting:
                candidate = self._nearest(views[other], other, {position: item})
                if candidate[0] < waiting[other][0]:
                    waiting[other] = candidate
            yield position, item

    def color_span(self, views: Sequence[View], before: MemoryItem, after: MemoryItem) -> list[MemoryItem]:
        """The items of consecutive drawings between two anchors: a sweep forward, then one back over its findings."""
        gathered: list[list[Evidence]] = []
        forward: list[MemoryItem] = []
        neighbor = before
        for view in views:
            found = self._gather(view, neighbor)
            gathered.append(found)
            neighbor = fuse(view, found)
            forward.append(neighbor)
        if not self.options.backward_sweep:
            return forward
        both: list[MemoryItem] = []
        neighbor = after
        for view, found in zip(reversed(views), reversed(gathered), strict=True):
            back = self._ask(view, [] if self._is_reference(neighbor) else [(neighbor, _NEIGHBOR_WEIGHT)])
            neighbor = fuse(view, [*found, *back])
            both.append(neighbor)
        return both[::-1]

    def _nearest(
        self, view: View, position: int, colored: Mapping[int, MemoryItem]
    ) -> tuple[float, MemoryItem | None]:
        """The colored anchor most like `view`, with its distance; distance in time counts a little."""
        best: tuple[float, MemoryItem | None] = (float("inf"), None)
        for other in sorted(colored):
            distance = thumb_distance(view, colored[other].view) + _TIME_PENALTY * abs(other - position)
            if distance < best[0]:
                best = (distance, colored[other])
        return best

    def _gather(self, view: View, neighbor: MemoryItem | None) -> list[Evidence]:
        """Evidence from the references most like `view`, from the bank, and from the neighbor."""
        references = sorted(
            range(len(self.references)), key=lambda i: (thumb_distance(view, self.references[i].view), i)
        )[:_MOST_REFERENCES]
        items = [(self.references[i], _REFERENCE_WEIGHT) for i in references]
        near = [item for item in self.bank.nearest(view, _NEAREST) if item is not neighbor]
        items += [(item, _BANK_WEIGHT) for item in near]
        if neighbor is not None and all(neighbor is not item for item, _ in items):
            items.append((neighbor, _NEIGHBOR_WEIGHT))
        return self._ask(view, items)

    def _ask(self, view: View, items: Sequence[tuple[MemoryItem, float]]) -> list[Evidence]:
        return ask(self.matcher, view, items, by_figure=self.options.figures)

    def _is_reference(self, item: MemoryItem) -> bool:
        return any(item is reference for reference in self.references)
