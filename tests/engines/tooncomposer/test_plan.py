"""How a shot is cut for ToonComposer: every frame once, within the trained length, joined at pictures."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.core.errors import SpecError
from toonctl.engines.postkey._tooncomposer_plan import (
    Pictures,
    Segment,
    colliding,
    needed,
    padded,
    plan_segments,
)


@st.composite
def shots(draw: st.DrawFn) -> tuple[int, Pictures, int]:
    """A number of frames, the frames of pictures among them, and a longest segment."""
    n = draw(st.integers(2, 140))
    at = sorted(draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=12)))
    n_colors = draw(st.integers(1, len(at)))
    colors = set(draw(st.permutations(at))[:n_colors])
    pictures = Pictures(tuple(f for f in at if f in colors), tuple(f for f in at if f not in colors))
    return n, pictures, 4 * draw(st.integers(1, 15)) + 1


@settings(deadline=None, max_examples=50)
@given(shots())
def test_every_frame_is_delivered_once(shot: tuple[int, Pictures, int]) -> None:
    n, pictures, longest = shot
    segments = plan_segments(n, pictures, longest=longest)
    assert [frame for segment in segments for frame in segment.frames] == list(range(n))


@settings(deadline=None, max_examples=50)
@given(shots())
def test_segments_have_lengths_that_can_be_drawn_and_share_a_frame(shot: tuple[int, Pictures, int]) -> None:
    n, pictures, longest = shot
    segments = plan_segments(n, pictures, longest=longest)
    for segment in segments:
        assert segment.length % 4 == 1
        assert segment.last - segment.first + 1 <= segment.length <= longest
        assert segment.length - (segment.last - segment.first + 1) < 4
    assert all(a.last == b.first for a, b in pairwise(segments))


@settings(deadline=None, max_examples=50)
@given(shots())
def test_joins_lie_at_pictures_where_one_is_in_reach(shot: tuple[int, Pictures, int]) -> None:
    n, pictures, longest = shot
    segments = plan_segments(n, pictures, longest=longest)
    at = sorted({0, n - 1, *pictures.colors, *pictures.sketches})
    joins = [segment.last for segment in segments[:-1]]
    blind = [join for join in joins if join not in at]
    # Between neighboring pictures that are too far apart, so many joins have to stand alone, and no more.
    assert len(blind) == sum((b - a - 1) // (longest - 1) for a, b in pairwise(at))


@settings(deadline=None, max_examples=50)
@given(shots())
def test_every_segment_has_a_color_and_every_picture_its_place(shot: tuple[int, Pictures, int]) -> None:
    n, pictures, longest = shot
    segments = plan_segments(n, pictures, longest=longest)
    for segment in segments:
        shown = set(range(segment.first, segment.last + 1))
        assert set(segment.colors) == shown & set(pictures.colors)
        taken = {segment.taken} - {None}
        assert segment.colors or taken
        assert taken <= shown - set(pictures.colors)
        assert set(segment.sketches) == (shown & set(pictures.sketches)) - taken
    drawn = {frame for segment in segments for frame in segment.sketches}
    assert drawn == set(pictures.sketches)


@settings(deadline=None, max_examples=50)
@given(shots(), st.data())
def test_segments_are_drawn_after_those_they_go_on_from(
    shot: tuple[int, Pictures, int], data: st.DataObject
) -> None:
    n, pictures, longest = shot
    segments = plan_segments(n, pictures, longest=longest)
    wanted = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    order = needed(segments, wanted)
    assert len({segment.number for segment in order}) == len(order)
    assert wanted <= {frame for segment in order for frame in segment.frames}
    done: set[int] = set()
    for segment in order:
        if segment.after is not None:
            assert segment.after in done
            neighbor = segments[segment.after]
            assert segment.taken is not None
            assert neighbor.first <= segment.taken <= neighbor.last
        done.add(segment.number)


def test_a_shot_within_the_length_is_one_segment() -> None:
    [segment] = plan_segments(61, Pictures((0,), (30, 60)), longest=61)
    assert segment == Segment(0, 0, 60, 0, 61, (0,), (30, 60), None, None)


def test_two_sketches_divide_a_long_shot() -> None:
    segments = plan_segments(121, Pictures((0,), (60, 120)), longest=61)
    assert [(s.first, s.last, s.taken) for s in segments] == [(0, 60, None), (60, 120, 60)]
    assert segments[1].sketches == (120,)


def test_segments_before_the_first_reference_are_drawn_backwards() -> None:
    segments = plan_segments(41, Pictures((30,), (0, 20, 40)), longest=21)
    assert [(s.after, s.taken) for s in segments] == [(1, 20), (None, None)]
    assert [s.number for s in needed(segments, [0])] == [1, 0]


def test_a_reference_at_the_join_makes_segments_independent() -> None:
    segments = plan_segments(41, Pictures((0, 20), (40,)), longest=21)
    assert [s.after for s in segments] == [None, None]
    assert [s.number for s in needed(segments, [40])] == [1]


def test_a_shot_without_a_placed_reference_is_refused() -> None:
    with pytest.raises(SpecError, match="no reference stands at a frame"):
        plan_segments(9, Pictures((), (4,)), longest=61)


@pytest.mark.parametrize(("sketches", "groups"), [((13, 16), [(13, 16)]), ((12, 13), []), ((0, 1), [])])
def test_sketches_within_four_frames_may_collide(
    sketches: tuple[int, ...], groups: list[tuple[int, ...]]
) -> None:
    [segment] = plan_segments(33, Pictures((32,), sketches), longest=61)
    assert colliding(segment) == groups


@pytest.mark.parametrize(("n", "wanted"), [(1, 1), (2, 5), (5, 5), (6, 9), (61, 61), (62, 65)])
def test_lengths_are_rounded_up(n: int, wanted: int) -> None:
    assert padded(n) == wanted
