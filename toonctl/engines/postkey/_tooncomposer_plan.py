"""How a shot is cut into segments that ToonComposer can draw, joined at sketches and references.

Neighbors share the frame they are joined at: the one drawn first gives it, the other takes it as a painted
picture. All frames are counted from the shot's first, 0-based.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from toonctl.core.errors import SpecError
from toonctl.models.tooncomposer.conditioning import TIME_STRIDE, latent_index


@dataclass(frozen=True, slots=True)
class Pictures:
    """The frames of a shot at which painted pictures (`colors`) and `sketches` stand, ascending."""

    colors: tuple[int, ...]
    sketches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames `first` to `last` of the shot, both drawn; it delivers those from `owns` on.

    `length` frames are drawn, 4 n + 1, those after `last` for nothing. `colors` and `sketches` are the frames
    of the pictures it is drawn after; `taken` is the frame it takes from segment `after`, which is drawn
    before it, None for both when it begins by itself.
    """

    number: int
    first: int
    last: int
    owns: int
    length: int
    colors: tuple[int, ...]
    sketches: tuple[int, ...]
    after: int | None
    taken: int | None

    @property
    def frames(self) -> range:
        """The frames it delivers."""
        return range(self.owns, self.last + 1)


def plan_segments(n_frames: int, pictures: Pictures, *, longest: int) -> tuple[Segment, ...]:
    """The segments of a shot in the order of their frames, none of more than `longest` (4 n + 1) frames.

    Joins lie at sketches and references wherever one is in reach; then segments are few, then of like length.
    The first that shows a reference begins by itself, the others go on from it, in both directions; one that
    is joined at a reference begins by itself, too. Raises: SpecError when no reference stands at a frame.
    """
    if not pictures.colors:
        raise SpecError(
            "no reference stands at a frame of the shot",
            "reference.frame",
            "give a `[[reference]]` its `frame`, or draw with `--engine cel`",
        )
    cuts = _cuts(n_frames, {*pictures.colors, *pictures.sketches}, longest=longest)
    spans = list(pairwise(cuts)) or [(0, 0)]
    start = next(i for i, (first, last) in enumerate(spans) if _within(pictures.colors, first, last))
    return tuple(_segment(number, spans, pictures, start=start) for number in range(len(spans)))


def needed(segments: Sequence[Segment], frames: Iterable[int]) -> tuple[Segment, ...]:
    """The segments that deliver `frames` with all they go on from, each after the one it goes on from."""
    wanted = set(frames)
    order: dict[int, Segment] = {}

    def add(segment: Segment) -> None:
        chain = [segment]
        while (after := chain[-1].after) is not None and after not in order:
            chain.append(segments[after])
        for each in reversed(chain):
            order.setdefault(each.number, each)

    for segment in segments:
        if wanted.intersection(segment.frames):
            add(segment)
    return tuple(order.values())


def colliding(segment: Segment) -> list[tuple[int, ...]]:
    """Groups of sketches that fall into one latent frame of the segment, which can hold only one."""
    groups: dict[int, list[int]] = {}
    for frame in segment.sketches:
        groups.setdefault(latent_index(frame - segment.first), []).append(frame)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def padded(n_frames: int) -> int:
    """The smallest 4 n + 1 that is not below `n_frames`."""
    return -(-(n_frames - 1) // TIME_STRIDE) * TIME_STRIDE + 1


def _cuts(n_frames: int, good: Collection[int], *, longest: int) -> list[int]:
    """First frame, joins and last frame: fewest joins without a picture, fewest segments, evenest lengths."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    came_from = [0]
    for end in range(1, n_frames):
        blind = int(end not in good and end < n_frames - 1)
        reach = range(max(0, end - longest + 1), end)
        costs = [(best[s][0] + blind, best[s][1] + 1, best[s][2] + (end - s) ** 2) for s in reach]
        cheapest = min(costs)
        best.append(cheapest)
        came_from.append(reach[costs.index(cheapest)])
    cuts = [n_frames - 1]
    while cuts[-1] > 0:
        cuts.append(came_from[cuts[-1]])
    return cuts[::-1]


def _segment(number: int, spans: Sequence[tuple[int, int]], pictures: Pictures, *, start: int) -> Segment:
    first, last = spans[number]
    colors = _within(pictures.colors, first, last)
    # Away from the start in both directions: what was drawn before lies on the side of the start.
    after, taken = None, None
    if number != start:
        join = first if number > start else last
        if join not in colors:
            after, taken = number - 1 if number > start else number + 1, join
    shown = {*colors} if taken is None else {*colors, taken}
    return Segment(
        number=number,
        first=first,
        last=last,
        owns=first if number == 0 else first + 1,
        length=padded(last - first + 1),
        colors=colors,
        sketches=tuple(f for f in _within(pictures.sketches, first, last) if f not in shown),
        after=after,
        taken=taken,
    )


def _within(frames: Iterable[int], first: int, last: int) -> tuple[int, ...]:
    return tuple(frame for frame in frames if first <= frame <= last)
