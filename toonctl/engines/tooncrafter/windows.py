"""Any number of drawings between two keys as windows of the length the network was trained on.

A window has a picture at each end and draws what lies between. Where one window is too coarse for the timing,
some of its drawings become the ends of further windows. Nothing is drawn twice: of every window only the
drawings between its ends count, so there is no seam to fade over and no frame to prune.
Letters: n times, l frames of a window.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

LEAST_FRAMES = 3
"""A window has two ends and something between them."""

_FIT = 0.02
"""Share of a place by which a drawing may miss its time in a shorter, fitted window."""

_UNSEEN = 0.01
"""Share of the way between two keys that is too little to be seen as wrong timing."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A picture: drawing `place` of window `window`; window -1 holds the keys, the first 0, the last 1."""

    window: int
    place: int

    @property
    def is_key(self) -> bool:
        """Whether it is one of the two keys."""
        return self.window < 0


FIRST_KEY, LAST_KEY = Spot(-1, 0), Spot(-1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """`n_frames` pictures from time `first` to `last` of the way between the keys, both ends given.

    `ends` are the two pictures it starts from; `inner` maps its places to the times wanted there, by their
    position, and `kept` are the places that further windows start from.
    """

    n_frames: int
    first: float
    last: float
    ends: tuple[Spot, Spot]
    inner: tuple[tuple[int, int], ...]
    kept: tuple[int, ...] = ()

    def time(self, place: int) -> float:
        """How far the drawing at `place` has come between the keys, 0..1."""
        return self.first + (self.last - self.first) * place / (self.n_frames - 1)

    @property
    def places(self) -> tuple[int, ...]:
        """The places whose drawings are used, in order."""
        return tuple(sorted({*(place for place, _ in self.inner), *self.kept}))


@dataclass(frozen=True, slots=True)
class SpanPlan:
    """All windows between two keys, each after those it starts from; `times` in order."""

    times: tuple[float, ...]
    windows: tuple[Window, ...]

    def spot(self, position: int) -> Spot:
        """Where the drawing of the time at `position` comes from."""
        return self._spots()[position]

    def needed(self, positions: Collection[int]) -> tuple[int, ...]:
        """The windows to draw for the times at `positions`, in order, those they start from included."""
        spots = self._spots()
        open_windows = [spots[position].window for position in positions]
        found: set[int] = set()
        while open_windows:
            number = open_windows.pop()
            if number not in found:
                found.add(number)
                open_windows += [end.window for end in self.windows[number].ends if not end.is_key]
        return tuple(sorted(found))

    def _spots(self) -> dict[int, Spot]:
        return {
            position: Spot(number, place)
            for number, window in enumerate(self.windows)
            for place, position in window.inner
        }


def plan_span(
    times: Sequence[float], *, trained: int, is_fitted: bool = False, is_near: bool = False
) -> SpanPlan:
    """The windows for drawings at `times` `[n]`, rising, 0..1 exclusive.

    Windows are `trained` frames long; with `is_fitted` shorter ones where all their times then fall on a
    place. A drawing may miss its time by half the way to its nearest neighbor, with `is_near` also by half
    the mean way, which takes fewer windows.

    Raises: ValueError when the times do not rise within 0..1 or a window would have nothing inside.
    """
    if trained < LEAST_FRAMES:
        raise ValueError(f"a window of {trained} frames has nothing between its ends")
    ways = [b - a for a, b in pairwise([0.0, *times, 1.0])]
    if min(ways) <= 0:
        raise ValueError("times must rise, each over 0 and under 1")
    least = 0.5 / len(ways) if is_near else min(_UNSEEN, 0.25 / len(ways))
    slack = [max(0.5 * min(before, after), least) for before, after in pairwise(ways)]
    planner = _Planner(tuple(times), tuple(slack), trained, is_fitted)
    if times:
        planner.divide(0.0, 1.0, (FIRST_KEY, LAST_KEY), range(len(times)))
    return SpanPlan(tuple(times), tuple(planner.windows))


class _Planner:
    """Divides a span; `slack` is how far each time may be missed."""

    def __init__(
        self, times: tuple[float, ...], slack: tuple[float, ...], trained: int, is_fitted: bool
    ) -> None:
        self.windows: list[Window] = []
        self._times, self._slack, self._trained = times, slack, trained
        self._lengths = (*range(LEAST_FRAMES, trained), trained) if is_fitted else (trained,)

    def divide(self, first: float, last: float, ends: tuple[Spot, Spot], positions: range) -> None:
        """Adds the windows for the times at `positions`, which lie between `first` and `last`."""
        leaf = self._leaf(first, last, ends, positions)
        if leaf is not None:
            self.windows.append(leaf)
            return
        number, n_frames = len(self.windows), self._trained
        coarse = Window(n_frames, first, last, ends, ())
        anchors, taken = self._anchors(coarse, positions)
        spots = [(first, ends[0]), *((coarse.time(p), Spot(number, p)) for p in anchors), (last, ends[1])]
        parts = [(a, b, self._between(a[0], b[0], positions, taken.values())) for a, b in pairwise(spots)]
        kept = {spot.place for a, b, part in parts if part for _, spot in (a, b) if spot.window == number}
        inner = tuple(sorted(taken.items()))
        self.windows.append(Window(n_frames, first, last, ends, inner, tuple(sorted(kept))))
        for (start, begin), (stop, end), part in parts:
            if part:
                self.divide(start, stop, (begin, end), part)

    def _leaf(self, first: float, last: float, ends: tuple[Spot, Spot], positions: range) -> Window | None:
        """One window that has a place for every time, None when there is none."""
        for n_frames in self._lengths:
            window = Window(n_frames, first, last, ends, ())
            places = self._assigned(window, positions, range(1, n_frames - 1))
            if places is None:
                continue
            missed = [
                abs(window.time(place) - self._times[i]) for place, i in zip(places, positions, strict=True)
            ]
            width = (last - first) / (n_frames - 1)
            is_exact = max(missed) <= _FIT * width
            is_right = all(miss <= self._slack[i] for miss, i in zip(missed, positions, strict=True))
            if is_exact or (n_frames == self._trained and is_right):
                return Window(n_frames, first, last, ends, tuple(zip(places, positions, strict=True)))
        return None

    def _anchors(self, coarse: Window, positions: range) -> tuple[tuple[int, ...], dict[int, int]]:
        """The places that divide a window, as few as serve, and by place the times it draws itself."""
        steps = coarse.n_frames - 1
        for gaps in _gaps(steps) if len(positions) <= 3 * (steps - 1) else ():
            taken = self._beside(coarse, positions, gaps)
            if taken is not None:
                return _inner_ends(gaps, steps), taken
        for n_parts in range(2, steps):
            anchors = tuple(dict.fromkeys(round(k * steps / n_parts) for k in range(1, n_parts)))
            taken = self._taken(coarse, anchors, positions, n_parts)
            bounds = [coarse.first, *map(coarse.time, anchors), coarse.last]
            parts = [(a, b, self._between(a, b, positions, taken.values())) for a, b in pairwise(bounds)]
            if all(not part or self._leaf(a, b, coarse.ends, part) is not None for a, b, part in parts):
                return anchors, taken
        anchors = tuple(range(1, steps))
        return anchors, self._taken(coarse, anchors, positions, steps)

    def _beside(
        self, coarse: Window, positions: range, gaps: Sequence[tuple[int, int]]
    ) -> dict[int, int] | None:
        """The times a window draws itself, by place, when one window each draws what lies in `gaps`.

        None where that does not do: slow and fast parts of one way then need more than that.
        """
        steps = coarse.n_frames - 1
        anchors = _inner_ends(gaps, steps)
        taken = self._taken(coarse, anchors, positions, steps / max(b - a for a, b in gaps))
        rest = [i for i in positions if i not in taken.values()]
        for a, b in gaps:
            start, stop = coarse.time(a), coarse.time(b)
            part = self._between(start, stop, positions, taken.values())
            if not part or self._leaf(start, stop, coarse.ends, part) is None:
                return None
            rest = [i for i in rest if i not in part]
        free = [p for p in range(1, steps) if not any(a <= p <= b for a, b in gaps)]
        places = self._assigned(coarse, rest, free)
        if places is None or any(
            abs(coarse.time(place) - self._times[i]) > self._slack[i]
            for place, i in zip(places, rest, strict=True)
        ):
            return None
        return taken | dict(zip(places, rest, strict=True))

    def _taken(
        self, coarse: Window, anchors: Sequence[int], positions: range, n_parts: float
    ) -> dict[int, int]:
        """By anchor the time that is nearer to it than to any place of the windows beside it."""
        reach = (coarse.last - coarse.first) / n_parts / (self._trained - 1) / 2
        taken: dict[int, int] = {}
        for place in anchors:
            at = coarse.time(place)
            nearest = min(positions, key=lambda i: abs(self._times[i] - at))
            if abs(self._times[nearest] - at) <= min(reach, self._slack[nearest]):
                taken.setdefault(place, nearest)
        # Two anchors never share a time: they lie further apart than twice the reach.
        return taken

    def _between(self, start: float, stop: float, positions: range, taken: Collection[int]) -> range:
        """The positions of times inside, without those an anchor has taken; they are neighbors."""
        inside = [i for i in positions if i not in taken and start <= self._times[i] < stop]
        return range(inside[0], inside[-1] + 1) if inside else range(0)

    def _assigned(
        self, window: Window, positions: Sequence[int], places: Sequence[int]
    ) -> tuple[int, ...] | None:
        """One of `places` for every time, in order, the least squares of misses; None without room."""
        if len(positions) > len(places):
            return None
        # cost[k] is the least sum with the times so far at the first k places; ways remember the choices.
        cost, ways = [0.0] * (len(places) + 1), list[list[bool]]()
        for row, i in enumerate(positions):
            before, cost, here = cost, [inf] * (len(places) + 1), [False] * (len(places) + 1)
            for k in range(row + 1, len(places) + 1):
                miss = (window.time(places[k - 1]) - self._times[i]) ** 2
                cost[k] = min(cost[k - 1], before[k - 1] + miss)
                here[k] = before[k - 1] + miss < cost[k - 1]
            ways.append(here)
        return tuple(places[k - 1] for k in reversed(list(_walk_back(ways, len(places)))))


def _walk_back(ways: Sequence[Sequence[bool]], k: int) -> Iterator[int]:
    for here in reversed(ways):
        while not here[k]:
            k -= 1
        yield k
        k -= 1


def _gaps(steps: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Parts of a window that one more window each could draw: one anywhere, then one at either end."""
    for width in range(1, steps):
        for a in range(steps - width + 1):
            yield ((a, a + width),)
    for a in range(1, steps):
        for b in range(a + 1, steps):
            yield ((0, a), (b, steps))


def _inner_ends(gaps: Sequence[tuple[int, int]], steps: int) -> tuple[int, ...]:
    return tuple(sorted({place for gap in gaps for place in gap if 0 < place < steps}))
