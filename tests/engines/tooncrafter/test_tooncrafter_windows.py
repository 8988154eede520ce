"""Windows between two keys: every drawing once, keys never, none longer than the network was trained on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.engines.tooncrafter.windows import FIRST_KEY, LAST_KEY, SpanPlan, plan_span

EASES = {
    "linear": lambda t: t,
    "in": lambda t: t * t,
    "out": lambda t: 1 - (1 - t) ** 2,
    "in-out": lambda t: t * t * (3 - 2 * t),
}


def eased(n: int, ease: str) -> list[float]:
    return [EASES[ease](i / (n + 1)) for i in range(1, n + 1)]


def missed(plan: SpanPlan) -> list[float]:
    spots = [plan.spot(i) for i in range(len(plan.times))]
    return [abs(plan.windows[s.window].time(s.place) - t) for s, t in zip(spots, plan.times, strict=True)]


rising = st.lists(st.integers(1, 9_999), min_size=1, max_size=60, unique=True).map(
    lambda marks: [mark / 10_000 for mark in sorted(marks)]
)


@settings(max_examples=120, deadline=None)
@given(times=rising, trained=st.sampled_from([3, 4, 7, 16]), is_fitted=st.booleans(), is_near=st.booleans())
def test_every_drawing_comes_once_and_from_pictures_that_are_there(
    times: list[float], trained: int, is_fitted: bool, is_near: bool
) -> None:
    plan = plan_span(times, trained=trained, is_fitted=is_fitted, is_near=is_near)
    drawn = [position for window in plan.windows for _, position in window.inner]
    assert sorted(drawn) == list(range(len(times)))
    kept: set[tuple[int, int]] = set()
    for number, window in enumerate(plan.windows):
        assert 3 <= window.n_frames <= trained
        assert window.places
        assert all(0 < place < window.n_frames - 1 for place in window.places)
        assert len({place for place, _ in window.inner}) == len(window.inner)
        assert 0 <= window.first < window.last <= 1
        for end in window.ends:
            assert end in (FIRST_KEY, LAST_KEY) or (end.window, end.place) in kept
        assert [position for _, position in window.inner] == sorted(position for _, position in window.inner)
        kept |= {(number, place) for place in window.kept}
    # Every kept picture is the end of some window: none is drawn in vain.
    ends = {(end.window, end.place) for window in plan.windows for end in window.ends if not end.is_key}
    assert ends == kept


@settings(max_examples=60, deadline=None)
@given(times=rising, trained=st.sampled_from([4, 16]), data=st.data())
def test_a_chunk_needs_no_more_windows_than_lead_to_it(
    times: list[float], trained: int, data: st.DataObject
) -> None:
    plan = plan_span(times, trained=trained)
    positions = data.draw(st.sets(st.integers(0, len(times) - 1), min_size=1))
    needed = plan.needed(positions)
    assert list(needed) == sorted(set(needed))
    assert {plan.spot(position).window for position in positions} <= set(needed)
    for number in needed:
        assert all(end.is_key or end.window in needed for end in plan.windows[number].ends)
    assert plan.needed(range(len(times))) == tuple(range(len(plan.windows)))


@settings(max_examples=60, deadline=None)
@given(times=rising, trained=st.sampled_from([4, 16]))
def test_no_drawing_misses_its_time_by_more_than_half_the_way_to_a_neighbor(
    times: list[float], trained: int
) -> None:
    plan = plan_span(times, trained=trained)
    bounds = [0.0, *times, 1.0]
    for i, miss in enumerate(missed(plan)):
        nearest = min(bounds[i + 1] - bounds[i], bounds[i + 2] - bounds[i + 1])
        assert miss <= max(0.5 * nearest, 0.01) + 1e-9


@pytest.mark.parametrize("ease", EASES)
@pytest.mark.parametrize(("n", "most"), [(1, 1), (7, 3), (14, 3), (60, 20)])
def test_windows_are_few(n: int, most: int, ease: str) -> None:
    assert len(plan_span(eased(n, ease), trained=16).windows) <= most
    assert len(plan_span(eased(n, ease), trained=16, is_near=True).windows) <= most


def test_even_timing_up_to_fourteen_takes_one_window() -> None:
    for n in range(1, 15):
        plan = plan_span(eased(n, "linear"), trained=16)
        assert [window.n_frames for window in plan.windows] == [16]
    assert len(plan_span(eased(15, "linear"), trained=16).windows) == 2
    assert len(plan_span(eased(60, "linear"), trained=16).windows) == 6


def test_a_fitted_window_meets_even_timing_exactly() -> None:
    for n in range(1, 15):
        plan = plan_span(eased(n, "linear"), trained=16, is_fitted=True)
        assert [window.n_frames for window in plan.windows] == [n + 2]
        assert max(missed(plan)) < 1e-12


def test_slow_beginnings_are_placed_early() -> None:
    slow, even = (plan_span(eased(5, ease), trained=16) for ease in ("in", "linear"))
    times = [
        [plan.windows[plan.spot(i).window].time(plan.spot(i).place) for i in range(5)]
        for plan in (slow, even)
    ]
    assert all(a < b for a, b in zip(*times, strict=True))


@pytest.mark.parametrize("times", [[0.5, 0.5], [0.6, 0.4], [0.0], [1.0], [-0.1, 0.5]])
def test_times_that_do_not_rise_are_refused(times: list[float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        plan_span(times, trained=16)
    with pytest.raises(ValueError, match="nothing between"):
        plan_span([0.5], trained=2)
