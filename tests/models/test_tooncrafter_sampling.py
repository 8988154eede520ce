"""ToonCrafter's schedule, sampler, window, prompts and adapters."""

from importlib.resources import files

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from goldens.tooncrafter import tiny_params
from toonctl.core.errors import CheckpointError
from toonctl.models.tooncrafter.lora import (
    LoraParams,
    LoraTargets,
    add_lora,
    fill_lora,
    lora_parameters,
    lora_targets,
    lora_tensors,
    set_lora_scale,
)
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.models.tooncrafter.sampler import Contexts, Guidance, ddim, drawn_noise, rescale_guided
from toonctl.models.tooncrafter.schedule import Noising, Spacing, grid, published_tables
from toonctl.models.tooncrafter.tokenizer import PromptTokenizer
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.window import Keys, Sampling, Window, encode_context, encode_keys


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_last_step_is_pure_noise() -> None:
    assert float(published_tables()["alphas_cumprod"][-1]) < 1e-12
    assert float(published_tables()["betas"][-1]) == pytest.approx(1.0)


@given(n_steps=st.integers(1, 1000), eta=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_trailing_grid_ends_at_the_last_step(n_steps: int, eta: float) -> None:
    steps = grid(n_steps, spacing=Spacing.TRAILING, eta=eta)
    assert len(steps.timesteps) == n_steps
    assert int(steps.timesteps[-1]) == 999
    assert bool((steps.timesteps.diff() > 0).all())
    assert bool((1 - steps.signal_before - steps.sigma**2 > -1e-6).all())


def test_grids_that_pass_the_end_are_refused() -> None:
    with pytest.raises(ValueError, match="3 steps with uniform spacing pass step 999"):
        grid(3, spacing=Spacing.UNIFORM)
    with pytest.raises(ValueError, match="0 steps"):
        grid(0)


@given(timestep=st.integers(0, 999), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_velocity_holds_latents_and_noise(timestep: int, seed: int) -> None:
    noising, at = Noising.published(), torch.tensor([timestep])
    latents, noise = drawn(1, 4, 2, 3, 3, seed=seed), drawn(1, 4, 2, 3, 3, seed=seed + 100)
    noisy, velocity = noising.noisy(latents, noise, at), noising.velocity(latents, noise, at)
    torch.testing.assert_close(noising.denoised(noisy, velocity, at), latents, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(noising.noise(noisy, velocity, at), noise, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_perfect_denoiser_finds_its_picture(eta: float) -> None:
    picture, noising = drawn(1, 4, 4, 2, 2), Noising.published()

    def denoise(latents: Tensor, timestep: Tensor, _context: Tensor) -> Tensor:
        known = noising.rescaled(picture, timestep)
        share = noising.root_noise(timestep)
        return (noising.root_signal(timestep) * latents - known) / share

    run = ddim(
        denoise,
        drawn(1, 4, 4, 2, 2, seed=1),
        Contexts(torch.zeros(1, 78, 8)),
        grid=grid(25, eta=eta),
        guidance=Guidance(1.0),
        draw=drawn_noise(picture.shape, torch.Generator().manual_seed(2)),
    )
    last = list(run)[-1]
    torch.testing.assert_close(
        last.denoised, noising.rescaled(picture, torch.tensor([39])), atol=1e-4, rtol=1e-3
    )
    assert (last.number, last.timestep) == (24, 39)


def test_rescaled_guidance_has_the_conditional_deviation() -> None:
    velocity, conditional = drawn(2, 4, 2, 3, 3) * 5 + 1, drawn(2, 4, 2, 3, 3, seed=1)
    seen = rescale_guided(velocity, conditional, share=1.0)
    torch.testing.assert_close(seen.std((1, 2, 3, 4)), conditional.std((1, 2, 3, 4)))
    assert rescale_guided(velocity, conditional, share=0.0) is velocity


def test_guidance_needs_its_contexts() -> None:
    context = torch.zeros(1, 78, 8)
    noise = drawn(1, 4, 2, 2, 2)
    for guidance, contexts in (
        (Guidance(7.5), Contexts(context)),
        (Guidance(7.5, image_scale=2.0), Contexts(context, context)),
    ):
        run = ddim(
            lambda x, _t, _c: x,
            noise,
            contexts,
            grid=grid(2),
            guidance=guidance,
            draw=lambda _: noise,
        )
        with pytest.raises(ValueError, match="needs the"):
            next(run)


@pytest.fixture(scope="module")
def tokenizer() -> PromptTokenizer:
    return PromptTokenizer(files("toonctl.weights").joinpath("clip_bpe_merges.txt.gz").read_bytes())


def test_prompts_become_ids(tokenizer: PromptTokenizer) -> None:
    ids = tokenizer(["anime scene, a cat jumps", ""])
    assert ids.shape == (2, 77)
    assert ids[0, :9].tolist() == [49406, 6469, 3562, 267, 320, 2368, 18911, 49407, 0]
    assert ids[1, :3].tolist() == [49406, 49407, 0]


def test_a_long_prompt_ends_with_the_end(tokenizer: PromptTokenizer) -> None:
    ids = tokenizer(["word " * 100, "x" * 400])
    assert ids[:, -1].tolist() == [49407, 49407]
    assert int(ids.min()) > 0
    assert tokenizer(["word " * 75]).tolist() == ids[:1].tolist()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("A  WALKING\n girl", "a walking girl"),
        ("“don’t”", '"don\'t"'),
        ("ＡＢＣ！　ｶﾞ", "abc! ガ"),
        ("&amp;amp; &lt;b&gt;", "& <b>"),
        ("a\x07b\ttab", "ab tab"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_prompts_are_cleaned(tokenizer: PromptTokenizer, typed: str, meant: str) -> None:
    assert torch.equal(tokenizer([typed]), tokenizer([meant]))


def test_a_special_word_is_only_text(tokenizer: PromptTokenizer) -> None:
    assert (tokenizer(["<end_of_text> cat"]) == 49407).sum() == 1


def test_a_broken_table_is_refused() -> None:
    with pytest.raises(CheckpointError, match="table of merges is broken"):
        PromptTokenizer(b"no gzip")


@pytest.fixture(scope="module")
def model() -> ToonCrafter:
    torch.manual_seed(0)
    return ToonCrafter(tiny_params({})).eval().requires_grad_(False)


def drawn_window(
    model: ToonCrafter, n_frames: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Keys]:
    vision, text = model.clip
    keys = drawn(1, 3, 2, 32, 32).clamp(-1, 1)
    guidance, ids = Guidance(3.0), torch.zeros(1, 77, dtype=torch.long)
    with torch.no_grad():
        contexts = encode_context(
            text,
            (vision, model.resampler),
            ids=ids,
            empty_ids=ids,
            first_key=keys[:, :, 0],
            guidance=guidance,
        )
        seen = encode_keys(model.vae, keys, drawn(1, 4, 2, 4, 4, seed=1), n_frames=n_frames)
    window = Window(model.unet, model.vae, Sampling(n_steps=2, guidance=guidance))
    start, fresh = drawn(1, 4, n_frames, 4, 4, seed=2), drawn(1, 4, n_frames, 4, 4, seed=3)
    *_, last = window.steps(start, keys=seen, contexts=contexts, draw=lambda _: fresh)
    return window.frames(last.latents, seen), seen


@pytest.mark.parametrize("n_frames", [3, 4, 7, 16])
def test_a_window_of_any_length_is_drawn(model: ToonCrafter, n_frames: int) -> None:
    frames, keys = drawn_window(model, n_frames)
    assert frames.shape == (1, 3, n_frames, 32, 32)
    assert bool(frames.isfinite().all())
    assert bool((keys.beside[:, :, 1:-1] == 0).all())
    assert bool((keys.beside[:, :, [0, -1]] != 0).any())


def test_the_same_noise_gives_the_same_frames(model: ToonCrafter) -> None:
    assert torch.equal(drawn_window(model, 4)[0], drawn_window(model, 4)[0])


def toy_unet() -> UNet:
    torch.manual_seed(0)
    return UNet(tiny_params({}).unet).eval().requires_grad_(False)


def velocity(unet: UNet) -> Tensor:
    with torch.no_grad():
        return unet(drawn(1, 8, 4, 4, 4), torch.tensor([500]), drawn(1, 77 + 64, 32, seed=1))


def test_an_adapter_begins_without_effect_and_scales_to_none() -> None:
    unet = toy_unet()
    base = velocity(unet)
    add_lora(unet, LoraParams(lora_targets(unet, LoraTargets.SPATIAL), rank=4, alpha=4))
    unet.eval()
    assert torch.equal(velocity(unet), base)
    for parameter in lora_parameters(unet).values():
        parameter.data = torch.full_like(parameter, 0.05)
    full = velocity(unet) - base
    set_lora_scale(unet, 0.0)
    torch.testing.assert_close(velocity(unet), base, atol=1e-6, rtol=0)
    set_lora_scale(unet, 1.0)
    torch.testing.assert_close(velocity(unet) - base, full)
    assert float(full.abs().max()) > 1e-3


def test_an_adapter_comes_back_from_its_tensors() -> None:
    first, second = toy_unet(), toy_unet()
    params = LoraParams(lora_targets(first, LoraTargets.IMAGE), rank=2, alpha=2)
    for unet in (first, second):
        add_lora(unet, params)
        unet.eval()
    for i, parameter in enumerate(lora_parameters(first).values()):
        parameter.data = drawn(*parameter.shape, seed=i)
    tensors = {name: tensor.clone() for name, tensor in lora_tensors(first).items()}
    fill_lora(second, tensors)
    assert torch.equal(velocity(first), velocity(second))
    tensors.popitem()
    with pytest.raises(CheckpointError, match="1 tensors missing, 0 unexpected"):
        fill_lora(second, tensors)


def test_spatial_adapters_leave_time_alone() -> None:
    unet = toy_unet()
    spatial = set(lora_targets(unet, LoraTargets.SPATIAL))
    everything = set(lora_targets(unet, LoraTargets.KDQ_COMPAT))
    assert spatial < everything
    assert all(".attn2." in path for path in everything)
    assert any(path.startswith("init_attn.") for path in everything - spatial)
    assert not np.any([path.startswith("init_attn.") for path in spatial])
