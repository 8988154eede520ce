"""LongAnimation's published files at toy size: their names, folders, settings and tokenizers."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import AutoencoderKLCogVideoX
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel
from transformers.convert_slow_tokenizer import bytes_to_unicode

from goldens.values import normal
from models.longanimation_toys import TOY
from toonctl.models.keymaps import longanimation as names
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.line_extractor import LineExtractor
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes
from toonctl.models.longanimation.vision import FrameReader, VisionSizes

TEXT_WIDTH = 12
_BLOCKS: dict[str, Any] = {**TOY, "text_embed_dim": TEXT_WIDTH}
_LVU = LvuSizes(9, 4, 2, 16, 24, 300, window=40)
_EYES = VisionSizes(64, 32, 3, 1, image_px=28, patch_px=7, width=16)
_T5: dict[str, Any] = {
    "d_model": TEXT_WIDTH,
    "d_kv": 4,
    "d_ff": 16,
    "num_layers": 2,
    "num_heads": 2,
    "vocab_size": 64,
    "feed_forward_proj": "gated-gelu",
    "relative_attention_num_buckets": 8,
}
_VAE: dict[str, Any] = {
    "block_out_channels": (8, 8, 8, 8),
    "layers_per_block": 1,
    "latent_channels": 16,
    "norm_num_groups": 2,
    "sample_height": 96,
    "sample_width": 96,
    "temporal_compression_ratio": 4,
    "scaling_factor": 0.7,
    "invert_scale_latents": True,
}
_SCHEDULER: dict[str, Any] = {
    "_class_name": "CogVideoXDDIMScheduler",
    "_diffusers_version": "0.32.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "set_alpha_to_one": True,
    "snr_shift_scale": 1.0,
    "steps_offset": 0,
    "timestep_spacing": "trailing",
}
_PLAIN = KeyMap("the same names", ())


def toy_weights(root: Path) -> dict[str, str]:
    """Every role's file or folder below `root`, made there."""
    base = InjectedCogVideoX(**_BLOCKS, num_layers=3)
    _save(base, root / "cogvideox/transformer/diffusion_pytorch_model.safetensors", names.BASE, {})
    vae = AutoencoderKLCogVideoX(**_VAE)
    _save(vae, root / "cogvideox/vae/diffusion_pytorch_model.safetensors", _PLAIN, {})
    _json(root / "cogvideox/vae/config.json", {"_class_name": "AutoencoderKLCogVideoX", **_VAE})
    _text(root / "cogvideox")
    _json(root / "cogvideox/scheduler/scheduler_config.json", _SCHEDULER)
    sketch = SketchDiT(**_BLOCKS, num_layers=2)
    _save(sketch, root / "long/control_module.safetensors", names.SKETCH_DIT, {})
    dglm = Dglm(DglmSizes(32, 1, 96, 8, (12, 20)))
    _save(dglm, root / "long/glm_module.safetensors", names.DGLM, {})
    _video_xl(root / "VideoXL_weight_8")
    extractor = {name: _drawn(f"lines.{name}", p) for name, p in LineExtractor().named_parameters()}
    torch.save(extractor, root / "sk_model.pth")
    return {
        "base": str(root / "cogvideox/transformer"),
        "vae": str(root / "cogvideox/vae"),
        "text": str(root / "cogvideox/text_encoder"),
        "tokenizer": str(root / "cogvideox/tokenizer"),
        "scheduler": str(root / "cogvideox/scheduler"),
        "sketch": str(root / "long/control_module.safetensors"),
        "dglm": str(root / "long/glm_module.safetensors"),
        "lvu": str(root / "VideoXL_weight_8"),
        "lines": str(root / "sk_model.pth"),
    }


def spiece(pieces: list[str]) -> bytes:
    """A `spiece.model` of these pieces, the likelier first, behind `<pad>`, `</s>` and `<unk>`."""
    listed = [("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2)]
    listed += [(piece, -1.0 - rank / 8, 1) for rank, piece in enumerate(pieces)]
    data = b"".join(_field(1, _piece(*each)) for each in listed)
    return data + _field(2, _varint(3 << 3) + _varint(1) + _varint(40 << 3) + _varint(2))


def _text(folder: Path) -> None:
    encoder = T5EncoderModel(T5Config(**_T5))
    tensors = {name: _drawn(f"t5.{name}", p) for name, p in encoder.named_parameters()}
    path = folder / "text_encoder/model.safetensors"
    path.parent.mkdir(parents=True)
    # float32 in two shards behind an index, as published
    halves = sorted(tensors)[::2], sorted(tensors)[1::2]
    index = {}
    for number, keys in enumerate(halves, 1):
        name = f"model-0000{number}-of-00002.safetensors"
        save_file({key: tensors[key] for key in keys}, path.with_name(name))
        index |= dict.fromkeys(keys, name)
    _json(path.with_name("model.safetensors.index.json"), {"metadata": {}, "weight_map": index})
    _json(path.with_name("config.json"), {"model_type": "t5", "architectures": ["T5EncoderModel"], **_T5})
    (folder / "tokenizer").mkdir()
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz,.HQ-", "▁the", "▁boy", "▁high", "ing"]
    (folder / "tokenizer/spiece.model").write_bytes(spiece(letters))


def _video_xl(folder: Path) -> None:
    model, eyes = LongVideoModel(_LVU), FrameReader(_EYES)
    last, width = "model.layers.8.", _LVU.hidden
    unread = {
        "lm_head.weight": (_LVU.vocab, width),
        "model.norm.weight": (width,),
        f"{last}post_attention_layernorm.weight": (width,),
        f"{last}mlp.up_proj.weight": (_LVU.intermediate, width),
        f"{last}mlp.gate_proj.weight": (_LVU.intermediate, width),
        f"{last}mlp.down_proj.weight": (width, _LVU.intermediate),
        f"{last}self_attn.q_proj.weight": (width, width),
        f"{last}self_attn.q_proj.bias": (width,),
        f"{last}self_attn.beacon_q_proj.weight": (width, width),
        f"{last}self_attn.beacon_q_proj.bias": (width,),
        f"{last}self_attn.o_proj.weight": (width, width),
    }
    rest = {name: normal(name, shape) for name, shape in unread.items()}
    _save(model, folder / "model-00001-of-00002.safetensors", names.lvu(len(model.layers)), rest)
    _save(eyes, folder / "model-00002-of-00002.safetensors", names.FRAME_READER, {})
    settings = {
        "architectures": ["LlavaQwenForCausalLM"],
        "model_type": "llava_qwen",
        "num_attention_heads": _LVU.heads,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "beacon_window": _LVU.window,
        "mm_vision_select_layer": -2,
        "mm_spatial_pool_mode": "average",
        "mm_spatial_pool_stride": 2,
    }
    _json(folder / "config.json", settings)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = list(bytes_to_unicode().values())
    _json(folder / "vocab.json", {letter: number for number, letter in enumerate(letters)})
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    added = {str(256 + i): {"content": text, "special": True} for i, text in enumerate(special)}
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    _json(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": {key: value | plain for key, value in added.items()},
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": special[2],
            "pad_token": special[0],
        },
    )


def _save(model: nn.Module, path: Path, key_map: KeyMap, more: Mapping[str, Tensor]) -> None:
    drawn = {name: _drawn(f"{path.name}.{name}", p) for name, p in model.named_parameters()}
    if "decoder.conv_out.conv.weight" in drawn:
        drawn["decoder.conv_out.conv.weight"] *= (
            0.2  # pictures of middling colors, so that every change shows
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**key_map.to_published(drawn), **more}, path)


def _drawn(name: str, parameter: Tensor) -> Tensor:
    """Values that keep signals alive: norms about one, matrices by their fan-in."""
    values = normal(name, parameter.shape)
    if parameter.ndim < 2:
        return 1 + 0.1 * values if name.endswith(".weight") else 0.1 * values
    return values / (parameter[0].numel() ** 0.5)


def _json(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def _piece(text: str, score: float, kind: int) -> bytes:
    return (
        _field(1, text.encode())
        + _varint(2 << 3 | 5)
        + struct.pack("<f", score)
        + _varint(3 << 3)
        + _varint(kind)
    )


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low = value & 127
    return bytes([low]) if value < 128 else bytes([low | 128]) + _varint(value >> 7)
