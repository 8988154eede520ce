"""The order in which FramePack draws a film: sections from its end to its start.

Inverted anti-drifting sampling, FramePack (arXiv 2504.12626), sec. 3.3 and fig. 2 (c).
Letters: w latent frames of a section (the window), n sections, F pixel frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

HISTORY = (1, 2, 16)
"""Latent frames a section sees of what was drawn before it, later in time: at full size, half and quarter."""

_SPARE_SECTIONS = 4
_TIME_STRIDE = 4


@dataclass(frozen=True, slots=True)
class Indices:
    """Places in time, in latent frames, of all that a section is told and of what it draws.

    `first` is the first key, `before` the full-size history, or the last key in the first section.
    """

    first: range
    latents: range
    before: range
    half: range
    quarter: range


@dataclass(frozen=True, slots=True)
class Section:
    """Section `number` of `count` in the order of drawing; `padding` windows lie between it and the start."""

    number: int
    count: int
    window: int
    padding: int

    @property
    def is_first_drawn(self) -> bool:
        """Whether it is the last one in time, which alone sees the last key."""
        return self.number == 0

    @property
    def is_last_drawn(self) -> bool:
        """Whether it is the first one in time, which the first key goes in front of."""
        return self.number == self.count - 1

    @property
    def indices(self) -> Indices:
        """Where in time everything lies; the first key is at 0."""
        start = 1 + self.padding * self.window
        ends = [start, start + self.window]
        for length in HISTORY:
            ends.append(ends[-1] + length)
        latents, before, half, quarter = (range(a, b) for a, b in pairwise(ends))
        return Indices(range(1), latents, before, half, quarter)


def plan_sections(count: int, window: int) -> Iterator[Section]:
    """The sections in the order they are drawn. Raises: ValueError when there is none or it would be empty.

    With more than four the middle ones all keep two windows from the start, as published: the network has
    seen no longer way.
    """
    if count < 1 or window < 1:
        raise ValueError(f"{count} sections of {window} latent frames are no film")
    paddings = [*range(count - 1, -1, -1)]
    if count > _SPARE_SECTIONS:
        paddings = [3, *[2] * (count - 3), 1, 0]
    for number, padding in enumerate(paddings):
        yield Section(number, count, window, padding)


def frame_count(count: int, window: int) -> int:
    """F of a film that is decoded, the first key in front of it and the last one not in it: 4 n w + 1."""
    return _TIME_STRIDE * count * window + 1


def section_count(n_frames: int, window: int) -> int:
    """The fewest sections whose film has `n_frames` frames or more."""
    return max(1, -(-(n_frames - 1) // (_TIME_STRIDE * window)))


def published_count(n_frames: int, window: int) -> int:
    """The sections that the diffusers pipeline takes for `num_frames`, one for each 4 w - 3 frames."""
    return max(1, -(-n_frames // overlap_frames(window)))


def overlap_frames(window: int) -> int:
    """Pixel frames of w latent frames decoded by themselves, the overlap in which sections are blended."""
    return _TIME_STRIDE * (window - 1) + 1
