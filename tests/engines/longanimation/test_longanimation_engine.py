"""The engine on toy networks of the published layout: films whole, in parts, resumed, and short of memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from engines.longanimation.layer import SEGMENT, Memory, options, painted, request
from toonctl.core.errors import EngineError, OutOfMemory
from toonctl.core.types import Pixels
from toonctl.engines.base import FilmEngine
from toonctl.engines.colorize_long.longanimation import Engine
from toonctl.engines.longanimation import film as film_module
from toonctl.engines.longanimation.networks import Networks
from toonctl.engines.longanimation.options import FilmOptions
from toonctl.models.longanimation import published
from toonctl.models.longanimation.film import draw_segment

N = SEGMENT + 5
"""Drawings of the toy film: two segments, the second of which stands 8 frames after the first."""

Film = Mapping[str, Pixels]


@pytest.fixture(scope="module")
def whole(weights: Mapping[str, str]) -> tuple[Film, Memory]:
    """The toy film, and what its engine left on disk."""
    memory = Memory()
    return painted(request(N, options(weights), state=memory)), memory


def same(found: Film, wanted: Film) -> bool:
    return found.keys() == wanted.keys() and all((found[name] == wanted[name]).all() for name in found)


def test_every_drawing_is_painted_once_at_full_size(whole: tuple[Film, Memory]) -> None:
    pictures, memory = whole
    assert list(pictures) == [str(number) for number in range(1, N + 1)]
    assert {picture.shape for picture in pictures.values()} == {(96, 160, 3)}
    assert len({picture.tobytes() for picture in pictures.values()}) == N
    assert {"memory_0.safetensors", "latents_0.safetensors", "latents_1.safetensors"} <= memory.kept.keys()
    assert "memory_1.safetensors" not in memory.kept  # nothing comes after


def test_it_is_a_film_engine() -> None:
    assert isinstance(Engine(), FilmEngine)


def test_a_later_part_needs_only_the_state(whole: tuple[Film, Memory], weights: Mapping[str, str]) -> None:
    pictures, memory = whole
    left = {name: data for name, data in memory.kept.items() if not name.startswith("latents")}
    part = frozenset(str(number) for number in range(N - 3, N + 1))
    state = Memory(dict(left))
    found = painted(request(N, options(weights), wanted=part, state=state))
    assert found.keys() == part
    assert same(found, {name: pictures[name] for name in found})
    assert state.puts == ["latents_1.safetensors"]


def test_a_later_part_without_state_paints_what_comes_before_it(
    whole: tuple[Film, Memory], weights: Mapping[str, str]
) -> None:
    pictures, _ = whole
    state = Memory()
    found = painted(request(N, options(weights), wanted=frozenset({str(N)}), state=state))
    assert same(found, {str(N): pictures[str(N)]})
    assert "memory_0.safetensors" in state.puts


def test_sampled_segments_are_not_sampled_again(
    whole: tuple[Film, Memory], weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, memory = whole
    monkeypatch.setattr(film_module, "draw_segment", _must_not_be_called)
    assert same(painted(request(N, options(weights), state=Memory(dict(memory.kept)))), pictures)


def _must_not_be_called(*_args: object, **_named: object) -> None:
    raise AssertionError("sampled again")


def test_every_network_is_read_once_for_all_segments(
    weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("text_encoder", "coder", "base", "sketch_dit", "dglm", "frame_reader", "language_model")
    read: list[str] = []

    def noting(name: str, load: Any) -> Any:
        def noted(*args: Any, **named: Any) -> Any:
            read.append(name)
            return load(*args, **named)

        return noted

    for name in names:
        load = f"load_{name}"
        monkeypatch.setattr(published, load, noting(name, getattr(published, load)))
    memory = Memory()
    assert len(painted(request(N, options(weights, steps=2), state=memory))) == N
    assert {"latents_0.safetensors", "latents_1.safetensors"} <= memory.kept.keys()
    assert sorted(read) == sorted(names)


def test_broken_state_is_made_again(whole: tuple[Film, Memory], weights: Mapping[str, str]) -> None:
    pictures, memory = whole
    half = {name: data[: len(data) // 2] for name, data in memory.kept.items()}
    assert same(painted(request(N, options(weights), state=Memory(half))), pictures)


def test_a_late_stop_drops_the_segment_in_hand_and_the_next_run_goes_on(
    whole: tuple[Film, Memory], weights: Mapping[str, str]
) -> None:
    pictures, _ = whole
    memory = Memory()

    def is_late() -> bool:
        return "memory_0.safetensors" in memory.kept

    first = painted(request(N, options(weights), state=memory, is_late=is_late))
    assert 0 < len(first) < N
    rest = frozenset(pictures) - frozenset(first)
    second = painted(request(N, options(weights), state=memory, wanted=rest))
    assert same({**first, **second}, pictures)


def test_a_film_shorter_than_a_segment(weights: Mapping[str, str]) -> None:
    state = Memory()
    assert len(painted(request(3, options(weights), state=state))) == 3
    assert not [name for name in state.kept if name.startswith("memory")]


def test_a_held_drawing_is_painted_once(weights: Mapping[str, str]) -> None:
    asked = request(4, options(weights))
    held = replace(asked, exposure=("1", "1", "2", None, "3", "2", "4"))
    assert same(painted(held), painted(request(4, options(weights))))


def test_options_matter(weights: Mapping[str, str]) -> None:
    changes: list[dict[str, Any]] = [{}, {"seed": 1}, {"guidance": 1.0}, {"dynamic_guidance": True}]
    found = [
        painted(request(SEGMENT, options(weights, steps=2, **change), wanted=frozenset({"1"})))
        for change in changes
    ]
    assert len({film["1"].tobytes() for film in found}) == len(changes)


@pytest.mark.slow
def test_text_lines_and_reference_matter(weights: Mapping[str, str]) -> None:
    asked = request(2, options(weights, steps=2), wanted=frozenset({"1"}))
    night = replace(asked.references[0], picture=255 - asked.references[0].picture)
    films = [
        painted(replace(asked, state=Memory(), **change))
        for change in (
            {},
            {"prompt": "the, high"},
            {"loader": lambda _name: asked.loader("2")},
            {"references": (night,)},
        )
    ]
    assert len({film["1"].tobytes() for film in films}) == len(films)


def test_where_and_how_it_computes_changes_no_picture(
    whole: tuple[Film, Memory], weights: Mapping[str, str]
) -> None:
    pictures, _ = whole
    change = {"halves": "together", "memory": "streamed", "attention": "math"}
    found = painted(request(N, options(weights, **change), wanted=frozenset({"1", str(N)})))
    for name, picture in found.items():
        assert np.abs(picture.astype(int) - pictures[name]).max() <= 1


def test_out_of_memory_goes_down_the_plans_and_says_so(
    weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def narrow(*args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return draw_segment(*args, **named)

    monkeypatch.setattr(film_module, "draw_segment", narrow)
    told: list[str] = []
    asked = request(2, options(weights, steps=2), tell=told.append)
    assert len(painted(asked)) == 2
    assert len(told) == 1
    assert "`resident`" in told[0]
    assert "`int8`" in told[0]


def test_out_of_memory_to_the_end_is_said(
    weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(film_module, "draw_segment", full)
    told: list[str] = []
    with pytest.raises(OutOfMemory, match="every memory plan"):
        painted(request(2, options(weights, steps=2), tell=told.append))
    assert told


def test_a_full_card_while_decoding_goes_on_in_tiles(
    whole: tuple[Film, Memory], weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, memory = whole
    tried: list[bool] = []
    load = Networks.coder

    def coder(self: Networks) -> Any:
        found = load(self)
        tried.append(bool(found.vae.use_tiling))
        if not found.vae.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return found

    monkeypatch.setattr(Networks, "coder", coder)
    told: list[str] = []
    asked = request(N, options(weights, tiled=False), state=Memory(dict(memory.kept)), tell=told.append)
    assert len(painted(asked)) == N
    assert tried[0] is False
    assert all(tried[1:])
    assert len(told) == 1
    assert "in tiles" in told[0]


@pytest.mark.slow
def test_a_past_that_is_gone_is_said(
    whole: tuple[Film, Memory], weights: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(Memory):
        def put(self, name: str, data: bytes) -> None:
            if not name.startswith("memory"):
                super().put(name, data)

    with pytest.raises(EngineError, match="gone"):
        painted(request(N, options(weights, steps=2), state=Forgetful()))


def test_roles_by_what_is_there(weights: Mapping[str, str]) -> None:
    cpu = torch.device("cpu")
    plain = Networks(FilmOptions.of(options(weights)), cpu).roles()
    assert not {"lines", "vision"} & set(plain)  # the toy shards hold their own tower
    published = Networks(FilmOptions.of(options(weights, compat="upstream")), cpu).roles()
    assert set(published) == {*plain, "lines"}
