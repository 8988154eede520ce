"""The film's memory: reading in parts equals reading at once, cost is bounded, state survives the disk."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import longanimation_toys as toys
from toonctl.models.longanimation.lvu import LongVideoModel
from toonctl.models.longanimation.memory import FilmReader, Reading, upstream_frames, window_to_drop
from toonctl.models.longanimation.state import FilmState, load_state, save_state

READER = toys.reader()


def at_once(reader: FilmReader, n_frames: int) -> torch.Tensor:
    """The memory of a film read from its start: prompt, every window, prompt; as the golden case does it."""
    model = reader.model
    cache = model.begin(reader.prompt.prefix)
    for window in toys.features(n_frames).flatten(0, 1).split(model.sizes.window):
        cache = model.extend(cache, window)
    return model.read(cache, reader.prompt.suffix)


def in_parts(reader: FilmReader, *lengths: int) -> Reading:
    film, reading, first = toys.features(sum(lengths)), reader.begin(), 0
    for length in lengths:
        reading = reader.extend(reading, film[first : first + length])
        first += length
    return reading


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 11), min_size=1, max_size=4))
def test_reading_in_parts_is_reading_at_once(lengths: list[int]) -> None:
    memory = READER.memory(in_parts(READER, *lengths))
    torch.testing.assert_close(memory.whole, at_once(READER, sum(lengths)), atol=1e-5, rtol=1e-5)


def test_the_local_memory_is_that_of_the_last_frames_alone() -> None:
    memory = READER.memory(in_parts(READER, 9, 6))
    alone = READER.extend(READER.begin(), toys.features(15)[-5:])
    assert torch.equal(memory.recent, READER.memory(alone).whole)
    assert memory.recent.shape == (1, 2, 3, 3 + 30 // 4 + 2, 8)


def test_later_frames_run_only_new_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    run = LongVideoModel.extend

    def counted(model: LongVideoModel, cache: object, window: torch.Tensor) -> object:
        lengths.append(len(window))
        return run(model, cache, window)  # type: ignore[arg-type]

    monkeypatch.setattr(LongVideoModel, "extend", counted)
    reading = in_parts(READER, 39)
    lengths.clear()
    reading = READER.extend(reading, toys.features(6))
    assert lengths == [24, 24]
    lengths.clear()
    READER.memory(reading)
    assert lengths == [6, 24, 6]


def test_a_long_film_stays_within_its_budget() -> None:
    reader = toys.reader(budget_windows=6)
    sizes = set()
    reading = reader.begin()
    for _ in range(30):
        reading = reader.extend(reading, toys.features(3))
        sizes.add(reading.cache.n_tokens)
        assert reading.cache.n_tokens == 3 + 6 * len(reading.windows)
        assert len(reading.windows) + (reading.n_frames % 4 > 0) <= 6
    assert max(sizes) == 3 + 6 * 6
    assert reading.windows[0] == 0
    assert reading.windows[-3:] == (19, 20, 21)
    assert reader.memory(reading).whole.shape[3] == 3 + 6 * len(reading.windows) + 2 * 6 // 4 + 2


def test_the_window_that_is_dropped_leaves_the_smallest_gap() -> None:
    assert window_to_drop((0, 1, 2, 3, 4, 5, 6)) == 1
    assert window_to_drop((0, 2, 3, 4, 5, 6, 7, 8)) == 2
    with pytest.raises(ValueError, match="fewer than four"):
        window_to_drop((0, 1, 2))


@settings(deadline=None)
@given(st.integers(1, 3000))
def test_the_published_program_reads_at_most_650_frames(n_frames: int) -> None:
    frames = upstream_frames(n_frames)
    assert len(frames) == min(n_frames, 650)
    assert frames[0] == 0
    assert frames[-1] == n_frames - 1
    assert list(frames) == sorted(set(frames))


def test_state_survives_the_disk_exactly() -> None:
    reading = in_parts(READER, 9, 6)
    tails = {31: torch.randn(1, 4, 16, 2, 3, generator=torch.Generator().manual_seed(1)), 49: torch.ones(1)}
    data = save_state(FilmState(3, reading, tails))
    found = load_state(data, segment=3)
    assert found is not None
    assert found.reading.windows == reading.windows
    assert {step: tail.tolist() for step, tail in found.tails.items()} == {
        step: tail.tolist() for step, tail in tails.items()
    }
    grown, kept = (READER.extend(r, toys.features(4)) for r in (found.reading, reading))
    assert torch.equal(READER.memory(grown).whole, READER.memory(kept).whole)
    assert save_state(FilmState(3, found.reading, found.tails)) == data


def test_broken_or_foreign_state_is_none() -> None:
    data = save_state(FilmState(3, READER.begin(), {}))
    assert load_state(data, segment=4) is None
    assert load_state(data[:-5], segment=3) is None
    assert load_state(b"", segment=3) is None


def test_windows_hold_whole_frames_and_whole_beacons() -> None:
    with pytest.raises(ValueError, match="whole frames of 7"):
        replace(READER, tokens_per_frame=7)
    with pytest.raises(ValueError, match="more than a window"):
        READER.model.extend(READER.model.begin((1,)), toys.features(5).flatten(0, 1))
