"""`compat = "upstream"`: the published run's draws, sketches, texts and memory; the default beside it."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from engines.longanimation.layer import SEGMENT, Memory, options, painted, request
from toonctl.core.errors import EngineError
from toonctl.engines.longanimation import film as film_module
from toonctl.engines.longanimation.networks import Networks
from toonctl.engines.longanimation.options import FilmOptions
from toonctl.engines.longanimation.program import Program, program_of
from toonctl.models.longanimation.film import PreparedSegment, draw_segment

N = SEGMENT + 9
"""Frames of two published segments, of which none is lost."""


def program(n: int, **changes: Any) -> Program:
    chosen = options({}, **changes)
    return program_of(request(n, chosen), FilmOptions.of(chosen))


def sampled(weights: Mapping[str, str], patch: pytest.MonkeyPatch, **changes: Any) -> list[PreparedSegment]:
    """What each segment of a film of `N` frames was sampled from."""
    seen: list[PreparedSegment] = []

    def watch(*args: Any, **named: Any) -> Any:
        prepared: PreparedSegment = named["prepared"]
        seen.append(prepared)
        return draw_segment(*args, **named)

    patch.setattr(film_module, "draw_segment", watch)
    painted(request(N, options(weights, steps=2, **changes)))
    return seen


@pytest.fixture(scope="module")
def published(weights: Mapping[str, str]) -> list[PreparedSegment]:
    with pytest.MonkeyPatch.context() as patch:
        return sampled(weights, patch, compat="upstream", seed=5)


@pytest.fixture(scope="module")
def ours(weights: Mapping[str, str]) -> list[PreparedSegment]:
    with pytest.MonkeyPatch.context() as patch:
        return sampled(weights, patch, seed=5)


def test_the_reference_is_drawn_first_then_the_noise(published: list[PreparedSegment]) -> None:
    generator = torch.Generator().manual_seed(5)
    torch.randn(1, 16, 1, 4, 6, generator=generator)  # the reference's latents are a sample
    noise = torch.randn(1, 8, 16, 4, 6, generator=generator)
    for segment in published:
        assert torch.equal(segment.noise, noise)
        assert torch.equal(segment.reference, published[0].reference)


def test_texts_grow_there_and_stay_here(
    published: list[PreparedSegment], ours: list[PreparedSegment]
) -> None:
    assert not torch.equal(published[0].texts[1], published[1].texts[1])
    assert torch.equal(published[0].texts[1], ours[0].texts[1])
    assert torch.equal(ours[0].texts[1], ours[1].texts[1])


def test_sketches_are_extracted_there_and_the_artists_own_here(
    published: list[PreparedSegment], ours: list[PreparedSegment]
) -> None:
    assert not torch.allclose(published[0].sketch, ours[0].sketch, atol=0.1)
    # Later segments stand beside their own first sketch; the first beside the reference's.
    for film in (published, ours):
        assert not torch.equal(film[1].front_sketch, film[0].front_sketch)


def test_both_ways_count_frames_their_own_way() -> None:
    assert [list(frames) for frames in program(N, compat="upstream").given] == [
        list(range(0, 17)),
        list(range(17, N)),
    ]
    here = program(N)
    assert [frame for frames in here.given for frame in frames] == list(range(N))
    assert [segment.start for segment in here.segments] == [0, 8, 12]


@pytest.mark.parametrize("n", [3, SEGMENT - 1, SEGMENT + 1, N + 8])
def test_lengths_that_lose_frames_are_refused(n: int) -> None:
    with pytest.raises(EngineError, match="would lose frames"):
        program(n, compat="upstream")


@pytest.mark.slow
def test_a_past_beyond_the_budget_is_read_again_evenly(
    weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    from toonctl.models.longanimation.memory import FilmReader

    memory = FilmReader.memory

    def count(self: FilmReader, reading: Any) -> Any:
        read.append(reading.n_frames)
        return memory(self, reading)

    monkeypatch.setattr(FilmReader, "memory", count)
    chosen = options(weights, steps=2, compat="upstream") | {"budget_frames": 20}
    state = Memory()
    painted(request(N + 9, chosen, state=state))
    assert read == [16, 20]  # 25 frames were painted by then
    assert "features_1.safetensors" in state.kept


def test_the_reader_asks_what_it_was_trained_beside(weights: Mapping[str, str]) -> None:
    networks = Networks(FilmOptions.of(options(weights)), torch.device("cpu"))
    prompt = networks.reader().prompt
    start = 257  # `<|im_start|>` of the toy vocabulary, whose other tokens are bytes
    assert prompt.prefix[0] == start
    assert prompt.prefix.count(start) == 2
    assert prompt.suffix.count(start) == 1
    assert len(prompt.suffix) == len("\nCan you describe the scene and color in anime?\nassistant\n") + 2
