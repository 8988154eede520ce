"""ToonComposer's published files at toy size on disk: names, shards, pickles and tokenizer as published."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor, nn

from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.tooncomposer.encoders import (
    TextParams,
    VisionParams,
    build_text_encoder,
    build_vision_encoder,
)
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams, is_adapter
from toonctl.models.tooncomposer.vae import build_vae

LETTERS = "abcdefghijklmnopqrstuvwxyz,."
TEXT = TextParams(3 + 1 + len(LETTERS), 32, 32, 48, 2, 1)
VISION = VisionParams(80, 1, 2, 96)
TRANSFORMER_SIZES = TransformerParams(
    n_heads=1, head_dim=128, ffn_dim=64, n_layers=3, text_dim=32, freq_dim=16, image_dim=80, rank=24
)
CONFIG = {
    "base_model_name": "Wan2.1-I2V-14B-480P",
    "use_dera": True,
    "dera_rank": 24,
    "use_dera_temporal": False,
}


def write_models(root: Path) -> Path:
    """`root` with the folders of both repositories; 480p and 608p have adapters of their own."""
    torch.manual_seed(11)
    transformer = ToonComposerTransformer(TRANSFORMER_SIZES)
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
            if name.startswith("proj_out"):
                parameter *= 4
    whole = published(transformer, TRANSFORMER)
    trained = {TRANSFORMER.published_name(n) for n, _ in transformer.named_parameters() if is_adapter(n)}
    for number, resolution in enumerate(("480p", "608p")):
        adapter = {key: (whole[key] * (1 - 0.5 * number)).bfloat16() for key in trained}
        write_adapter(root / "TencentARC--ToonComposer" / resolution, adapter)
    base = root / "Wan-AI--Wan2.1-I2V-14B-480P"
    _write_shards(base, {key: whole[key] for key in whole if key not in trained})
    torch.save(published(build_vae(8), VAE), base / "Wan2.1_VAE.pth")
    text = published(build_text_encoder(TEXT), UMT5)
    torch.save({k: t.bfloat16() for k, t in text.items()}, base / "models_t5_umt5-xxl-enc-bf16.pth")
    clip = {**published(build_vision_encoder(VISION), CLIP_VISION), "log_scale": torch.zeros(())}
    torch.save(clip, base / "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth")
    write_tokenizer(base / "google/umt5-xxl")
    return root


def published(model: nn.Module, key_map: KeyMap) -> dict[str, Tensor]:
    tensors = key_map.to_published(dict(model.named_parameters()))
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def write_adapter(folder: Path, tensors: dict[str, Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / "tooncomposer.ckpt")
    (folder / "config.json").write_text(json.dumps(CONFIG))


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of UMT5's kind whose words are letters."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(letter, -3.0) for letter in LETTERS]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    settings = {**special, "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _write_shards(folder: Path, tensors: dict[str, Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(tensors)
    weight_map: dict[str, str] = {}
    for number in range(7):
        file = f"diffusion_pytorch_model-{number + 1:05d}-of-00007.safetensors"
        save_file({key: tensors[key] for key in names[number::7]}, folder / file)
        weight_map |= dict.fromkeys(names[number::7], file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
