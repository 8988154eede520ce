"""How a film falls into segments: nothing lost, neighbors aligned, the published plan kept as it was."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.models.longanimation.segments import (
    SEGMENT_FRAMES,
    Segment,
    first_fused_step,
    plan_segments,
    plan_upstream,
)


def frames_of_slot(segment: Segment, slot: int) -> list[int]:
    """The film frames that slot 1..21 of a segment shows."""
    own = [0] if slot == 1 else list(range(4 * slot - 7, 4 * slot - 3))
    return [segment.start + frame for frame in own]


@settings(deadline=None)
@given(st.integers(1, 2000))
def test_every_frame_is_delivered_once(n_frames: int) -> None:
    segments = plan_segments(n_frames)
    delivered = [frame for segment in segments for frame in segment.delivered]
    assert delivered == list(range(n_frames))
    for segment in segments:
        assert 0 <= segment.own_delivered.start < segment.own_delivered.stop <= SEGMENT_FRAMES
        assert [segment.shown(n_frames)[i] for i in segment.own_delivered] == list(segment.delivered)


@settings(deadline=None)
@given(st.integers(82, 2000))
def test_fused_latents_show_the_same_frames(n_frames: int) -> None:
    segments = plan_segments(n_frames)
    for before, after in pairwise(segments):
        pairs = zip(before.kept_slots, range(2, 6), strict=True)
        assert all(frames_of_slot(before, old) == frames_of_slot(after, new) for old, new in pairs)
        assert before.kept_slots.stop <= 22
    assert segments[-1].kept_slots == range(0)


@settings(deadline=None)
@given(st.integers(82, 2000))
def test_a_longer_film_is_padded_by_less_than_a_latent(n_frames: int) -> None:
    assert plan_segments(n_frames)[-1].start + SEGMENT_FRAMES - n_frames in range(4)


def test_five_hundred_in_five_hundred_out() -> None:
    segments = plan_segments(500)
    assert [segment.start for segment in segments] == [0, 64, 128, 192, 256, 320, 384, 420]
    assert sum(len(segment.delivered) for segment in segments) == 500
    assert sum(len(segment.delivered) for segment in plan_upstream(500)) == 462


def test_a_short_film_holds_its_last_frame() -> None:
    (segment,) = plan_segments(3)
    assert segment.shown(3)[:5] == (0, 1, 2, 2, 2)
    assert segment.delivered == range(3)


@settings(deadline=None)
@given(st.integers(1, 2000))
def test_the_published_plan_is_gap_free_but_loses_the_ends(n_frames: int) -> None:
    segments = plan_upstream(n_frames)
    delivered = [frame for segment in segments for frame in segment.delivered]
    n_segments = max(0, (n_frames - 81) // 65 + 1)
    assert delivered == list(range(1, 73 + 65 * (n_segments - 1)) if n_segments else [])
    assert all(segment.kept_slots == range(18, 22) for segment in segments[:-1])


def test_the_last_nineteen_of_fifty_steps_are_fused() -> None:
    assert first_fused_step(50) == 31
    assert first_fused_step(30) == 19
