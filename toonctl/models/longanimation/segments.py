"""How a film falls into segments, and which frames of each are delivered: numbers only, known before the run.

All frames and indices are 0-based. A segment shows 81 pixel frames in 21 latents, which stand in the slots
1..21 behind the reference's slot 0: film slot 1 is frame 0, slot j >= 2 the frames 4j-7 .. 4j-4. Other
lengths give the reference a slot of its own too where they are of the form 8k + 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEGMENT_FRAMES = 81
LATENT_FRAMES = 4
"""Pixel frames of one latent, the first of a clip excepted."""

FUSED_LATENTS = 4
FIRST_FUSED_SLOT = 2

_OVERLAP = 17
_UPSTREAM_OVERLAP = 16
"""With 17 the fused latents of two segments show the same frames; the published 16 is off by one frame."""

LEAST_SEGMENT_FRAMES = 25

_CUT = 8
"""A later segment delivers from its frame 8 on: the middle of the 16 frames that are fused."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: it shows the film's frames `start .. start + n_shown` and delivers those in `delivered`.

    `kept_slots` are the latents that the fusion of the next segment needs; none in the last one.
    """

    number: int
    start: int
    delivered: range
    kept_slots: range
    n_shown: int = SEGMENT_FRAMES

    @property
    def own_delivered(self) -> range:
        """The delivered frames, counted within the segment."""
        return range(self.delivered.start - self.start, self.delivered.stop - self.start)

    def shown(self, n_frames: int) -> tuple[int, ...]:
        """The film frame behind each that is shown: past the end of the film its last one is held."""
        return tuple(min(self.start + i, n_frames - 1) for i in range(self.n_shown))


def plan_segments(n_frames: int, n_shown: int = SEGMENT_FRAMES) -> tuple[Segment, ...]:
    """Segments that deliver every frame of the film once, its first and last included, however short it is.

    They stand `n_shown` - 17 frames apart. The last one stands as far back as a multiple of 4 frames allows,
    so that its fusion is aligned too and, unless it is the only one, at most 3 of its frames are past the
    film's end.

    Raises: ValueError when the film has no frame, or `n_shown` is below 25 or not of the form 8k + 1.
    """
    _check(n_shown)
    if n_frames < 1:
        raise ValueError("a film without frames has no segments")
    beyond = max(0, n_frames - n_shown)
    last = -(-beyond // LATENT_FRAMES) * LATENT_FRAMES
    starts = [*range(0, beyond, n_shown - _OVERLAP), last]
    return _delivering(starts, n_shown, first=0, end=n_frames)


def plan_upstream(n_frames: int, n_shown: int = SEGMENT_FRAMES) -> tuple[Segment, ...]:
    """The segments of the published program: frame 0 and the tail are lost, below 81 frames all is.

    Raises: ValueError as `plan_segments` for `n_shown`.
    """
    _check(n_shown)
    stride = n_shown - _UPSTREAM_OVERLAP
    starts = range(0, n_frames - n_shown + 1, stride)
    if not starts:
        return ()
    return _delivering(starts, n_shown, first=1, end=starts[-1] + stride + _CUT)


def first_fused_step(steps: int) -> int:
    """The 0-based step from which on segments are fused: 31 of 50, as published, the same share of others."""
    return steps - round(0.38 * steps)


def _check(n_shown: int) -> None:
    if n_shown < LEAST_SEGMENT_FRAMES or n_shown % 8 != 1:
        raise ValueError(f"a segment shows 25, 33, 41, ... 81 frames, not {n_shown}")


def _delivering(starts: Sequence[int], n_shown: int, *, first: int, end: int) -> tuple[Segment, ...]:
    cuts = [first, *(start + _CUT for start in starts[1:]), end]
    return tuple(
        Segment(
            number,
            start,
            range(cuts[number], cuts[number + 1]),
            _kept_slots(starts[number + 1] - start) if number + 1 < len(starts) else range(0),
            n_shown,
        )
        for number, start in enumerate(starts)
    )


def _kept_slots(distance: int) -> range:
    """The slots that show what slots 2..5 of a segment `distance` frames later show."""
    first = FIRST_FUSED_SLOT + distance // LATENT_FRAMES
    return range(first, first + FUSED_LATENTS)
