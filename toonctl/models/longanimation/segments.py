"""How a film falls into segments, and which frames of each are delivered: numbers only, known before the run.

All frames and indices are 0-based. A segment shows 81 pixel frames in 21 latents, which stand in the slots
1..21 behind the reference's slot 0: film slot 1 is frame 0, slot j >= 2 the frames 4j-7 .. 4j-4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEGMENT_FRAMES = 81
LATENT_FRAMES = 4
"""Pixel frames of one latent, the first of a clip excepted."""

FUSED_LATENTS = 4
FIRST_FUSED_SLOT = 2

ALIGNED_STRIDE = 64
UPSTREAM_STRIDE = 65
"""With 64 the fused latents of two segments show the same frames; the published 65 is off by one frame."""

_CUT = 8
"""A later segment delivers from its frame 8 on: the middle of the 16 frames that are fused."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: it shows the film's frames `start .. start + 81` and delivers those in `delivered`.

    `kept_slots` are the latents that the fusion of the next segment needs; none in the last one.
    """

    number: int
    start: int
    delivered: range
    kept_slots: range

    @property
    def own_delivered(self) -> range:
        """The delivered frames, counted within the segment."""
        return range(self.delivered.start - self.start, self.delivered.stop - self.start)

    def shown(self, n_frames: int) -> tuple[int, ...]:
        """The film frame behind each of the 81: past the end of the film its last one is held."""
        return tuple(min(self.start + i, n_frames - 1) for i in range(SEGMENT_FRAMES))


def plan_segments(n_frames: int) -> tuple[Segment, ...]:
    """Segments that deliver every frame of the film once, its first and last included, however short it is.

    They stand 64 frames apart. The last one stands as far back as a multiple of 4 frames allows, so that its
    fusion is aligned too and, unless it is the only one, at most 3 of its frames are past the film's end.

    Raises: ValueError when the film has no frame.
    """
    if n_frames < 1:
        raise ValueError("a film without frames has no segments")
    beyond = max(0, n_frames - SEGMENT_FRAMES)
    starts = [*range(0, beyond, ALIGNED_STRIDE), -(-beyond // LATENT_FRAMES) * LATENT_FRAMES]
    return _delivering(starts, first=0, end=n_frames)


def plan_upstream(n_frames: int) -> tuple[Segment, ...]:
    """The segments of the published program: frame 0 and the tail are lost, below 81 frames all is."""
    starts = range(0, n_frames - SEGMENT_FRAMES + 1, UPSTREAM_STRIDE)
    if not starts:
        return ()
    return _delivering(starts, first=1, end=starts[-1] + UPSTREAM_STRIDE + _CUT)


def first_fused_step(steps: int) -> int:
    """The 0-based step from which on segments are fused: 31 of 50, as published, the same share of others."""
    return steps - round(0.38 * steps)


def _delivering(starts: Sequence[int], *, first: int, end: int) -> tuple[Segment, ...]:
    cuts = [first, *(start + _CUT for start in starts[1:]), end]
    return tuple(
        Segment(
            number,
            start,
            range(cuts[number], cuts[number + 1]),
            _kept_slots(starts[number + 1] - start) if number + 1 < len(starts) else range(0),
        )
        for number, start in enumerate(starts)
    )


def _kept_slots(distance: int) -> range:
    """The slots that show what slots 2..5 of a segment `distance` frames later show."""
    first = FIRST_FUSED_SLOT + distance // LATENT_FRAMES
    return range(first, first + FUSED_LATENTS)
