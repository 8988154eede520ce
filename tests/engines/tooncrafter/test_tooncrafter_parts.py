"""ToonCrafter's parts on the toy network: tiles, adapters, colors, memory plans, pictures kept on disk."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor

from artkit import ball, cup, sky
from engines.tooncrafter.toycrafter import SIZES
from engines.toys import Memory
from toonctl.core.errors import CheckpointError, EngineError, OutOfMemory
from toonctl.core.types import Pixels
from toonctl.engines.diffusion.plans import Plan
from toonctl.engines.inbetween.tooncrafter import Engine
from toonctl.engines.tooncrafter.clips import ClipDrawer, ClipJob, match_colors
from toonctl.engines.tooncrafter.networks import Networks
from toonctl.engines.tooncrafter.options import Options
from toonctl.engines.tooncrafter.spans import Studio, canvas
from toonctl.engines.tooncrafter.windows import plan_span
from toonctl.formats.compositing import blend_over
from toonctl.models.tooncrafter.lora import (
    LoraParams,
    LoraTargets,
    adapter_config,
    add_lora,
    lora_parameters,
    lora_targets,
    lora_tensors,
    merge_lora,
    set_lora_scale,
)
from toonctl.models.tooncrafter.sampler import Contexts
from toonctl.models.tooncrafter.tiles import Tile, blended, lay_tiles, tiled_velocity
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.window import for_frames
from toonctl.spec.engine_tooncrafter import ToonCrafter

CPU = torch.device("cpu")


def values(model: Path, **changes: Any) -> dict[str, Any]:
    toy = {"device": "cpu", "width": 48, "height": 32, "steps": 2, "weights": {"model": str(model)}}
    return ToonCrafter.model_validate({**toy, **changes}).model_dump()


def key(x: float) -> Pixels:
    """RGB `[32, 48, 3]`."""
    figure = (cup(30, 14, 12, size=(48, 32)) + ball(x, 12, 8, size=(48, 32))).painted
    return np.ascontiguousarray(blend_over(sky((48, 32)), figure)[..., :3])


def silent(_part: str, _beside: Tensor) -> Callable[[object], None]:
    return lambda _step: None


JOB = ClipJob(key(10), key(36), 4, 1.0, "a ball rolls", 5)


@pytest.fixture(scope="module")
def networks(weights: Path) -> Networks:
    return Networks(Options.of(values(weights)), CPU, Plan.RESIDENT)


def test_tiles_cover_a_plane_and_blend_into_it() -> None:
    plane = torch.randn(1, 2, 3, 13, 21)
    tiles = lay_tiles((13, 21), (6, 8), 2)
    assert {(t.top + t.height) for t in tiles} >= {6, 13}
    assert min(t.top for t in tiles) == min(t.left for t in tiles) == 0
    whole = blended(((tile, tile.of(plane)) for tile in tiles), (13, 21), overlap=2)
    assert torch.allclose(whole, plane, atol=1e-6)
    large = plane.repeat_interleave(4, -1).repeat_interleave(4, -2)
    parts = ((tile, tile.of(large, 4)) for tile in tiles)
    assert torch.allclose(blended(parts, (13, 21), overlap=2, scale=4), large, atol=1e-6)
    # Where two tiles differ they pass into each other without a step.
    left, right = Tile(0, 0, 6, 8), Tile(0, 4, 6, 8)
    ramp = blended([(left, torch.zeros(6, 8)), (right, torch.ones(6, 8))], (6, 12), overlap=4)[0]
    assert float(ramp[3]) == 0.0
    assert float(ramp[8]) == 1.0
    assert float(ramp.diff().max()) < 0.3
    for size, tile, overlap in (((5, 9), (6, 8), 2), ((9, 9), (4, 4), 4)):
        with pytest.raises(ValueError, match="tiles"):
            lay_tiles(size, tile, overlap)


def test_a_tile_over_everything_is_the_plane_itself() -> None:
    latents, timestep = torch.randn(1, 4, 3, 4, 6), torch.tensor([7])
    said = tiled_velocity([(Tile(0, 0, 4, 6), lambda x, t: 2 * x + t)], (4, 6), overlap=2)(latents, timestep)
    assert torch.allclose(said, 2 * latents + 7, atol=1e-5)


def test_a_shorter_window_gives_every_frame_the_tokens_nearest_to_it() -> None:
    tokens = torch.arange(4.0).repeat_interleave(16).expand(1, -1)[..., None]
    context = torch.cat([torch.full((1, 77, 1), -1.0), tokens], 1)
    fitted = for_frames(Contexts(context, context), 3)
    assert fitted.image_only is None
    assert torch.equal(fitted.full[0, :77, 0], context[0, :77, 0])
    assert fitted.full[0, 77::16, 0].tolist() == [0.0, 2.0, 3.0]
    assert torch.equal(for_frames(Contexts(context), 4).full, context)


def test_colors_are_taken_back_to_the_keys_within_what_is_drift() -> None:
    frames = np.stack([key(x) for x in (10, 20, 28, 36)])
    faded = np.clip(frames * 0.9 + 12, 0, 255).round().astype(np.uint8)
    mended = match_colors(faded, (frames[0], frames[-1]))
    assert np.abs(mended.astype(int) - frames).max() <= 2
    inverted = match_colors(255 - frames, (frames[0], frames[-1]))
    assert np.abs(inverted.astype(int) - frames).mean() > 30


def test_a_merged_adapter_says_what_peft_says(weights: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    bare, adapted = (Networks(Options.of(values(weights)), CPU, Plan.RESIDENT).unet for _ in range(2))
    params = LoraParams(lora_targets(adapted, LoraTargets.SPATIAL), rank=4, alpha=8, dropout=0.0)
    add_lora(adapted, params)
    for parameter in lora_parameters(adapted).values():
        parameter.data = 0.2 * torch.randn(parameter.shape)
    write_adapter(tmp_path / "adapter", adapted, params)
    seen = (torch.randn(1, 8, 4, 4, 6), torch.tensor([500]), torch.randn(1, 77 + 64, 32))
    for scale in (0.0, 0.4):
        set_lora_scale(adapted.eval(), scale)
        given = {"model": str(weights), "lora": str(tmp_path / "adapter")}
        options = Options.of(values(weights, weights=given, lora_scale=scale))
        merged = Networks(options, CPU, Plan.RESIDENT).unet
        with torch.no_grad():
            assert torch.allclose(merged(*seen), adapted(*seen), atol=2e-5)
            assert torch.allclose(merged(*seen), bare(*seen), atol=2e-5) == (scale == 0)


def write_adapter(folder: Path, unet: UNet, params: LoraParams) -> None:
    folder.mkdir()
    tensors = {f"base_model.model.{name}": t.contiguous() for name, t in lora_tensors(unet).items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(adapter_config(params, "model.ckpt")))


def test_a_student_draws_with_the_rest_of_its_teacher(weights: Path, tmp_path: Path) -> None:
    params = replace(SIZES.unet, model_channels=64, head_dim=32)
    torch.manual_seed(1)
    tensors = {f"model.diffusion_model.{name}": tensor for name, tensor in UNet(params).state_dict().items()}
    card = {"toonctl.params": replace(SIZES, unet=params).to_json()}
    save_file(tensors, tmp_path / "student.safetensors", card)
    given = {"model": str(weights), "student": str(tmp_path / "student.safetensors")}
    options = Options.of(values(weights, weights=given))
    small = Networks(options, CPU, Plan.RESIDENT)
    assert small.unet.params == params
    assert ClipDrawer(small, options).draw(JOB, silent).shape == (4, 32, 48, 3)
    alone = Options.of(values(weights, weights={"model": given["student"]}))
    with pytest.raises(CheckpointError, match="does not fit"):
        Networks(alone, CPU, Plan.RESIDENT)


def test_other_adapters_are_refused(networks: Networks, weights: Path, tmp_path: Path) -> None:
    a, b = torch.zeros(4, 32), torch.zeros(32, 4)
    for tensors in (
        {},
        {"to_q.lora_A.weight": a, "to_q.lora_B.weight": b},
        {"time_embed.0.lora_A.weight": a},
    ):
        with pytest.raises(CheckpointError, match="not the denoiser's"):
            merge_lora(networks.unet, tensors, alpha=4, scale=1, name="other")
    given = {"model": str(weights), "lora": str(tmp_path)}
    with pytest.raises(CheckpointError, match="holds no adapter"):
        Networks(Options.of(values(weights, weights=given)), CPU, Plan.RESIDENT)
    (tmp_path / "adapter_config.json").write_text('{"use_dora": true, "lora_alpha": 4}')
    with pytest.raises(CheckpointError, match="use_dora"):
        Networks(Options.of(values(weights, weights=given)), CPU, Plan.RESIDENT)


def test_the_same_job_gives_the_same_frames(networks: Networks, weights: Path) -> None:
    drawer = ClipDrawer(networks, Options.of(values(weights)))
    frames = drawer.draw(JOB, silent)
    assert frames.shape == (4, 32, 48, 3)
    assert np.array_equal(frames, drawer.draw(JOB, silent))
    other = ClipJob(JOB.first, JOB.last, 4, 1.0, JOB.prompt, 6)
    assert not np.array_equal(frames, drawer.draw(other, silent))


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "something else"},
        {"share": 0.25},
        {"n_frames": 3},
    ],
)
def test_words_motion_and_length_reach_the_network(
    networks: Networks, weights: Path, changes: Mapping[str, Any]
) -> None:
    facts = {
        "first": JOB.first,
        "last": JOB.last,
        "n_frames": 4,
        "share": 1.0,
        "prompt": JOB.prompt,
        "seed": 5,
    }
    drawer = ClipDrawer(networks, Options.of(values(weights)))
    frames = drawer.draw(ClipJob(**{**facts, **changes}), silent)
    assert len(frames) == changes.get("n_frames", 4)
    assert not np.array_equal(frames[1], drawer.draw(JOB, silent)[1])


def test_unguided_steps_cost_one_pass(networks: Networks, weights: Path) -> None:
    passes: list[int] = []
    hook = networks.unet.register_forward_hook(lambda *_: passes.append(1))
    for share, wanted in ((1.0, 8), (0.5, 6)):
        passes.clear()
        options = Options.of(values(weights, steps=4, guided_share=share))
        ClipDrawer(networks, options).draw(JOB, silent)
        assert len(passes) == wanted
    hook.remove()


def test_tiles_keep_what_the_small_picture_says_and_what_keys_show(networks: Networks, weights: Path) -> None:
    large = ClipJob(
        JOB.first.repeat(2, 0).repeat(2, 1), JOB.last.repeat(2, 0).repeat(2, 1), 4, 1.0, JOB.prompt, 5
    )
    options = Options.of(values(weights, detail="tiled", overlap_px=16, redraw=0.5))
    seen: list[str] = []

    def watch(part: str, beside: Tensor) -> Callable[[object], None]:
        seen.append(f"{part} {tuple(beside.shape[-2:])}")
        return lambda _step: None

    frames = ClipDrawer(networks, options).draw(large, watch)
    assert frames.shape == (4, 64, 96, 3)
    assert seen == ["whole (4, 6)", "tiles (8, 12)"]


def test_a_full_card_takes_the_next_memory_plan(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    draw, tried = ClipDrawer.draw, list[Plan]()

    def full_at_first(self: ClipDrawer, job: ClipJob, watch: Any) -> Pixels:
        tried.append(Plan.RESIDENT)
        if len(tried) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return draw(self, job, watch)

    monkeypatch.setattr(ClipDrawer, "draw", full_at_first)
    studio = Studio(Options.of(values(weights)), told.append)
    frames = studio.draw(JOB, silent)
    assert frames.shape == (4, 32, 48, 3)
    assert len(told) == 1
    assert "`resident`" in told[0]
    assert "`int8`" in told[0]
    studio.draw(JOB, silent)
    assert len(tried) == 3  # the plan that held is kept
    monkeypatch.setattr(ClipDrawer, "draw", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(OutOfMemory, match="every memory plan"):
        studio.draw(JOB, silent)
    assert all("nf4" not in text for text in told)


@pytest.mark.parametrize("memory", ["streamed", "int8"])
def test_smaller_memory_plans_draw_the_same_picture(networks: Networks, weights: Path, memory: str) -> None:
    whole = ClipDrawer(networks, Options.of(values(weights))).draw(JOB, silent)
    small = Studio(Options.of(values(weights, memory=memory)), lambda _text: None).draw(JOB, silent)
    difference = np.abs(whole.astype(int) - small).mean()
    assert difference == 0 if memory == "streamed" else 0 < difference < 12


def test_a_size_the_network_cannot_draw_is_refused(weights: Path) -> None:
    job = ClipJob(np.zeros((24, 40, 3), np.uint8), np.zeros((24, 40, 3), np.uint8), 4, 1.0, "", 0)
    options = Options.of(values(weights) | {"width": 40, "height": 24})
    with pytest.raises(EngineError, match="no size this network"):
        Studio(options, lambda _text: None).draw(job, silent)


def test_upright_pictures_are_drawn_upright(weights: Path) -> None:
    flat, tiled = (Options.of(values(weights, detail=detail)) for detail in ("upscaled", "tiled"))
    assert flat.drawn_size((160, 90)) == (48, 32)
    assert flat.drawn_size((90, 160)) == (32, 48)
    assert canvas((90, 160), flat) == (32, 48)
    assert canvas((90, 161), tiled) == (96, 168)
    assert canvas((20, 20), tiled) == (48, 32)


def test_others_draw_pictures_between_two_of_theirs(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, memory = Engine(), Memory()
    first, last = (np.ascontiguousarray(picture[:24]) for picture in (JOB.first, JOB.last))
    drawn: list[ClipJob] = []
    draw = ClipDrawer.draw
    monkeypatch.setattr(
        ClipDrawer, "draw", lambda self, job, watch: (drawn.append(job), draw(self, job, watch))[1]
    )

    def between(memory: Memory) -> list[Pixels]:
        inbetweener = engine.pictures(values(weights), memory)
        return inbetweener.between(first, last, [0.2, 0.5, 0.7], prompt="a ball", seed=1)

    whole = between(memory)
    assert [picture.shape for picture in whole] == [(24, 48, 3)] * 3
    n_windows = len(drawn)
    assert n_windows == len(plan_span([0.2, 0.5, 0.7], trained=4).windows)
    # What lies on the disk is not drawn again; half a file, as from a full disk, is.
    assert all(np.array_equal(a, b) for a, b in zip(whole, between(memory), strict=True))
    assert len(drawn) == n_windows
    name = sorted(memory.kept)[-1]
    memory.kept[name] = memory.kept[name][:100]
    assert all(np.array_equal(a, b) for a, b in zip(whole, between(memory), strict=True))
    assert len(drawn) == n_windows + 1
    assert all(np.array_equal(a, b) for a, b in zip(whole, between(Memory()), strict=True))
    with pytest.raises(EngineError, match="differ in size"):
        engine.pictures(values(weights), memory).between(first, JOB.last, [0.5], prompt="", seed=1)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("memory", "nf4", "four bits ruin"),
        ("cache", "steps", "skippable"),
        ("compile", True, "not compiled"),
        ("attention", "abacus", "Input should be"),
        ("weights", {"base": "x"}, "no weights `base`"),
        ("width", 50, "multiple of 16"),
    ],
)
def test_options_that_cannot_be_are_refused(key: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ToonCrafter.model_validate({key: value})
