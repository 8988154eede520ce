"""FramePack and Wan as engines: what they draw between keys, keep for later, refuse and say aloud."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.framepack.videos import SIZE, Video, painted, planned
from engines.toys import Memory
from pipelines.conftest import Toonctl
from pipelines.toykeys import BARE, jumping, packed
from pipelines.toyshot import delivered, differing, frame
from toonctl.core.errors import CheckpointError, EngineError, OutOfMemory
from toonctl.engines import load, needs_cuda
from toonctl.engines.base import DrawnInbetween
from toonctl.engines.inbetween import _stages, framepack, wan_flf2v
from toonctl.formats.png import read_picture
from toonctl.models.registry import entries

NAMES = ["framepack", "wan-flf2v"]
MODULES = {"framepack": framepack, "wan-flf2v": wan_flf2v}
KEYS = [{"A": painted(20)}, {"A": painted(44)}]


@pytest.fixture(params=NAMES)
def video(request: pytest.FixtureRequest, videos: dict[str, Video]) -> Video:
    return videos[request.param]


@dataclass(frozen=True)
class Usual:
    """What an engine draws between `KEYS`, and what it kept of that."""

    drawn: Mapping[str, DrawnInbetween]
    state: Memory


@pytest.fixture(scope="module")
def all_usual(videos: dict[str, Video]) -> dict[str, Usual]:
    states = {name: Memory() for name in NAMES}
    return {name: Usual(videos[name].draw(KEYS, state=states[name]), states[name]) for name in NAMES}


@pytest.fixture
def usual(video: Video, all_usual: dict[str, Usual]) -> Usual:
    return all_usual[video.name]


def test_what_lies_between_is_drawn(usual: Usual) -> None:
    drawn = usual.drawn
    assert list(drawn) == ["A0+0.25", "A0+0.5", "A0+0.75"]
    pictures = [each.picture for each in drawn.values()]
    assert {picture.shape for picture in pictures} == {(SIZE[1], SIZE[0], 4)}
    assert all((picture[..., 3] == 255).all() for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert not any(each.fell_back or each.paint is not None for each in drawn.values())


@pytest.mark.parametrize("changes", [{"seed": 1}, {"prompt": "a cup"}, {"guidance": 3.0}])
def test_seed_words_and_guidance_decide(video: Video, usual: Usual, changes: dict[str, object]) -> None:
    state = Memory(dict(usual.state.kept))
    moved = video.draw(KEYS, state=state, **changes)
    assert (moved["A0+0.5"].picture != usual.drawn["A0+0.5"].picture).any()


def test_both_keys_are_looked_at_unless_upstream_is_asked_for(
    videos: dict[str, Video], all_usual: dict[str, Usual]
) -> None:
    usual = all_usual["framepack"]
    state = Memory(dict(usual.state.kept))
    upstream = videos["framepack"].draw(KEYS, state=state, compat="upstream")
    assert (upstream["A0+0.5"].picture != usual.drawn["A0+0.5"].picture).any()


def test_a_part_is_that_of_the_whole(video: Video, usual: Usual) -> None:
    part = video.draw(KEYS, wanted=planned(KEYS)[1:2])
    assert list(part) == ["A0+0.5"]
    assert (part["A0+0.5"].picture == usual.drawn["A0+0.5"].picture).all()


def test_what_was_drawn_is_not_drawn_again(
    video: Video, usual: Usual, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = MODULES[video.name]

    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("loaded again")

    monkeypatch.setattr(module.published if video.name == "framepack" else module, "load_transformer", refuse)
    again = video.draw(KEYS, state=usual.state)
    assert all((again[name].picture == each.picture).all() for name, each in usual.drawn.items())


def test_networks_are_read_once_for_all_clips(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    module = MODULES[video.name]
    holder = module.published if video.name == "framepack" else module
    counts: dict[str, int] = {}

    def counted(name: str) -> None:
        usual = getattr(holder, name)

        def load(*args: object, **options: object) -> torch.nn.Module:
            counts[name] = counts.get(name, 0) + 1
            return usual(*args, **options)

        monkeypatch.setattr(holder, name, load)

    names = [name for name in vars(holder) if name.startswith("load_") and name != "load_files"]
    for name in names:
        counted(name)
    three = [*KEYS, {"A": painted(30)}]
    assert len(video.draw(three)) == 6
    assert counts == dict.fromkeys(names, 1)


def test_a_run_stopped_between_sections_goes_on(
    videos: dict[str, Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, state = videos["framepack"], Memory()
    whole = video.draw(KEYS, sections=2)
    put = state.put

    def until_second(name: str, data: bytes) -> None:
        if name.startswith("section-1"):
            raise KeyboardInterrupt
        put(name, data)

    monkeypatch.setattr(state, "put", until_second)
    with pytest.raises(KeyboardInterrupt):
        video.draw(KEYS, state=state, sections=2)
    assert sum(name.startswith("section-") for name in state.kept) == 1
    monkeypatch.setattr(state, "put", put)
    resumed = video.draw(KEYS, state=state, sections=2)
    assert all((resumed[name].picture == whole[name].picture).all() for name in whole)
    assert sum(name.startswith("section-") for name in state.kept) == 2


def test_equal_and_lone_keys_are_held(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULES[video.name], "with_network", None)  # nothing is to be drawn at all
    one = painted(20, is_opaque=False)
    drawn = video.draw([{"A": one, "B": one}, {"A": one}])
    assert (drawn["A0+0.5"].picture == one).all()
    assert not drawn["A0+0.5"].fell_back
    assert (drawn["B0+0.25"].picture == one).all()
    assert not drawn["B0+0.75"].picture.any()
    assert drawn["B0+0.75"].fell_back[0].how == "held: the layer is in one key only"


def test_layers_are_drawn_each_for_itself_with_one_seed(video: Video, usual: Usual) -> None:
    keys = [{"A": painted(20), "B": painted(40)}, {"A": painted(44), "B": painted(30)}]
    both = video.draw(keys)
    assert (both["A0+0.5"].picture == usual.drawn["A0+0.5"].picture).all()
    assert (both["A0+0.5"].picture != both["B0+0.5"].picture).any()


def test_running_out_of_memory_goes_down_the_plans(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    usual = _stages.place
    seen: list[str] = []

    def place(module: torch.nn.Module, plan: object, *args: object, **options: object) -> torch.nn.Module:
        seen.append(str(plan))
        if "transformer" in type(module).__name__.lower() and str(plan) == "resident":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(module, plan, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(_stages, "place", place)
    drawn = video.draw(KEYS, tell=told.append)
    assert len(drawn) == 3
    assert any("memory plan `resident` ran out of memory; going on with" in text for text in told)
    assert seen[-1] == "int8"
    monkeypatch.setattr(_stages, "place", _always_full)
    with pytest.raises(OutOfMemory, match="under every memory plan"):
        video.draw(KEYS)


def _always_full(*_args: object, **_options: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_tiles_are_told_and_whole_is_kept_to(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    module = MODULES[video.name]
    name = "decode_film" if video.name == "framepack" else "decode"
    usual, told, calls = getattr(module, name), [], [0]

    def full_at_first(*args: object, **options: object) -> torch.Tensor:
        calls[0] += 1
        if calls[0] == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(*args, **options)

    monkeypatch.setattr(module, name, full_at_first)
    assert len(video.draw(KEYS, tell=told.append)) == 3
    assert told == ["the film does not fit the card in one piece; it is decoded in tiles"]
    calls[0] = 0
    with pytest.raises(OutOfMemory, match="decoded"):
        video.draw(KEYS, decode="whole", seed=3)


def test_pictures_for_packing_come_at_their_own_size(video: Video) -> None:
    engine = load("inbetween", video.name).Engine()
    canvas = engine.canvas(video.options())
    assert canvas.sizes == ((64, 48),)
    everything = engine.canvas(video.options(width=None, height=None))
    assert all(width % 16 == 0 and height % 16 == 0 for width, height in everything.sizes)
    assert everything.multiple == 16
    first, last = (painted(x)[..., :3] for x in (20, 44))
    drawn = engine.pictures(video.options(), Memory()).between(first, last, [0.5], prompt="", seed=0)
    assert [picture.shape for picture in drawn] == [(48, 64, 3)]
    larger = [np.repeat(np.repeat(picture, 2, 0), 2, 1)[:90] for picture in (first, last)]
    fitted = engine.pictures(video.options(), Memory()).between(*larger, [0.5], prompt="", seed=0)
    assert fitted[0].shape == larger[0].shape


@pytest.mark.parametrize(
    ("name", "picture", "drawn"),
    [
        ("framepack", (1920, 1080), (832, 480)),
        ("framepack", (832, 480), (832, 480)),
        ("framepack", (1080, 1920), (480, 832)),
        ("framepack", (1600, 1200), (704, 544)),
        ("framepack", (160, 96), (832, 480)),
        ("wan-flf2v", (1920, 1080), (1280, 720)),
        ("wan-flf2v", (1000, 1000), (960, 960)),
        ("wan-flf2v", (1280, 720), (1280, 720)),
    ],
)
def test_pictures_are_drawn_at_trained_sizes(
    videos: dict[str, Video], name: str, picture: tuple[int, int], drawn: tuple[int, int]
) -> None:
    options = videos[name].options(width=None, height=None)
    kind = framepack.FramepackOptions if name == "framepack" else wan_flf2v.WanOptions
    assert kind.of(options).size_for(picture) == drawn


def test_too_few_frames_are_told(videos: dict[str, Video]) -> None:
    told: list[str] = []
    engine = videos["wan-flf2v"]
    pictures = (
        load("inbetween", engine.name)
        .Engine()
        .pictures(engine.options(clip_frames=5), Memory(), tell=told.append)
    )
    first, last = (painted(x)[..., :3] for x in (20, 44))
    drawn = pictures.between(first, last, [0.2, 0.3, 0.5, 0.7], prompt="", seed=0)
    assert (drawn[0] == drawn[1]).all()
    assert told == ["4 drawings lie between two keys, and the clip has 3 pictures for them: some are held"]


def test_every_role_is_registered(video: Video) -> None:
    assert {row.role for row in entries(video.name)} == set(MODULES[video.name].ROLES)


def test_facts_name_all_weights(video: Video) -> None:
    engine = load("inbetween", video.name).Engine()
    facts = engine.facts(video.options())
    assert (facts.dtype, facts.device) == ("float32", "cpu")
    assert len(facts.weights) == len(MODULES[video.name].ROLES)
    assert needs_cuda("inbetween", video.name)
    with pytest.raises(EngineError, match="no CUDA device"):
        engine.facts(video.options(device="cuda"))


def test_missing_weights_say_what_where_and_how(video: Video) -> None:
    with pytest.raises(CheckpointError) as caught:
        load("inbetween", video.name).Engine().facts(video.options(weights={}))
    [problem] = caught.value.problems
    assert video.name in problem.what
    assert problem.where
    assert f"toonctl models fetch {video.name}" in (problem.hint or "")


PACKABLE = {"framepack": ("transformer", "text", "vision"), "wan-flf2v": ("base", "text", "vision")}


def test_quantized_folders_are_read_back(
    video: Video, usual: Usual, tmp_path: Path, toonctl: Toonctl
) -> None:
    given = dict(video.small["weights"])
    for role in PACKABLE[video.name]:
        toonctl("quantize", given[role], tmp_path / role, "--to", "int8")
        assert "int8" in (tmp_path / role / "config.json").read_text("utf-8")
        given[role] = str(tmp_path / role)
    drawn = video.draw(KEYS, weights=given)
    for name, each in usual.drawn.items():
        apart = np.abs(drawn[name].picture.astype(int) - each.picture)
        assert 0 < apart.mean() < 8


def test_keys_of_two_sizes_are_refused(video: Video) -> None:
    with pytest.raises(EngineError, match="differ in size: 64x48 and 64x32"):
        video.draw([KEYS[0], {"A": KEYS[1]["A"][:32]}])


def test_an_unknown_backend_is_refused(video: Video) -> None:
    with pytest.raises(EngineError, match="abacus"):
        video.draw(KEYS, attention="abacus")


def test_the_command_draws_in_chunks_as_in_one(video: Video, tmp_path: Path, toonctl: Toonctl) -> None:
    small = video.toml.replace("width = 64\nheight = 48", "width = 48\nheight = 32")
    path = jumping(tmp_path, more=small)
    toonctl("inbetween", path, "--out", tmp_path / "whole")
    root = tmp_path / "whole/jump"
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["engine"]["name"] == video.name
    assert manifest["engine"]["device"] == "cpu"
    assert {weight["file"].split(":")[0] for weight in manifest["engine"]["weights"]} == set(
        MODULES[video.name].ROLES
    )
    for number in (1, 5, 9):
        assert (frame(root, number) == read_picture(tmp_path / f"keys/jump.{number:04d}.png")).all()
    assert len({frame(root, number).tobytes() for number in range(1, 10)}) == 9
    for frames in ("4-9", "1-3"):
        toonctl("inbetween", path, "--out", tmp_path / "parts", "--frames", frames)
    toonctl("deliver", path, "--out", tmp_path / "parts")
    assert differing(delivered(tmp_path / "parts/jump"), delivered(root)) == []


def test_layers_are_packed_into_one_picture(video: Video, tmp_path: Path, toonctl: Toonctl) -> None:
    path = packed(tmp_path, output=f"{BARE}{video.toml}least_lines = 16\n")
    toonctl("layerpack", path, "--out", tmp_path / "out")
    root = tmp_path / "out/cup"
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["engine"]["name"] == video.name
    for layer in ("A", "B"):
        assert (frame(root, 1, layer) == read_picture(tmp_path / f"{layer}.0001.png")).all()
        assert len({frame(root, number, layer).tobytes() for number in range(1, 7)}) == 6
    assert len({frame(root, number, "BG").tobytes() for number in range(1, 7)}) == 1


def test_the_command_without_weights_ends_with_three_lines(
    video: Video, tmp_path: Path, toonctl: Toonctl
) -> None:
    path = jumping(tmp_path, more=f'[engine]\nname = "{video.name}"\ndevice = "cpu"\n')
    said = toonctl("inbetween", path, "--out", tmp_path / "out", code=6).stderr
    assert f"toonctl models fetch {video.name}" in said
    assert not (tmp_path / "out/jump/frames").exists()
