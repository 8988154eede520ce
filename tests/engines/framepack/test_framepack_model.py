"""FramePack's sections, encoders, sampling and decoding: equal to diffusers' pipeline, every key placed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_hunyuan_video import AutoencoderKLHunyuanVideo
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_framepack import HunyuanVideoFramepackPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import SiglipImageProcessor

from engines.framepack.toypack import SIDE, weights, write_models
from goldens.sets import DATA
from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import WeightFiles, open_tokenizer, open_weights, read_config
from toonctl.models.framepack import published
from toonctl.models.framepack.coding import decode_film, encode_key
from toonctl.models.framepack.encoders import encode_image, encode_pooled, encode_text, siglip_pixels
from toonctl.models.framepack.sampling import Inputs, Noises, Prompt, RunSettings, sample_sections
from toonctl.models.framepack.sections import (
    frame_count,
    plan_sections,
    published_count,
    section_count,
)

TEXT = "a ball, rolling"
SIZE = (32, 48)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = write_models(tmp_path_factory.mktemp("framepack"))
    return {role: Path(folder) for role, folder in weights(root).items()}


def loaded(load, folder: Path):
    return load(open_weights(folder), read_config(folder), dtype=torch.float32)


def key(seed: int, size: tuple[int, int] = SIZE) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (1, 3, size[0] // 8, size[1] // 8), generator=generator)
    return torch.nn.functional.interpolate(levels / 127.5 - 1, size, mode="nearest")


def test_sections_are_placed_as_documented() -> None:
    one = next(plan_sections(1, 9)).indices
    assert (one.first, one.latents, one.before) == (range(1), range(1, 10), range(10, 11))
    assert (one.half, one.quarter) == (range(11, 13), range(13, 29))
    assert [section.padding for section in plan_sections(3, 4)] == [2, 1, 0]
    assert [section.padding for section in plan_sections(6, 9)] == [3, 2, 2, 2, 1, 0]
    second = list(plan_sections(3, 4))[1].indices
    assert second.latents == range(5, 9)
    assert second.quarter == range(12, 28)
    with pytest.raises(ValueError, match="no film"):
        list(plan_sections(0, 9))


@given(n_frames=st.integers(1, 400), window=st.integers(2, 9))
def test_the_fewest_sections_are_taken(n_frames: int, window: int) -> None:
    count = section_count(n_frames, window)
    assert frame_count(count, window) >= n_frames
    assert count == 1 or frame_count(count - 1, window) < n_frames
    assert published_count(n_frames, window) >= count - 1


def test_frame_counts_are_the_documented_ones() -> None:
    assert [frame_count(n, 9) for n in (1, 2, 3)] == [37, 73, 109]
    assert (frame_count(1, 6), frame_count(1, 4)) == (25, 17)
    assert [published_count(n, 9) for n in (33, 34, 91)] == [1, 2, 3]


@pytest.mark.parametrize(("n_sections", "window"), [(1, 3), (2, 2), (5, 2)])
def test_a_film_is_that_of_the_diffusers_pipeline(
    folders: dict[str, Path], n_sections: int, window: int
) -> None:
    run = RunSettings(2, 6.0, window, n_sections)
    first, last = key(1), key(2)
    noises = Noises.of(7, run, (SIZE[0] // 8, SIZE[1] // 8))
    vae = loaded(published.load_vae, folders["vae"])
    llama = loaded(published.load_llama, folders["text"])
    clip = loaded(published.load_clip, folders["text-2"])
    siglip = loaded(published.load_siglip, folders["vision"])
    transformer = loaded(published.load_transformer, folders["transformer"])
    tokenizers = [open_tokenizer(folders[role]) for role in ("tokenizer", "tokenizer-2")]
    states, mask = encode_text(llama, tokenizers[0], TEXT)
    inputs = Inputs(
        Prompt(states, mask, encode_pooled(clip, tokenizers[1], TEXT)),
        encode_image(siglip, first),
        encode_key(vae, first, noises.first),
        encode_key(vae, last, noises.last),
    )
    sections = list(sample_sections(transformer, inputs, run, noises=noises.sections))
    film = decode_film(vae, sections, window=window)
    pipeline = HunyuanVideoFramepackPipeline(
        text_encoder=llama,
        tokenizer=tokenizers[0],
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        text_encoder_2=clip,
        tokenizer_2=tokenizers[1],
        image_encoder=siglip,
        feature_extractor=SiglipImageProcessor(
            size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ),
    )
    pipeline.set_progress_bar_config(disable=True)
    # The pipeline hands its processor floats; the published program, and ours, 8-bit levels.
    pipeline.encode_image = lambda image, **_: encode_image(siglip, image)
    expected = pipeline(
        image=first / 2 + 0.5,
        last_image=last / 2 + 0.5,
        prompt=TEXT,
        height=SIZE[0],
        width=SIZE[1],
        num_frames=n_sections * (4 * window - 3),
        latent_window_size=window,
        num_inference_steps=2,
        guidance_scale=6.0,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).frames
    assert film.shape[2] == frame_count(n_sections, window)
    torch.testing.assert_close(film[0].transpose(0, 1) / 2 + 0.5, expected[0], atol=2e-5, rtol=0)


def test_a_run_that_goes_on_draws_the_same(folders: dict[str, Path]) -> None:
    run = RunSettings(1, 6.0, 2, 3)
    noises = Noises.of(3, run, (4, 4))
    transformer = loaded(published.load_transformer, folders["transformer"])
    generator = torch.Generator().manual_seed(1)
    inputs = Inputs(
        Prompt(
            torch.randn(1, 5, 16, generator=generator),
            torch.ones(1, 5, dtype=torch.long),
            torch.randn(1, 8, generator=generator),
        ),
        torch.randn(1, 4, 16, generator=generator),
        torch.randn(1, 16, 1, 4, 4, generator=generator),
        torch.randn(1, 16, 1, 4, 4, generator=generator),
    )
    whole = list(sample_sections(transformer, inputs, run, noises=noises.sections))
    assert [section.shape[2] for section in whole] == [2, 2, 3]
    rest = list(sample_sections(transformer, inputs, run, noises=noises.sections, drawn=whole[:1]))
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[1:], strict=True))
    other = Inputs(inputs.prompt, inputs.image, inputs.first, torch.zeros_like(inputs.first))
    moved = next(sample_sections(transformer, other, run, noises=noises.sections))
    assert not torch.equal(moved, whole[0])


def test_the_image_encoder_sees_what_its_processor_gives() -> None:
    picture = ((key(4, (64, 96)) + 1) * 127.5).round().to(torch.uint8)[0].permute(1, 2, 0).numpy()
    processor = SiglipImageProcessor(
        size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    expected = np.asarray(processor(images=picture, return_tensors="np")["pixel_values"])
    ours = siglip_pixels(
        torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1, SIDE
    )
    assert np.abs(expected - ours.numpy()).max() <= 1.1 / 127.5


def test_every_key_of_the_published_transformer_has_its_place() -> None:
    inventory = json.loads((DATA / "framepack/inventory_transformer.json").read_text("utf-8"))
    model = published.build_transformer(inventory["config"])
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert found == inventory["keys"]
    assert len(found) == inventory["tensors"]
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == inventory["elements"]
    shapes = {name: tuple(shape) for name, shape in inventory["keys"].items()}
    meta = WeightFiles("published", shapes, lambda name: torch.empty(shapes[name], device="meta"))
    assert published.load_transformer(meta, inventory["config"]).dtype == torch.bfloat16
    del shapes["proj_out.bias"]
    with pytest.raises(CheckpointError, match=r"missing proj_out\.bias"):
        published.load_transformer(meta, inventory["config"])


@pytest.mark.parametrize("role", ["transformer", "vae", "text", "text-2", "vision"])
def test_what_does_not_fit_is_named(folders: dict[str, Path], tmp_path: Path, role: str) -> None:
    load = {
        "transformer": published.load_transformer,
        "vae": published.load_vae,
        "text": published.load_llama,
        "text-2": published.load_clip,
        "vision": published.load_siglip,
    }[role]
    tensors = {
        name: tensor
        for file in folders[role].glob("*.safetensors")
        for name, tensor in load_file(file).items()
    }
    gone = sorted(tensors)[0]
    del tensors[gone]
    save_file({**tensors, "stranger.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load(open_weights(tmp_path), read_config(folders[role]))
    assert "stranger.weight" in str(caught.value)
    assert "missing" in str(caught.value)


def test_another_network_is_refused(folders: dict[str, Path]) -> None:
    config = {**read_config(folders["transformer"]), "has_clean_x_embedder": False}
    with pytest.raises(CheckpointError, match="has_clean_x_embedder"):
        published.build_transformer(config)


def test_the_vae_keeps_a_key(folders: dict[str, Path]) -> None:
    vae = loaded(published.load_vae, folders["vae"])
    assert isinstance(vae, AutoencoderKLHunyuanVideo)
    latents = encode_key(vae, key(1), torch.zeros(1, 16, 1, 4, 6))
    moved = encode_key(vae, key(1), torch.ones(1, 16, 1, 4, 6))
    assert latents.shape == (1, 16, 1, 4, 6)
    assert bool((moved > latents).all())
