"""ToonCrafter's golden cases, computed with toonctl's own networks, schedule and sampler."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor

from toonctl.models.checkpoint import WeightFiles, empty_model
from toonctl.models.keymaps.tooncrafter import tooncrafter_map
from toonctl.models.tooncrafter import params as sizes
from toonctl.models.tooncrafter.clip import prepare_picture
from toonctl.models.tooncrafter.lora import LoraParams, add_lora, lora_parameters, set_lora_scale
from toonctl.models.tooncrafter.model import ToonCrafter, load_tooncrafter
from toonctl.models.tooncrafter.sampler import Guidance
from toonctl.models.tooncrafter.schedule import Grid, Spacing, grid, published_tables
from toonctl.models.tooncrafter.tokenizer import PromptTokenizer
from toonctl.models.tooncrafter.unet import sinusoid
from toonctl.models.tooncrafter.window import Sampling, Window, encode_context, encode_keys

from .values import normal

RELATIVE = False

Settings = Mapping[str, Any]

_EMBEDDED = (0, 1, 10, 24, 500, 999)
"""Timesteps of the stored sinusoid."""

_TINY = {
    "T": 4, "mc": 32, "mult": (1, 2), "nrb": 1, "attn": (2, 1), "head": 16, "ctx": 32, "vision_width": 64,
    "rs_depth": 2, "rs_heads": 3, "vae_ch": 32, "vae_mult": (1, 1, 2, 2), "vae_nrb": 1, "v_layers": 2,
    "t_layers": 3,
}  # fmt: skip


def allowance(name: str, settings: Settings, tensor_name: str, expected: Tensor) -> Tensor:
    """Absolute: 0 for integers, 5e-4 for what sampling produces, 1e-4 for everything else."""
    if not expected.is_floating_point():
        return torch.tensor(0.0)
    is_sampled = settings["kind"] == "sample" and not tensor_name.startswith("ddim_")
    return torch.tensor(5e-4 if is_sampled else 1e-4)


def compute(
    name: str, settings: Settings, stored: Mapping[str, Tensor], cases: Mapping[str, Settings]
) -> dict[str, Tensor]:
    """Every tensor of a case, by its kind."""
    return _KINDS[settings["kind"]](name, settings)


def tiny_params(model: Settings) -> sizes.ToonCrafterParams:
    """Sizes of a case's networks: the set's small ones where the case says nothing."""
    size = _TINY | dict(model)
    return sizes.ToonCrafterParams(
        unet=sizes.UNetParams(
            model_channels=size["mc"],
            channel_mult=tuple(size["mult"]),
            n_res_blocks=size["nrb"],
            attention_strides=tuple(size["attn"]),
            head_dim=size["head"],
            context_dim=size["ctx"],
        ),
        vae=sizes.VaeParams(
            channels=size["vae_ch"], channel_mult=tuple(size["vae_mult"]), n_res_blocks=size["vae_nrb"]
        ),
        resampler=sizes.ResamplerParams(
            dim=size["ctx"],
            depth=size["rs_depth"],
            n_heads=size["rs_heads"],
            head_dim=16,
            n_frames=size["T"],
            token_dim=size["vision_width"],
            out_dim=size["ctx"],
        ),
        vision=sizes.VisionParams(
            width=size["vision_width"], n_layers=size["v_layers"], n_heads=size["vision_width"] // 16
        ),
        text=sizes.TextParams(width=size["ctx"], n_layers=size["t_layers"], n_heads=2),
    )


def filled(key: str, shape: tuple[int, ...], rule: str) -> Tensor:
    """A weight by the set's rule."""
    x = normal(key, shape)
    if len(shape) == 1 and key.endswith(".weight"):
        return 1 + 0.02 * x
    if len(shape) >= 2 and rule == "fan":
        return x / (x.numel() / shape[0]) ** 0.5
    return 0.02 * x


@lru_cache(maxsize=1)
def _networks(params: sizes.ToonCrafterParams, rule: str) -> ToonCrafter:
    empty = empty_model(lambda: ToonCrafter(params)).state_dict()
    shapes = tooncrafter_map(params.text.n_layers).to_published(empty)
    tensors = {key: filled(key, tuple(tensor.shape), rule) for key, tensor in shapes.items()}
    weights = WeightFiles("golden", {key: tuple(x.shape) for key, x in tensors.items()}, tensors.__getitem__)
    return load_tooncrafter(weights, params)


def _of(settings: Settings) -> ToonCrafter:
    return _networks(tiny_params(settings.get("model", {})), settings.get("rule", "fan"))


def _frames(settings: Settings) -> int:
    return settings.get("frames") or (_TINY | dict(settings.get("model", {})))["T"]


def _pictures(name: str, shape: tuple[int, ...]) -> Tensor:
    return normal(name, shape).clamp(-2, 2) / 2


def _rows(value: Any, b: int) -> Tensor | None:
    if value is None:
        return None
    values = torch.as_tensor(value, dtype=torch.long).reshape(-1)
    return values.expand(b) if len(values) == 1 else values


def _tables(name: str, settings: Settings) -> dict[str, Tensor]:
    out = dict(published_tables())
    for n_steps, spacing, eta in settings["grids"]:
        steps = grid(n_steps, spacing=Spacing(spacing), eta=eta)
        lead = f"ddim/{n_steps}/{spacing}/{eta}"
        out |= {f"{lead}/{key}": table for key, table in _grid_tensors(steps).items()}
    widths = {
        int(key.rsplit("_", 1)[1]) for key in settings.get("tensors", ()) if key.startswith("timestep_e")
    }
    for width in widths | {320}:
        out[f"timestep_embedding_{width}"] = sinusoid(torch.tensor(_EMBEDDED), width)
    return out


def _grid_tensors(steps: Grid) -> dict[str, Tensor]:
    return {
        "timesteps": steps.timesteps,
        "alphas": steps.signal,
        "alphas_prev": steps.signal_before,
        "sigmas": steps.sigma,
        "rescale": steps.rescale,
    }


def _unet_inputs(name: str, settings: Settings) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    b, frames, width = (
        settings.get("b", 1),
        _frames(settings),
        (_TINY | dict(settings.get("model", {})))["ctx"],
    )
    x = normal(f"{name}/x", (b, 8, frames, settings["h"], settings["w"]))
    n_tokens = 77 + 16 * (frames if settings.get("per_frame", True) else 1)
    context = normal(f"{name}/context", (b, n_tokens, width))
    timesteps = _rows(settings["t"], b)
    assert timesteps is not None
    return x, timesteps, context, _rows(settings.get("fs"), b)


def _unet(name: str, settings: Settings) -> dict[str, Tensor]:
    unet = _of(settings).unet
    x, timesteps, context, stride = _unet_inputs(name, settings)
    seen: dict[str, Tensor] = {}
    layers = {
        "input_blocks.0": unet.input_blocks[0],
        "init_attn": unet.init_attn,
        "input_blocks.1": unet.input_blocks[1],
        "middle_block": unet.middle_block,
    }
    hooks = [
        layer.register_forward_hook(lambda _, __, output, key=key: seen.update({f"after/{key}": output}))
        for key, layer in layers.items()
    ]
    try:
        return {"out": unet(x, timesteps, context, frame_stride=stride)} | seen
    finally:
        for hook in hooks:
            hook.remove()


def _lora(name: str, settings: Settings) -> dict[str, Tensor]:
    _networks.cache_clear()  # the adapter changes the network it is added to
    unet = _of(settings).unet
    _networks.cache_clear()
    params = LoraParams(tuple(settings["targets"]), settings["r"], settings["alpha"], 0.0)
    add_lora(unet, params)
    set_lora_scale(unet, settings["scale"])
    adapter = lora_parameters(unet)
    for key, parameter in adapter.items():
        key = f"lora/{key.replace('.default.', '.')}"
        parameter.data = filled(key, tuple(parameter.shape), "fan")
    x, timesteps, context, stride = _unet_inputs(name, settings)
    count = sum(parameter.numel() for parameter in adapter.values())
    return {"out": unet(x, timesteps, context, frame_stride=stride), "lora_params": torch.tensor([count])}


def _vae(name: str, settings: Settings) -> dict[str, Tensor]:
    vae, b, frames = _of(settings).vae, settings.get("b", 1), _frames(settings)
    height, width = settings["H"], settings["W"]
    h, w = height // 8, width // 8
    video = _pictures(f"{name}/video", (b, 3, frames, height, width))
    encoded = vae.encode(rearrange(video, "b c f h w -> (b f) c h w"))
    references = encoded.references(frames)
    noise = normal(f"{name}/enc_noise/0", (b * frames, 4, h, w))
    latents = normal(f"{name}/latent", (b, 4, frames, h, w))
    out = {
        "moments": torch.cat([encoded.mean, encoded.log_variance], 1),
        "z_scaled": vae.scaled_latents(encoded, noise, n_frames=frames),
        "decode_dualref": vae.decode(latents, references),
        "decode_noref": vae.decode(latents),
    }
    for i, reference in enumerate(references):
        out[f"ref_context/{i}/first_px_row"] = reference[:, :, :, 0]
        out[f"ref_context/{i}/mean_std"] = torch.stack([reference.mean(), reference.std()])
    return out


def _image(name: str, settings: Settings) -> dict[str, Tensor]:
    networks = _of(settings)
    vision, _ = networks.clip
    picture = _pictures(f"{name}/img", (1, 3, settings["H"], settings["W"]))
    if settings.get("smooth"):
        picture = F.interpolate(picture[..., ::16, ::16], picture.shape[-2:], mode="bilinear")
    prepared = prepare_picture(picture, 224)
    tokens = vision.tokens(picture)
    grey = vision.tokens(torch.zeros_like(picture))
    return {
        "preprocessed": prepared if settings.get("full") else prepared[..., ::4, ::4],
        "tokens": tokens,
        "proj": networks.resampler(tokens),
        "proj_zero_image": networks.resampler(grey),
    }


@lru_cache(maxsize=1)
def _tokenizer() -> PromptTokenizer:
    return PromptTokenizer(files("toonctl.weights").joinpath("clip_bpe_merges.txt.gz").read_bytes())


def _text(name: str, settings: Settings) -> dict[str, Tensor]:
    ids = _tokenizer()(settings["prompts"])
    return {"token_ids": ids, "out": _of(settings).clip[1].features(ids)}


def _sample(name: str, settings: Settings) -> dict[str, Tensor]:
    networks, b, frames = _of(settings), settings.get("b", 1), _frames(settings)
    vision, text = networks.clip
    height, width = settings["H"], settings["W"]
    shape = (b, 4, frames, height // 8, width // 8)
    sampling = _sampling(settings)
    drawn = [_pictures(f"{name}/frame{i}", (b, 3, 1, height, width)) for i in (0, 1)]
    pictures = torch.cat(drawn, 2)  # [B, 3, 2, H, W]
    noise = normal(f"{name}/enc_noise/0", (b * frames, *shape[1:2], *shape[3:]))
    noise = rearrange(noise, "(b f) c h w -> b c f h w", b=b)[:, :, [0, frames - 1]]
    prompts = settings["prompts"]
    contexts = encode_context(
        text,
        (vision, networks.resampler),
        ids=_tokenizer()(prompts if len(prompts) == b else prompts * b),
        empty_ids=_tokenizer()([""]),
        first_key=pictures[:, :, 0],
        guidance=sampling.guidance,
    )
    keys = encode_keys(networks.vae, pictures, noise, n_frames=frames)
    window = Window(networks.unet, networks.vae, sampling)
    start = normal(f"{name}/x_T", shape)
    draw: Callable[[int], Tensor] = lambda i: normal(f"{name}/noise/{i}", shape)  # noqa: E731
    steps = list(window.steps(start, keys=keys, contexts=contexts, draw=draw))
    out = {f"ddim_{key}": table for key, table in _grid_tensors(window.grid).items()}
    out |= {f"pred_x0/{step.number}": step.denoised for step in steps}
    latents = steps[-1].latents
    return out | {"latent_final": latents, "pixels": window.frames(latents, keys)}


def _sampling(settings: Settings) -> Sampling:
    stride = _rows(settings.get("fs"), 1)
    return Sampling(
        n_steps=settings["steps"],
        spacing=Spacing(settings["spacing"]),
        eta=settings["eta"],
        guidance=Guidance(settings["cfg"], settings.get("cfg_img"), settings["rescale"]),
        frame_stride=None if stride is None else int(stride[0]),
    )


_KINDS: dict[str, Callable[[str, Settings], dict[str, Tensor]]] = {
    "tables": _tables,
    "unet": _unet,
    "lora": _lora,
    "vae": _vae,
    "image": _image,
    "text": _text,
    "sample": _sample,
}
