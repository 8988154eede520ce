"""A checkpoint folder of every network of LongAnimation at toy size, and clips to train on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import AutoencoderKLCogVideoX
from safetensors.torch import save_file
from torch import nn

from goldens.longanimation import CONFIG, fill
from goldens.values import normal
from toonctl.models.keymaps import longanimation as names
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes
from toonctl.models.longanimation.vision import FrameReader, VisionSizes

PROMPT = {"prompt_prefix": [1, 2, 3], "prompt_suffix": [4, 5]}
SIZE = (48, 32)
FRAMES = 9
HISTORY = 8

_VAE: dict[str, Any] = {
    "block_out_channels": [8, 8, 8, 8],
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "latent_channels": 16,
    "scaling_factor": 0.7,
    "invert_scale_latents": True,
}


def write_models(folder: Path) -> None:
    """`transformer/`, `vae/` and `long_video/`, with weights by the golden set's naming rule."""
    base = InjectedCogVideoX(
        **CONFIG,
        num_layers=2,
        num_attention_heads=2,
        attention_head_dim=16,
        text_embed_dim=12,
        time_embed_dim=16,
        ofs_embed_dim=16,
    )
    fill(base, "transformer.", "fan", names.BASE)
    _write(folder / "transformer", base, names.BASE)
    vae = AutoencoderKLCogVideoX(**_VAE)
    fill(vae, "vae.", "fan", KeyMap("vae", ()))
    _write(folder / "vae", vae, KeyMap("vae", ()), _VAE)
    language = LongVideoModel(LvuSizes(9, 2, 1, 16, 32, 16, window=16))
    fill(language, "lvu.", "fan", names.lvu(9))
    eyes = FrameReader(VisionSizes(64, 64, 3, 1, 56, 14, 16))
    fill(eyes, "eyes.", "fan", names.FRAME_READER)
    both = nn.ModuleDict({"language": language, "eyes": eyes})
    published = {
        names.lvu(9).published_name(key.removeprefix("language."))
        if key.startswith("language.")
        else names.FRAME_READER.published_name(key.removeprefix("eyes.")): tensor
        for key, tensor in both.named_parameters()
    }
    _save(folder / "long_video", published, {"num_attention_heads": 2, "beacon_window": 16})


def write_clips(folder: Path, *, n_clips: int = 3, frames: int = 20) -> None:
    """Clips of a colored square on its way over a colored ground, with its outline as line art."""
    for number in range(n_clips):
        colors = np.random.default_rng(number).integers(0, 256, (2, 3)).tolist()
        for i in range(frames):
            corner = (2 + i + 3 * number, 4 + i // 2)
            far = (corner[0] + 14, corner[1] + 12)
            painted = np.full((SIZE[1], SIZE[0], 3), colors[0], np.uint8)
            cv2.rectangle(painted, corner, far, colors[1], -1)
            line = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
            cv2.rectangle(line, corner, far, 0, 1)
            for kind, picture in (("color", painted), ("line", line)):
                path = folder / f"toy{number}" / kind / f"{i + 1:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), picture)
        facts = {"frames": frames, "aesthetic_score": 5.0 - number}
        (folder / f"toy{number}" / "clip.json").write_text(json.dumps(facts))


def write_texts(path: Path, *clips: str) -> None:
    """Embeddings of the empty text and of the clips' captions."""
    save_file({name: 0.1 * normal(f"text:{name}", (1, 5, 12)) for name in ("empty", *clips)}, path)


def data_recipe(folder: Path, **changes: object) -> dict[str, object]:
    """A data recipe over what stands in `folder`."""
    return {
        "recipe": "longanimation_data",
        "clips": str(folder / "clips"),
        "texts": str(folder / "texts.safetensors"),
        "vae": str(folder / "vae"),
        "long_video": str(folder / "long_video"),
        "has_history": True,
        "examples_per_clip": 1,
        "frames": FRAMES,
        "history_frames": HISTORY,
        "min_frames": FRAMES,
        "width": SIZE[0],
        "height": SIZE[1],
        "device": "cpu",
        "precision": "float32",
        "out": str(folder / "data"),
        **PROMPT,
        **changes,
    }


def _write(
    folder: Path, model: nn.Module, key_map: KeyMap, settings: Mapping[str, Any] | None = None
) -> None:
    published = {key_map.published_name(key): tensor for key, tensor in model.named_parameters()}
    _save(folder, published, settings or {})


def _save(folder: Path, tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    save_file({key: t.detach().contiguous() for key, t in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(settings))
