"""Wan between two pictures: equal to diffusers' pipeline, original and diffusers names, its relatives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.pipelines.wan.pipeline_wan_i2v import WanImageToVideoPipeline
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPImageProcessor

from engines.wan_flf2v.toywan import TRANSFORMER, transformer, weights, write_models, write_original
from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import WeightFiles, open_tokenizer, open_weights
from toonctl.models.tooncomposer.encoders import encode_image, encode_prompt
from toonctl.models.tooncomposer.published import load_text_encoder, load_vae, load_vision_encoder
from toonctl.models.tooncomposer.vae import decode
from toonctl.models.wan_flf2v.published import build_transformer, load_transformer, n_pictures
from toonctl.models.wan_flf2v.sampling import Prompt, RunSettings, condition, sample

TEXT, UNWANTED = "a ball, rolling", "a still"
SIZE = (32, 48)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = write_models(tmp_path_factory.mktemp("wan"))
    return {role: Path(folder) for role, folder in weights(root).items()}


def picture(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    levels = np.random.default_rng(seed).integers(0, 256, (size[0] // 16, size[1] // 16, 3), np.uint8)
    return levels.repeat(16, 0).repeat(16, 1)


def as_frame(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def test_a_clip_is_that_of_the_diffusers_pipeline(folders: dict[str, Path]) -> None:
    first, last = picture(1), picture(2)
    network = load_transformer(open_weights(folders["base"]), dtype=torch.float32)
    vae = load_vae(open_weights(folders["vae"]))
    text_encoder = load_text_encoder(open_weights(folders["text"]), dtype=torch.float32)
    vision = load_vision_encoder(open_weights(folders["vision"]), dtype=torch.float32)
    tokenizer = open_tokenizer(folders["tokenizer"])
    with torch.no_grad():
        seen = torch.cat([encode_image(vision, as_frame(pixels)) for pixels in (first, last)])
    prompt = Prompt(
        encode_prompt(text_encoder, tokenizer, TEXT), encode_prompt(text_encoder, tokenizer, UNWANTED), seen
    )
    conditioning = condition(vae, as_frame(first), as_frame(last), 5)
    *_, latents = sample(network, conditioning, prompt, RunSettings(2, 5.5, 16.0, "unipc", 4))
    with torch.no_grad():
        film = decode(vae, latents)
    pipeline = WanImageToVideoPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder,
        vae=vae,
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=16.0
        ),
        image_processor=CLIPImageProcessor(),
        image_encoder=vision,
        transformer=network,
    )
    pipeline.set_progress_bar_config(disable=True)
    # Diffusers cuts a square out of the middle; the published program, and ours, squashes the whole picture.
    pipeline.encode_image = lambda _image, _device: seen
    expected = pipeline(
        image=Image.fromarray(first),
        last_image=Image.fromarray(last),
        prompt=TEXT,
        negative_prompt=UNWANTED,
        height=SIZE[0],
        width=SIZE[1],
        num_frames=5,
        num_inference_steps=2,
        guidance_scale=5.5,
        generator=torch.Generator().manual_seed(4),
        output_type="pt",
    ).frames
    assert film.shape == (1, 3, 5, *SIZE)
    torch.testing.assert_close(film[0].transpose(0, 1) / 2 + 0.5, expected[0], atol=5e-5, rtol=0)


def test_a_square_of_its_own_size_is_seen_as_diffusers_sees_it(folders: dict[str, Path]) -> None:
    vision = load_vision_encoder(open_weights(folders["vision"]), dtype=torch.float32)
    pixels = picture(3, (224, 224))
    given = CLIPImageProcessor()(images=Image.fromarray(pixels), return_tensors="pt")
    with torch.no_grad():
        expected = vision(**given, output_hidden_states=True).hidden_states[-2]
        found = encode_image(vision, as_frame(pixels))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_both_ends_are_given(folders: dict[str, Path]) -> None:
    vae = load_vae(open_weights(folders["vae"]))
    small = [torch.full((1, 3, 32, 32), level) for level in (-0.5, 0.5)]
    told = condition(vae, *small, 9)
    assert told.shape == (1, 20, 3, 4, 4)
    given = told[0, :4, :, 0, 0]
    assert given.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 1]]
    with pytest.raises(ValueError, match="not 4 n"):
        condition(vae, *small, 8)
    with pytest.raises(ValueError, match="nothing between"):
        condition(vae, *small, 1)


def test_the_solvers_begin_from_one_noise(folders: dict[str, Path]) -> None:
    network = load_transformer(open_weights(folders["base"]), dtype=torch.float32)
    generator = torch.Generator().manual_seed(2)
    told = torch.randn(1, 20, 2, 4, 4, generator=generator)
    prompt = Prompt(*(torch.randn(1, 512, 32, generator=generator) for _ in range(2)), None)
    prompt = Prompt(prompt.positive, prompt.negative, torch.randn(2, 257, 80, generator=generator))
    runs = [RunSettings(2, 3.0, 5.0, solver, 1) for solver in ("unipc", "euler")]
    first, second = ([*sample(network, told, prompt, run)] for run in runs)
    assert [len(first), len(second)] == [2, 2]
    assert not torch.equal(first[-1], second[-1])
    again = [*sample(network, told, prompt, runs[0])]
    assert torch.equal(first[-1], again[-1])


def test_original_names_are_those_of_diffusers(folders: dict[str, Path], tmp_path: Path) -> None:
    path = write_original(tmp_path / "wan2.1_flf2v_720p_14B.safetensors")
    tensors = load_file(path)
    assert "img_emb.emb_pos" in tensors
    ours = load_transformer(open_weights(path), dtype=torch.float32).state_dict()
    theirs = load_transformer(open_weights(folders["base"]), dtype=torch.float32).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    places = tensors.pop("img_emb.emb_pos")  # diffusers' converter does not know it
    assert torch.equal(ours.pop("condition_embedder.image_embedder.pos_embed"), places)
    assert convert_wan_transformer_to_diffusers(dict(tensors)).keys() == ours.keys()


def test_precision_is_that_of_diffusers(folders: dict[str, Path]) -> None:
    network = load_transformer(open_weights(folders["base"]))
    theirs = WanTransformer3DModel.from_pretrained(folders["base"], torch_dtype=torch.bfloat16)
    found = {name: parameter.dtype for name, parameter in network.named_parameters()}
    assert found == {name: parameter.dtype for name, parameter in theirs.named_parameters()}
    assert set(found.values()) == {torch.float32, torch.bfloat16}


def published_shapes() -> dict[str, tuple[int, ...]]:
    published = {
        **TRANSFORMER, "num_attention_heads": 40, "text_dim": 4096, "freq_dim": 256, "ffn_dim": 13824,
        "num_layers": 40, "image_dim": 1280, "added_kv_proj_dim": 5120,
    }  # fmt: skip
    with torch.device("meta"):
        model = WanTransformer3DModel(**published)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def test_every_key_of_the_published_size_has_its_place() -> None:
    shapes = published_shapes()
    meta = WeightFiles("published", shapes, lambda name: torch.empty(shapes[name], device="meta"))
    network = load_transformer(meta)
    assert network.config["num_layers"] == 40
    assert network.config["num_attention_heads"] == 40
    # ToonComposer's base, and the places of two pictures.
    assert len(shapes) == 1304
    assert sum(p.numel() for p in network.parameters()) == 16_394_878_784 + 514 * 1280
    short = dict(shapes)
    del short["proj_out.bias"]
    with pytest.raises(CheckpointError, match=r"missing head\.head\.bias"):
        load_transformer(WeightFiles("published", short, meta.read))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 2),
        ({"pos_embed_seq_len": None}, 1),
        ({"image_dim": None, "added_kv_proj_dim": None, "pos_embed_seq_len": None}, 0),
    ],
)
def test_relatives_say_how_many_pictures_they_look_at(changes: dict[str, None], expected: int) -> None:
    model = transformer(**changes)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    built = build_transformer(shapes)
    assert {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()} == shapes
    assert n_pictures(built) == expected


def test_a_network_for_text_alone_is_refused() -> None:
    shapes = {name: tuple(t.shape) for name, t in transformer(in_channels=16).state_dict().items()}
    with pytest.raises(CheckpointError, match="takes 16 channels"):
        build_transformer(shapes)
    with pytest.raises(CheckpointError, match="not those of a Wan transformer"):
        build_transformer({"layers.0.weight": (2, 2)})
