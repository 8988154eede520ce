"""Which frames of a generated clip stand for the wanted times, and how long a clip has to be for that.

A clip has `steps` ways from frame to frame between its two keys, which are frames 0 and `steps`.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise


def places(times: Sequence[float], steps: int) -> tuple[int, ...]:
    """The frame nearest to each of `times` 0..1, never a key itself. Raises: ValueError without a frame."""
    if steps < 2:
        raise ValueError(f"a clip of {steps} steps has nothing between its keys")
    return tuple(min(max(round(time * steps), 1), steps - 1) for time in times)


def shared(found: Sequence[int]) -> str:
    """What is to be said when several drawings have the same frame; empty when each has its own."""
    n_frames = len(set(found))
    if n_frames == len(found):
        return ""
    what = f"{len(found)} drawings lie between two keys, and the clip has {n_frames} pictures for them"
    return f"{what}: some are held"


def fitting_steps(times: Sequence[float], choices: Iterable[int], *, uneven: float = 0.5) -> int:
    """The fewest steps of `choices`, rising, that give every time a frame of its own, close to it.

    A drawing may miss its time by `uneven` of the mean way between two. Where no choice does, the last: then
    the drawings come as close as the engine can bring them. Raises: ValueError when there is no choice.
    """
    allowed = uneven / (len(times) + 1)
    most = 0
    for most in choices:
        found = places(times, most)
        is_close = all(abs(t - p / most) <= allowed for t, p in zip(times, found, strict=True))
        if is_close and all(a < b for a, b in pairwise(found)):
            break
    if not most:
        raise ValueError("a clip needs a length")
    return most
