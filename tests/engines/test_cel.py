"""The contract of a coloring engine, kept by the cel engine with either of its matchers."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.toys import Memory, Toy, assert_equal, blank, color, request, share_right, toy, walk
from toonctl.core.errors import SpecError
from toonctl.core.types import ColoredDrawing
from toonctl.engines.cel import memory, order
from toonctl.engines.cel.order import routes

DRAWINGS = walk()
SHEET = toy(96, size=1.1)


@pytest.fixture(params=["learned", "geometric"])
def matcher(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of two drawings, and a bank that takes in whatever differs at all."""
    monkeypatch.setattr(order, "SEGMENT", 2)
    monkeypatch.setattr(memory, "_BANK_DISTANCE", 0.5)


@pytest.mark.parametrize(
    "references",
    [("1",), ("4",), ("8",), ("1", "8"), ("3", "4"), (SHEET,), ("5", SHEET)],
    ids=["first", "middle", "last", "both ends", "neighbors", "sheet", "drawing and sheet"],
)
def test_a_shot_is_colored_from_its_references(matcher: str, references: Sequence[str | Toy]) -> None:
    colored = color(request(DRAWINGS, references, matcher=matcher))
    assert set(colored) == set(DRAWINGS)
    assert share_right(colored.values(), DRAWINGS) >= 0.95
    own = [name for name in references if isinstance(name, str)]
    assert share_right([colored[name] for name in own], DRAWINGS) == 1 if own else True
    assert list(colored)[: len(own)] == own


def test_every_region_has_a_color_and_a_confidence(matcher: str) -> None:
    for drawing in color(request(DRAWINGS, ["1"], matcher=matcher)).values():
        n = int(drawing.regions.label_map().max())
        assert drawing.colors.shape == drawing.confidence.shape == (n,)
        assert (drawing.colors.dtype, drawing.confidence.dtype) == (np.uint16, np.float32)
        assert ((drawing.confidence >= 0) & (drawing.confidence <= 1 + 1e-6)).all()


def test_the_same_request_gives_the_same_answer(matcher: str) -> None:
    first, second = (color(request(DRAWINGS, ["4"], matcher=matcher)) for _ in range(2))
    for name, drawing in first.items():
        assert_equal(second[name], drawing)


CHUNKS = (("1", "2"), ("3", "5", "6"), ("7", "8"))


@cache
def whole_shot() -> Mapping[str, ColoredDrawing]:
    """All drawings at once, in short segments."""
    return color(request(DRAWINGS, ["1", SHEET], matcher="geometric"))


def assert_part_of_whole(names: Sequence[str], state: Memory) -> None:
    part = color(request(DRAWINGS, ["1", SHEET], wanted=names, state=state, matcher="geometric"))
    assert set(part) == set(names)
    for name, drawing in part.items():
        assert_equal(drawing, whole_shot()[name])


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("order_of_chunks", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_chunks_of_a_shot_are_the_shot(order_of_chunks: Iterable[int]) -> None:
    state = Memory()
    for number in order_of_chunks:
        assert_part_of_whole(CHUNKS[number], state)


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("names", CHUNKS)
def test_a_chunk_that_finds_nothing_of_others_is_part_of_the_shot(names: Sequence[str]) -> None:
    assert_part_of_whole(names, Memory())


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("backward_sweep", [True, False])
def test_a_chunk_goes_on_from_what_others_left(matcher: str, backward_sweep: bool) -> None:
    options = {"matcher": matcher, "backward_sweep": backward_sweep}
    state = Memory()
    whole = color(request(DRAWINGS, ["4"], state=state, **options))
    for name in ("1", "8"):
        looked_at: list[str] = []
        asked = request(DRAWINGS, ["4"], wanted=[name], state=Memory(dict(state.kept)), **options)
        load = asked.loader
        object.__setattr__(
            asked, "loader", lambda of, load=load, seen=looked_at: (seen.append(of), load(of))[1]
        )
        assert_equal(color(asked)[name], whole[name])
        assert "3" not in looked_at or "5" not in looked_at


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("damage", ["empty", "foreign", "cut", "other shot"])
def test_broken_memory_is_as_good_as_none(damage: str) -> None:
    state = Memory()
    whole = color(request(DRAWINGS, ["1"], state=state, matcher="geometric"))
    longer = Memory()
    color(request(walk(20), ["20"], state=longer, matcher="geometric"))
    broken = {
        "empty": dict.fromkeys(state.kept, b""),
        "foreign": dict.fromkeys(state.kept, b"PK\x03\x04" * 40),
        "cut": {name: data[: len(data) // 2] for name, data in state.kept.items()},
        "other shot": dict.fromkeys(state.kept, next(iter(longer.kept.values()))),
    }[damage]
    found = color(request(DRAWINGS, ["1"], wanted=["8"], state=Memory(broken), matcher="geometric"))
    assert_equal(found["8"], whole["8"])


@pytest.mark.parametrize("coverage", [0, 255], ids=["white", "all ink"])
def test_empty_drawings_pass(matcher: str, coverage: int) -> None:
    drawings = {**walk(3), "4": blank(coverage), "5": toy(110)}
    for references in (["1"], ["4", "5"], ["4", SHEET]):
        colored = color(request(drawings, references, matcher=matcher))
        assert set(colored) == set(drawings)
        assert len(colored["4"].colors) == (coverage == 0)
    only = color(request({"1": blank(coverage)}, [blank(coverage)], matcher=matcher))
    assert only["1"].colors.tolist() == [0] * (coverage == 0)


def test_nothing_wanted_is_nothing_done(matcher: str) -> None:
    state = Memory()
    assert color(request(DRAWINGS, ["1"], wanted=[], state=state, matcher=matcher)) == {}
    assert not state.kept


def test_options_have_no_defaults_of_their_own() -> None:
    asked = request(DRAWINGS, ["1"])
    object.__setattr__(asked, "options", {"matcher": "geometric"})
    with pytest.raises(SpecError, match="gap_px"):
        color(asked)


@given(st.integers(0, 70).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(0, n - 1))))))
def test_routes_reach_every_drawing_once_from_its_nearest_reference(shot: tuple[int, set[int]]) -> None:
    n_drawings, references = shot[0], sorted(shot[1]) if shot[0] else []
    found = routes(n_drawings, references)
    walked = [place for route in found for place in route.places]
    assert sorted([*walked, *references]) == list(range(n_drawings))
    assert len({route.places[0] for route in found}) == len(found)  # they name what is kept of each
    for route in found:
        steps = np.diff([route.start if route.start is not None else -1, *route.places])
        assert set(steps.tolist()) <= {1} or set(steps.tolist()) <= {-1}
        assert tuple(p for segment in route.segments() for p in segment) == route.places
        for place in route.places if route.start is not None else ():
            assert abs(place - (route.start or 0)) == min(abs(place - r) for r in references)
