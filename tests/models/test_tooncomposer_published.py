"""ToonComposer's published files: sharded base, adapter pickle, encoders; strict, both sketch widths."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionModel

from models.tooncomposer_toys import TOY, inputs, sketches, transformer
from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import open_weights
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.tooncomposer import encoders
from toonctl.models.tooncomposer.published import (
    check_config,
    load_text_encoder,
    load_transformer,
    load_vae,
    load_vision_encoder,
)
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, is_adapter
from toonctl.models.tooncomposer.vae import build_vae

load_toy = partial(load_transformer, head_dim=TOY.head_dim)


def published(model: nn.Module, key_map: KeyMap) -> dict[str, Tensor]:
    tensors = key_map.to_published(dict(model.named_parameters()))
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def write_adapter(folder: Path, tensors: dict[str, Tensor]) -> Path:
    folder.mkdir(exist_ok=True)
    torch.save({key: tensor.bfloat16() for key, tensor in tensors.items()}, folder / "tooncomposer.ckpt")
    return folder


@pytest.fixture
def model() -> ToonComposerTransformer:
    return transformer()


@pytest.fixture
def folders(model: ToonComposerTransformer, tmp_path: Path) -> tuple[Path, Path]:
    """A base of two shards with Wan's names, and an adapter folder as `480p/`."""
    base, adapter = tmp_path / "base", tmp_path / "480p"
    base.mkdir()
    whole = published(model, TRANSFORMER)
    trained = {TRANSFORMER.published_name(name) for name, _ in model.named_parameters() if is_adapter(name)}
    frozen = sorted(whole.keys() - trained)
    parts = {f"part-{i}.safetensors": frozen[i::2] for i in (0, 1)}
    for name, keys in parts.items():
        save_file({key: whole[key] for key in keys}, base / name)
    index = {"weight_map": {key: name for name, keys in parts.items() for key in keys}}
    (base / "part.safetensors.index.json").write_text(json.dumps(index))
    write_adapter(adapter, {key: whole[key] for key in trained})
    return base, adapter


@torch.no_grad()
def test_the_published_layout_gives_the_same_network(
    model: ToonComposerTransformer, folders: tuple[Path, Path]
) -> None:
    base, adapter = map(open_weights, folders)
    loaded = load_toy(base, adapter, dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if is_adapter(name):
            parameter.data = parameter.data.bfloat16().float()
    assert loaded.params == TOY
    assert loaded(*inputs(), sketches(1)).equal(model(*inputs(), sketches(1)))


def test_precision_as_published(folders: tuple[Path, Path]) -> None:
    loaded = load_toy(*map(open_weights, folders))
    assert loaded.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
    assert loaded.blocks[0].scale_shift_table.dtype == torch.float32
    assert loaded.condition_embedder.time_proj.weight.dtype == torch.float32


def test_sketch_embeddings_of_20_channels_get_4_of_zeros(
    model: ToonComposerTransformer, folders: tuple[Path, Path]
) -> None:
    base, adapter = folders
    key = "sequence_cond_patch_embedding.weight"
    tensors = torch.load(adapter / "tooncomposer.ckpt", weights_only=True)
    tensors[key] = tensors[key][:, :20].clone()
    write_adapter(adapter, tensors)
    loaded = load_toy(open_weights(base), open_weights(adapter), dtype=torch.float32)
    kernel = loaded.sketch_embedding.weight
    assert kernel.shape[1] == 24
    assert kernel[:, 20:].eq(0).all()
    assert kernel[:, :20].equal(model.sketch_embedding.weight[:, :20].bfloat16().float())


def test_a_partial_adapter_is_refused_with_its_keys(folders: tuple[Path, Path]) -> None:
    base, adapter = folders
    tensors = torch.load(adapter / "tooncomposer.ckpt", weights_only=True)
    kept = {key: t for key, t in tensors.items() if "spatial_up" not in key and "identifier" not in key}
    write_adapter(adapter, {**kept, "lora.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError) as caught:
        load_toy(open_weights(base), open_weights(adapter))
    assert caught.value.exit_code == 6
    for part in (
        "missing blocks.0-2.dera.spatial_up_proj.weight",
        "missing sequence_cond_identifier",
        "unexpected lora.weight",
    ):
        assert part in str(caught.value)


def test_an_adapter_of_another_width_is_refused(folders: tuple[Path, Path]) -> None:
    base, adapter = folders
    other = published(transformer(n_heads=3), TRANSFORMER)
    names = torch.load(adapter / "tooncomposer.ckpt", weights_only=True).keys()
    write_adapter(adapter, {key: other[key] for key in names})
    with pytest.raises(CheckpointError, match=r"sequence_cond_identifier is \(1, 1, 72\), not \(1, 1, 48\)"):
        load_toy(open_weights(base), open_weights(adapter))


def test_the_base_alone_is_refused(folders: tuple[Path, Path]) -> None:
    base, _ = folders
    empty = replace(open_weights(base), name="nothing", shapes={})
    with pytest.raises(CheckpointError, match="missing sequence_cond_residual_proj"):
        load_toy(open_weights(base), empty)


def test_diffusers_names_are_read_as_well(model: ToonComposerTransformer, tmp_path: Path) -> None:
    ours = {name: p.detach().clone() for name, p in model.named_parameters()}
    save_file({k: t for k, t in ours.items() if not is_adapter(k)}, tmp_path / "base.safetensors")
    trained = TRANSFORMER.to_published({k: t for k, t in ours.items() if is_adapter(k)})
    write_adapter(tmp_path / "608p", trained)
    loaded = load_toy(open_weights(tmp_path / "base.safetensors"), open_weights(tmp_path / "608p"))
    assert loaded.proj_out.weight.equal(model.proj_out.weight)


def test_the_vae_file_is_read(tmp_path: Path) -> None:
    torch.manual_seed(2)
    vae = build_vae(8)
    torch.save(published(vae, VAE), tmp_path / "Wan2.1_VAE.pth")
    loaded = load_vae(open_weights(tmp_path / "Wan2.1_VAE.pth"))
    assert all(t.equal(vae.state_dict()[name]) for name, t in loaded.state_dict().items())


def test_the_text_file_is_read_in_both_layouts(tmp_path: Path) -> None:
    torch.manual_seed(2)
    encoder = encoders.build_text_encoder(encoders.TextParams(40, 16, 16, 24, 2, 2))
    torch.save(published(encoder, UMT5), tmp_path / "models_t5.pth")
    folder = tmp_path / "text_encoder"
    folder.mkdir()
    save_file(
        {k: t.contiguous().clone() for k, t in encoder.state_dict().items()}, folder / "model.safetensors"
    )
    for path in (tmp_path / "models_t5.pth", folder):
        loaded = load_text_encoder(open_weights(path), dtype=torch.float32)
        assert loaded.config.num_layers == 2
        assert loaded.encoder.embed_tokens.weight is loaded.shared.weight
        assert all(t.equal(encoder.state_dict()[name]) for name, t in loaded.state_dict().items())


def test_the_image_file_is_read_in_both_layouts(tmp_path: Path) -> None:
    torch.manual_seed(2)
    encoder: CLIPVisionModel = encoders.build_vision_encoder(encoders.VisionParams(16, 2, 2, 32))
    original = {
        **published(encoder, CLIP_VISION),
        "log_scale": torch.zeros(()),
        "visual.head": torch.zeros(16, 8),
    }
    original["textual.model.embeddings.weight"] = torch.zeros(3, 2)
    torch.save(original, tmp_path / "models_clip.pth")
    named = {f"vision_model.{k}": p.detach().clone() for k, p in encoder.named_parameters()}
    save_file(named, tmp_path / "model.safetensors")
    for path in (tmp_path / "models_clip.pth", tmp_path / "model.safetensors"):
        loaded = load_vision_encoder(open_weights(path), dtype=torch.float32, head_dim=8)
        assert all(t.equal(encoder.state_dict()[name]) for name, t in loaded.state_dict().items())


def test_a_config_of_another_network_is_refused() -> None:
    check_config({"use_dera": True, "dera_rank": 144, "use_dera_temporal": False}, name="config.json")
    with pytest.raises(CheckpointError, match="sequence_cond_mode = full"):
        check_config({"sequence_cond_mode": "full"}, name="config.json")
