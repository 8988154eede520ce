"""Plan "anchors": chunks in any order, side by side or again, give the bytes of the whole."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.toys import Memory, Toy, assert_equal, blank, color, request, share_right, toy, walk
from toonctl.core.types import ColoredDrawing
from toonctl.engines.base import ColorizeRequest
from toonctl.engines.cel import memory, order, spans
from toonctl.engines.cel.order import Route, routes

DRAWINGS = walk(13)
SHEET = toy(96, size=1.1)
PARTS = (("1", "2"), ("3", "4", "5", "7"), ("6",), ("8", "9"), ("10", "11", "12"), ("13",))


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anchors every four drawings, and a bank that takes in whatever differs at all."""
    monkeypatch.setattr(order, "SEGMENT", 2)
    monkeypatch.setattr(memory, "_BANK_DISTANCE", 0.5)


def asked(references: Sequence[str | Toy], **options: object) -> ColorizeRequest:
    return request(DRAWINGS, references, plan="anchors", **options)  # type: ignore[arg-type]  # options of any kind


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("matcher", ["learned", "geometric"])
@pytest.mark.parametrize("references", [("1",), ("6", SHEET), ("1", "13"), (SHEET,)])
def test_a_shot_is_colored_from_its_anchors(matcher: str, references: Sequence[str | Toy]) -> None:
    colored = color(asked(references, matcher=matcher))
    assert set(colored) == set(DRAWINGS)
    assert share_right(colored.values(), DRAWINGS) >= 0.95


@cache
def whole_shot(matcher: str) -> Mapping[str, ColoredDrawing]:
    """All drawings at once, in short segments."""
    return color(asked(["5", SHEET], matcher=matcher))


def assert_part_of_whole(number: int, state: Memory, matcher: str) -> None:
    part = color(asked(["5", SHEET], wanted=PARTS[number], state=state, matcher=matcher))
    assert set(part) == set(PARTS[number])
    for name, drawing in part.items():
        assert_equal(drawing, whole_shot(matcher)[name])


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("matcher", ["learned", "geometric"])
@pytest.mark.parametrize("turn", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (3, 0, 5, 2, 4, 1)])
def test_chunks_of_a_shot_are_the_shot(matcher: str, turn: Iterable[int]) -> None:
    state = Memory()
    for number in turn:
        assert_part_of_whole(number, state, matcher)


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("matcher", ["learned", "geometric"])
def test_a_chunk_that_finds_nothing_of_others_is_part_of_the_shot(matcher: str) -> None:
    for number in range(len(PARTS)):
        assert_part_of_whole(number, Memory(), matcher)


@pytest.mark.usefixtures("short_segments")
def test_a_chunk_needs_its_two_anchors_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the anchors are there, a half of a span looks at nothing beyond them but what the bank holds."""
    monkeypatch.setattr(memory, "_BANK_DISTANCE", 300)  # it takes nothing in
    state = Memory()
    color(asked(["1"], wanted=["13"], state=state, matcher="geometric"))
    looked_at: list[str] = []
    part = asked(["1"], wanted=["12"], state=state, matcher="geometric")
    load = part.loader
    object.__setattr__(part, "loader", lambda of: (looked_at.append(of), load(of))[1])
    color(part)
    assert set(looked_at) == {"9", "12", "13"}


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04" * 40])
def test_broken_memory_is_as_good_as_none(damage: bytes) -> None:
    state = Memory()
    whole = color(asked(["1"], state=state, matcher="geometric"))
    broken = Memory(dict.fromkeys(state.kept, damage))
    assert_equal(color(asked(["1"], wanted=["8"], state=broken, matcher="geometric"))["8"], whole["8"])


@pytest.mark.usefixtures("short_segments")
def test_the_chain_is_another_picture_memory() -> None:
    """The plans keep their memory apart: a job's key names its plan, and so do the names of what is kept."""
    chain, anchors = Memory(), Memory()
    color(request(DRAWINGS, ["1"], state=chain, matcher="geometric"))
    color(asked(["1"], state=anchors, matcher="geometric"))
    assert chain.kept
    assert anchors.kept
    assert not chain.kept.keys() & anchors.kept.keys()


@pytest.mark.parametrize("coverage", [0, 255], ids=["white", "all ink"])
@pytest.mark.usefixtures("short_segments")
def test_empty_drawings_pass(coverage: int) -> None:
    drawings = {**walk(5), "6": blank(coverage), "7": toy(110)}
    colored = color(request(drawings, ["1"], plan="anchors", matcher="geometric"))
    assert set(colored) == set(drawings)


@settings(deadline=None)
@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=4)))
)
def test_spans_hold_every_drawing_of_a_route_once(shot: tuple[int, set[int]]) -> None:
    n_drawings, references = shot[0], sorted(shot[1])
    for route in routes(n_drawings, references):
        found = spans.spans(route)
        assert sorted(place for span in found for place in span.places) == sorted(route.places)
        assert [span.number for span in found] == list(range(1, len(found) + 1))
        assert found[-1].anchor == route.places[-1]
        assert [span.anchor for span in found] == [s[-1] for s in spans.thinned(route).segments()]
        for span in found:
            assert abs(len(span.near) - len(span.far)) <= 1
    starts = spans.half_starts(n_drawings, references)
    assert len(set(starts)) == len(starts)
    assert set(references) <= set(spans.anchor_places(n_drawings, references))


def test_halves_of_spans_lie_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "SEGMENT", 32)
    first, second, last = spans.spans(Route(0, tuple(range(1, 130))))
    assert (first.near, first.far, first.anchor) == (tuple(range(1, 33)), tuple(range(63, 32, -1)), 64)
    assert (second.near, second.far, second.anchor) == (tuple(range(65, 97)), tuple(range(127, 96, -1)), 128)
    assert (last.near, last.far, last.anchor) == ((), (), 129)
    assert spans.half_starts(130, [0]) == (1, 33, 65, 97, 129)


def test_planning_loads_no_network() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, toonctl.engines.cel.spans; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout == "False\n"
