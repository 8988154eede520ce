"""FramePack's published folders at toy size on disk: configurations, names and tokenizers as they are got."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl_hunyuan_video import AutoencoderKLHunyuanVideo
from diffusers.models.transformers.transformer_hunyuan_video_framepack import (
    HunyuanVideoFramepackTransformer3DModel,
)
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

VAE_CHANNELS = (8, 8, 8, 8)
SIDE = 32
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;<>|_\n"
_SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
_WORDS = len(_SPECIAL) + len(_LETTERS)
TRANSFORMER = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "num_layers": 2,
    "num_single_layers": 2,
    "num_refiner_layers": 1,
    "text_embed_dim": 16,
    "pooled_projection_dim": 8,
    "rope_axes_dim": (4, 4, 4),
    "has_image_proj": True,
    "image_proj_dim": 16,
    "has_clean_x_embedder": True,
}


def write_models(root: Path) -> Path:
    """`root` with the folders of the three repositories."""
    torch.manual_seed(5)
    transformer = HunyuanVideoFramepackTransformer3DModel(**TRANSFORMER)
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if name.startswith("proj_out"):
                parameter *= 4
    transformer.save_pretrained(root / "lllyasviel--FramePackI2V_HY", max_shard_size="60KB")
    hunyuan = root / "hunyuanvideo-community--HunyuanVideo"
    vae = AutoencoderKLHunyuanVideo(block_out_channels=VAE_CHANNELS, layers_per_block=1, norm_num_groups=4)
    vae.save_pretrained(hunyuan / "vae")
    _write(_llama(), hunyuan / "text_encoder", before="")
    _write(_clip(), hunyuan / "text_encoder_2", before="text_model.")
    for name in ("tokenizer", "tokenizer_2"):
        write_tokenizer(hunyuan / name)
    vision = root / "lllyasviel--flux_redux_bfl/image_encoder"
    _write(_siglip(), vision, before="vision_model.")
    return root


def weights(root: Path) -> Mapping[str, str]:
    """The folder of every role."""
    hunyuan = root / "hunyuanvideo-community--HunyuanVideo"
    folders = {
        "transformer": root / "lllyasviel--FramePackI2V_HY",
        "vae": hunyuan / "vae",
        "text": hunyuan / "text_encoder",
        "tokenizer": hunyuan / "tokenizer",
        "text-2": hunyuan / "text_encoder_2",
        "tokenizer-2": hunyuan / "tokenizer_2",
        "vision": root / "lllyasviel--flux_redux_bfl/image_encoder",
    }
    return {role: str(folder) for role, folder in folders.items()}


def write_tokenizer(folder: Path) -> None:
    """A tokenizer whose words are letters."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {word: number for number, word in enumerate([*_SPECIAL.values(), *_LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", words["<s>"]), ("</s>", words["</s>"])]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {**_SPECIAL, "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 4096}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _llama() -> LlamaModel:
    config = LlamaConfig(
        vocab_size=_WORDS,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaModel(config)


def _clip() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=_WORDS,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return CLIPTextModel(config)


def _siglip() -> SiglipVisionModel:
    config = SiglipVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=16,
    )
    return SiglipVisionModel(config)


def _write(model: PreTrainedModel, folder: Path, *, before: str) -> None:
    """A transformers folder with the names of the files as published, which begin with `before`."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3) if parameter.ndim > 1 else None
    model.save_pretrained(folder)
    path = folder / "model.safetensors"
    names = {name.removeprefix(before): tensor for name, tensor in load_file(path).items()}
    save_file({before + name: tensor for name, tensor in names.items()}, path, metadata={"format": "pt"})
