"""Frame rates, ranges and exposures, as people write them."""

from fractions import Fraction

import fileseq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.core.errors import SpecError
from toonctl.core.timesheet import (
    MAX_FRAMES,
    format_frames,
    hold_changes,
    parse_exposure,
    parse_frames,
    parse_rate,
    rate_text,
)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        (24, Fraction(24)),
        (" 25 ", Fraction(25)),
        ("24.0", Fraction(24)),
        ("60/1", Fraction(60)),
        ("24000/1001", Fraction(24000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
    ],
)
def test_rates_are_exact(text: str | int, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "0", "-24", "abc", "nan", "1/0", "24000/00", "23.9", "12.5", "1e3", "1000", "1/2", "24/1/1", "２４"],
)
def test_no_rate(text: str) -> None:
    with pytest.raises(SpecError, match="frame") as caught:
        parse_rate(text)
    assert caught.value.problems[0].hint


@given(st.integers(1, 240), st.sampled_from([1, 1001]))
def test_a_rate_survives_being_written(frames: int, over: int) -> None:
    rate = Fraction(frames * (1000 if over == 1001 else 1), over)
    if rate >= 1:
        assert parse_rate(rate_text(rate)) == rate


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", (7,)),
        ("1-4", (1, 2, 3, 4)),
        ("1-10x3", (1, 4, 7, 10)),
        ("1-10:3", (1, 4, 7, 10)),
        ("1,3,5-7", (1, 3, 5, 6, 7)),
        ("5-7, 1 ,6", (1, 5, 6, 7)),
        ("-3-3", (-3, -2, -1, 0, 1, 2, 3)),
        ("-3", (-3,)),
        ("-5--3", (-5, -4, -3)),
        ("10-1x4", (2, 6, 10)),
    ],
)
def test_ranges_are_ascending_and_each_frame_once(text: str, frames: tuple[int, ...]) -> None:
    assert parse_frames(text) == frames


@pytest.mark.parametrize(
    "text",
    ["", "a", "1-", "1--", "1-10y3", "1-10x0", "1-10x-2", "1:2", "1,,2", "1.5", "1-2-3", "####", "1-10#"],
)
def test_no_range(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_frames(text)
    assert all(problem.hint for problem in caught.value.problems)


def test_every_bad_part_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        parse_frames("a,1-5,2-9y2,7-8x0")
    assert [problem.what.split("`")[1] for problem in caught.value.problems] == ["a", "2-9y2", "7-8x0"]


@pytest.mark.parametrize("text", ["1-100001", "1-999999999", "1-60000,1-60000", "0-99999,7"])
def test_more_frames_than_a_shot_has(text: str) -> None:
    with pytest.raises(SpecError, match="100,000"):
        parse_frames(text)


def test_as_many_frames_as_a_shot_has() -> None:
    assert len(parse_frames(f"1-{MAX_FRAMES}")) == MAX_FRAMES


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], ""),
        ([3], "3"),
        ([1, 2], "1-2"),
        ([1, 3], "1,3"),
        ([1, 3, 5], "1-5x2"),
        ([1, 3, 5, 6, 7], "1,3,5-7"),
        ([3, 2, 1, 2], "1-3"),
        ([-3, -2, -1], "-3--1"),
    ],
)
def test_ranges_as_people_would_write_them(frames: list[int], text: str) -> None:
    assert format_frames(frames) == text


@given(st.frozensets(st.integers(-1200, 1200), min_size=1))
def test_a_written_range_reads_back(frames: frozenset[int]) -> None:
    assert parse_frames(format_frames(frames)) == tuple(sorted(frames))


PARTS = st.builds(
    lambda first, length, step: f"{first}-{first + length}" + (f"x{step}" if step > 1 else ""),
    st.integers(-200, 1200),
    st.integers(0, 60),
    st.integers(1, 9),
)


@given(st.lists(PARTS, min_size=1, max_size=5).map(",".join))
def test_ranges_mean_what_fileseq_means(text: str) -> None:
    assert parse_frames(text) == tuple(sorted(fileseq.FrameSet(text)))


def test_exposures() -> None:
    assert parse_exposure("1x2 2ax1 -x3 BG_x1 xxx2 7") == (
        *("1", "1", "2a", None, None, None, "BG_", "xx", "xx", "7"),
    )
    assert parse_exposure("- 1 -") == (None, "1", None)
    assert len(parse_exposure("01x3 1x3")) == 6


@pytest.mark.parametrize(
    "text", ["", "   ", "x6", "1x", "1x0", "a/bx2", "..x2", "1x100001", f"1x{'9' * 5000}"]
)
def test_no_exposure(text: str) -> None:
    with pytest.raises(SpecError):
        parse_exposure(text)


def test_every_bad_exposure_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        parse_exposure("1x6 x 2x0 a/bx2")
    assert [problem.what.split("`")[1] for problem in caught.value.problems] == ["x", "2x0", "a/bx2"]


def test_a_change_holds_until_the_next() -> None:
    assert hold_changes([(-2, "1"), (-1, "2"), (3, None), (4, "3"), (9, "4")], 6) == (
        *("2", "2", "2", None, "3", "3"),
    )
    assert hold_changes([], 2) == (None, None)
