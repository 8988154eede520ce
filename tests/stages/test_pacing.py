"""When the drawings between two keys are shown, how far each has come, and what they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.stages.pacing import Names, Pace, marked_moments, moments


@pytest.mark.parametrize(
    ("pace", "starts", "times"),
    [
        (Pace("linear", 1), [1, 2, 3], [0.25, 0.5, 0.75]),
        (Pace("linear", 2), [2], [0.5]),
        (Pace("linear", 3), [3], [0.75]),
        (Pace("in", 1), [1, 2, 3], [0.0625, 0.25, 0.5625]),
        (Pace("out", 1), [1, 2, 3], [0.4375, 0.75, 0.9375]),
        (Pace("in-out", 1), [1, 2, 3], [0.15625, 0.5, 0.84375]),
        (Pace("out", 3, (0.1, 0.8)), [1, 2], [0.1, 0.8]),
    ],
)
def test_drawings_stand_where_ease_and_exposure_put_them(
    pace: Pace, starts: list[int], times: list[float]
) -> None:
    found = moments(0, 4, pace)
    assert [moment.index for moment in found] == starts
    assert [moment.time for moment in found] == pytest.approx(times)


def test_keys_side_by_side_have_nothing_between() -> None:
    assert moments(4, 5, Pace("linear", 1)) == ()


@given(st.integers(0, 50), st.integers(2, 60), st.integers(1, 60))
def test_a_chart_shares_the_frames_evenly(first: int, span: int, count: int) -> None:
    chart = tuple((number + 1) / (count + 1) for number in range(count))
    if count >= span:
        with pytest.raises(ValueError, match="do not fit"):
            moments(first, first + span, Pace("linear", 1, chart))
        return
    starts = [moment.index for moment in moments(first, first + span, Pace("linear", 1, chart))]
    holds = [b - a for a, b in zip([first, *starts], [*starts, first + span], strict=True)]
    assert min(holds) >= 1
    assert max(holds) - min(holds) <= 1


def test_marked_drawings_are_evenly_apart_wherever_they_stand() -> None:
    assert [m.time for m in marked_moments([3, 4, 9], Pace("linear", 1))] == [0.25, 0.5, 0.75]
    assert [m.index for m in marked_moments([3, 4, 9], Pace("linear", 1))] == [3, 4, 9]
    assert [m.time for m in marked_moments([3, 4], Pace("in", 1, (0.2, 0.3)))] == [0.2, 0.3]
    with pytest.raises(ValueError, match="chart has 2 drawings, the sheet marks 3"):
        marked_moments([3, 4, 9], Pace("in", 1, (0.2, 0.3)))


def test_new_drawings_are_lettered_past_those_there_are() -> None:
    names = Names(["1", "1b", "2"])
    assert [names.name("1", "2", time)[0] for time in (0.2, 0.4, 0.6)] == ["1a", "1c", "1d"]
    assert names.name("1", "2", 0.4) == ("1c", False)
    assert names.name("2", "1", 0.4) == ("2a", True)
    many = [Names.name(letters, "9", "10", n / 100)[0] for letters in [Names(["9"])] for n in range(1, 30)]
    assert many[24:28] == ["9y", "9z", "9aa", "9ab"]
    assert len(set(many)) == len(many)
