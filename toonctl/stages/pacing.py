"""When the drawings between two keys are shown, and how far each has come: exposure, ease, timing chart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

_EASES: Mapping[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "in": lambda share: share * share,
    "out": lambda share: 1 - (1 - share) ** 2,
    "in-out": lambda share: share * share * (3 - 2 * share),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How the way from one key to the next is divided; a `chart` stands for ease and exposure."""

    ease: str
    exposure: int
    chart: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A drawing between two keys: the 0-based frame it is shown from, and how far it has come, 0..1."""

    index: int
    time: float


def moments(first: int, last: int, pace: Pace) -> tuple[Moment, ...]:
    """The drawings between keys at the frames `first` and `last`.

    Each is held for `exposure` frames and has come as far as the first of them; those of a chart share the
    frames evenly. Raises: ValueError when a chart has more drawings than there are frames.
    """
    span = last - first
    if pace.chart is None:
        ease = _EASES[pace.ease]
        starts = range(first + pace.exposure, last, pace.exposure)
        return tuple(Moment(start, ease((start - first) / span)) for start in starts)
    n_drawings = len(pace.chart)
    if n_drawings >= span:
        raise ValueError(f"{n_drawings} drawings do not fit into {span - 1} frames")
    starts = (first + (number * span) // (n_drawings + 1) for number in range(1, n_drawings + 1))
    return tuple(Moment(start, time) for start, time in zip(starts, pace.chart, strict=True))


def marked_moments(marks: Sequence[int], pace: Pace) -> tuple[Moment, ...]:
    """The drawings at the frames that a sheet marks, evenly apart before easing, or by the chart.

    Raises: ValueError when the chart has another number of drawings.
    """
    if pace.chart is not None and len(pace.chart) != len(marks):
        raise ValueError(f"the chart has {len(pace.chart)} drawings, the sheet marks {len(marks)}")
    ease = _EASES[pace.ease]
    even = [ease(number / (len(marks) + 1)) for number in range(1, len(marks) + 1)]
    return tuple(Moment(index, time) for index, time in zip(marks, pace.chart or even, strict=True))


class Names:
    """Names for new drawings of one layer: `1a`, `1b` after drawing `1`; the same drawing, the same name."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = {name.casefold() for name in taken}
        self._known: dict[tuple[str, str, float], str] = {}

    def name(self, before: str, after: str, time: float) -> tuple[str, bool]:
        """The name of the drawing `time` of the way between two others, and whether it is a new one."""
        known = self._known.get((before, after, time))
        if known is not None:
            return known, False
        name = next(
            name
            for n in range(len(self._taken) + 1)
            if (name := f"{before}{_letters(n)}").casefold() not in self._taken
        )
        self._taken.add(name.casefold())
        self._known[before, after, time] = name
        return name, True


def _letters(number: int) -> str:
    """`a` to `z` for 0 to 25, then `aa`, `ab` and on."""
    head, last = divmod(number, len(ascii_lowercase))
    return (_letters(head - 1) if head else "") + ascii_lowercase[last]
