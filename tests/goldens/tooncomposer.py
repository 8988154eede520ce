"""ToonComposer's golden cases with the engine's own classes; weights follow from their published names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor, nn
from transformers import CLIPVisionModel

from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.sampling import flow_schedule
from toonctl.models.tooncomposer import encoders, pictures
from toonctl.models.tooncomposer.adapters import LowRankAttention
from toonctl.models.tooncomposer.conditioning import SparseFrames, condition
from toonctl.models.tooncomposer.rope import rotate, spatial_rotary, with_sketches
from toonctl.models.tooncomposer.system import Prompt, RunSettings, ToonComposer
from toonctl.models.tooncomposer.transformer import Sketches, ToonComposerTransformer, TransformerParams
from toonctl.models.tooncomposer.vae import Tiling, build_vae, decode, encode

from .values import normal

RELATIVE = False

Settings = Mapping[str, Any]
Tensors = Mapping[str, Tensor]

_PACKED = 4
_LATENT = 16


def compute(
    name: str, settings: Settings, stored: Tensors, cases: Mapping[str, Settings]
) -> dict[str, Tensor]:
    """Every output of a case by its stored name."""
    return _KINDS[settings["kind"]](settings, stored)


def allowance(name: str, settings: Settings, tensor_name: str, expected: Tensor) -> Tensor:
    """The README's rule: 1e-4 + 1e-4 |b|; 1e-6 for scheduler, preprocessing and packing; integers 0."""
    if not expected.is_floating_point():
        return torch.tensor(0.0)
    if settings["kind"] in ("scheduler", "preprocess"):
        return torch.tensor(1e-6)
    allowed = 1e-4 + 1e-4 * expected.double().abs()
    if settings["kind"] == "conditioning":
        allowed[:, :_PACKED] = 1e-6
        allowed[:, _PACKED + _LATENT :] = 1e-6
    return allowed


def weight(name: str, shape: Sequence[int]) -> Tensor:
    """The weight called `name`, by the set's README, "Values from names"."""
    n = normal(name, shape)
    if name.endswith("gamma") or (len(shape) == 1 and name.endswith(".weight")):
        return 1 + 0.1 * n
    if len(shape) >= 2 and shape[0] == 1:
        return 0.3 * n
    if len(shape) >= 2:
        return n / n[0].numel() ** 0.5
    return 0.05 * n


def fill(model: nn.Module, key_map: KeyMap, *, prefix: str = "") -> None:
    """Gives every parameter the value of its published name."""
    shapes = {
        key: tuple(tensor.shape)
        for key, tensor in key_map.to_published(
            {name: torch.empty(p.shape, device="meta") for name, p in model.named_parameters()}
        ).items()
    }
    files = WeightFiles("golden weights", shapes, lambda key: weight(prefix + key, shapes[key]))
    load_files(model, [Source(files, key_map)])


def transformer(config: Settings) -> ToonComposerTransformer:
    """The transformer of a published configuration, filled by name."""
    if config["sequence_cond_mode"] != "sparse" or config["use_channel_cond"] or config["use_dera_temporal"]:
        raise ValueError("the published networks take sparse sketches and have a spatial adapter alone")
    model = empty_model(partial(ToonComposerTransformer, transformer_params(config))).eval()
    fill(model, TRANSFORMER)
    return model


def transformer_params(config: Settings) -> TransformerParams:
    """Our sizes of a published configuration."""
    has_adapter = config["use_dera"] and config["use_dera_spatial"]
    return TransformerParams(
        n_heads=config["num_heads"],
        head_dim=config["dim"] // config["num_heads"],
        ffn_dim=config["ffn_dim"],
        n_layers=config["num_layers"],
        text_dim=config["text_dim"],
        freq_dim=config["freq_dim"],
        has_cross_norm=config["cross_attn_norm"],
        eps=config["eps"],
        rank=config["dera_rank"] if has_adapter else None,
        sketch_channels=config["sequence_cond_in_dim"] if config["use_sequence_cond"] else None,
        has_residual=config["use_sequence_cond_position_aware_residual"],
    )


def vae(base_dim: int, prefix: str = "vae.") -> AutoencoderKLWan:
    """The VAE of this width, filled by name."""
    model = empty_model(partial(build_vae, base_dim)).eval()
    fill(model, VAE, prefix=prefix)
    return model


def vision_encoder(settings: Settings, prefix: str = "clip.") -> CLIPVisionModel:
    """The image tower of a case, filled by name."""
    dim = settings["vision_dim"]
    params = encoders.VisionParams(
        dim, settings["heads"], settings["layers"], int(dim * settings["mlp_ratio"])
    )
    model = empty_model(partial(encoders.build_vision_encoder, params))
    fill(model, CLIP_VISION, prefix=prefix)
    return model


def _dit(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    config, prefix = settings["config"], settings["input_seed_prefix"]
    t, h, w = settings["latent_thw"]
    x = _input(stored, "x", prefix, (1, _LATENT, t, h, w))
    text = _input(stored, "context", prefix, (settings["context_tokens"], config["text_dim"]))
    image = normal(prefix + "clip_fea", (1, 257, 1280))
    model = transformer(config)
    sketches = Sketches(
        stored["in.sequence_cond"], tuple(stored["in.indices"].tolist()), float(settings["alpha"])
    )
    with _watched(model) as seen:
        velocity = model(
            torch.cat([x, stored["in.y"]], 1),
            torch.tensor([float(settings["timestep"])]),
            encoders.pad_text([text]),
            image,
            sketches,
        )
    return {**seen, "out.velocity": velocity}


def _input(stored: Tensors, name: str, prefix: str, shape: Sequence[int]) -> Tensor:
    """The stored input of this name; where it is not stored, it follows from its name."""
    return stored[f"in.{name}"] if f"in.{name}" in stored else normal(prefix + name, shape)


@contextmanager
def _watched(model: ToonComposerTransformer) -> Iterator[dict[str, Tensor]]:
    """The intermediates of the forward run inside the block, by the names of the set."""
    seen: dict[str, Tensor] = {}
    first = model.blocks[0]
    parts: dict[nn.Module, str] = {
        model.condition_embedder.time_embedder: "mid.time_embedding",
        first.attn1.to_out[1]: "mid.self_attn0",
        first.attn2: "mid.cross_attn0",
        first: "mid.block0_out",
        model.blocks[-1]: "mid.last_block_out",
    }
    if model.params.rank is not None:
        parts[first.attn1.processor.adapter] = "mid.slra0"

    # Cloned: the position-aware residual is written into a block's output.
    def keep_output(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        seen[parts[module]] = output.clone()
        if module is first and len(model.blocks) == 1:
            seen["mid.last_block_out"] = output.clone()

    def keep_input(name: str, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen[name] = inputs[0].clone()

    hooks = [module.register_forward_hook(keep_output) for module in parts]
    hooks.append(first.register_forward_pre_hook(partial(keep_input, "mid.tokens_in")))
    if len(model.blocks) > 1:
        hooks.append(model.blocks[1].register_forward_pre_hook(partial(keep_input, "mid.block1_in")))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _slra(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    frames, height, width = settings["frames_times_tokens"]
    adapter = LowRankAttention(settings["dim"], settings["rank"], n_heads=settings["heads"])
    # The rules of the whole network, for an adapter that stands alone.
    names = KeyMap(
        "adapter",
        tuple(
            type(rule)(
                rule.published.removeprefix("blocks.{n}.dera."),
                rule.ours.removeprefix("blocks.{n}.attn1.processor.adapter."),
            )
            for rule in TRANSFORMER.rules
            if ".dera." in rule.published and isinstance(rule.ours, str)
        ),
    )
    fill(adapter, names, prefix=settings["weight_prefix"])
    shape = (1, frames * height * width, settings["dim"])
    x = _input(stored, "x", settings["input_seed_prefix"], shape)
    head_dim = settings["rank"] // settings["heads"]
    rotary = spatial_rotary(height, width, head_dim, torch.device("cpu"))
    return {"mid.down": adapter.down(x), "out.y": adapter(x, rotary)}


def _rope(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    t, h, w = settings["grid_thw"]
    params = TransformerParams(
        n_heads=1, head_dim=settings["head_dim"], ffn_dim=8, n_layers=1, rank=None, sketch_channels=None
    )
    model = empty_model(partial(ToonComposerTransformer, params))
    own = model.rope(torch.empty(1, 1, t, 2 * h, 2 * w, device="meta"))
    rotary = with_sketches(own, t, settings["sketch_latent_frames"])
    return {"out.rotated": rotate(stored["in.x"], rotary)}


def _scheduler(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for n in settings["steps"]:
        schedule = flow_schedule(n, shift=settings["shift"])
        z, v = stored[f"in.z.{n}"], stored[f"in.v.{n}"]
        found[f"out.sigmas.{n}"] = schedule.sigmas[:-1]
        found[f"out.timesteps.{n}"] = schedule.timesteps
        found[f"out.first_step.{n}"] = schedule.step(z, v, 0)
        found[f"out.last_step.{n}"] = schedule.step(z, v, n - 1)
    return found


def _preprocess(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    size = (settings["target_hw"][0], settings["target_hw"][1])

    def keep(frame: int) -> Tensor:
        row = torch.zeros(1, settings["num_frames"])
        row[:, frame] = 1
        return row

    matte = pictures.painted_matte(stored["in.mask_layer_rgba"])
    return {
        "out.colour_frame": pictures.color_frame(stored["in.colour"], size),
        "out.sketch_frame": pictures.sketch_frame(stored["in.sketch"], size),
        "out.colour_keep": keep(settings["colour_frame"]),
        "out.sketch_keep": keep(settings["sketch_frame"]),
        "out.local_mask_frame": pictures.region_mask(matte, size, is_stretched=True),
    }


def _vae(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    model = vae(settings["base_dim"], settings["weight_prefix"])
    height, width = settings["hw"]
    video = torch.zeros(1, 3, settings["num_frames"], height, width)
    video[0][:, settings["nonzero_frames"]] = stored["in.frames"]
    return {
        "out.latent": encode(model, video),
        "out.decoded": decode(model, stored["in.z"]),
        "out.decoded_tiled": decode(model, stored["in.z"], tiling=_tiling(settings)),
    }


def _clip(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    model = vision_encoder(settings, settings["weight_prefix"])
    return {"out.features": encoders.encode_image(model, stored["in.image"])}


def _t5(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    config = settings["config"]
    params = encoders.TextParams(
        config["vocab"],
        config["dim"],
        config["dim_attn"],
        config["dim_ffn"],
        config["num_heads"],
        config["num_layers"],
        config["num_buckets"],
    )
    model = empty_model(partial(encoders.build_text_encoder, params))
    fill(model, UMT5, prefix=settings["weight_prefix"])
    rows = encoders.encode_text(model, stored["in.ids"], stored["in.mask"])
    return {"out.embeds": nn.utils.rnn.pad_sequence(rows, batch_first=True)}


def _conditioning(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    size = (settings["target_hw"][0], settings["target_hw"][1])
    frames = SparseFrames(
        settings["num_frames"],
        size,
        {f: pictures.color_frame(stored[f"in.colour.{f}"], size) for f in settings["colour_frames"]},
        {f: pictures.sketch_frame(stored[f"in.sketch.{f}"], size) for f in settings["sketch_frames"]},
        {
            f: pictures.region_mask(
                pictures.painted_matte(stored[f"in.mask_layer.{f}"]), size, is_stretched=True
            )
            for f in settings["masked_sketch_frames"]
        },
    )
    found = condition(vae(settings["vae_base_dim"], settings["weight_prefix"]), frames)
    return {
        "out.y": found.video,
        "out.sequence_cond": found.sketches.latents,
        "out.indices": torch.tensor(found.sketches.indices),
    }


def _sampler(settings: Settings, stored: Tensors) -> dict[str, Tensor]:
    prefix, (height, width) = settings["input_seed_prefix"], settings["hw"]

    def drawn(name: str, frame: int, *shape: int) -> Tensor:
        return normal(f"{prefix}{name}:{frame}", shape)

    frames = SparseFrames(
        settings["num_frames"],
        (height, width),
        {f: drawn("colour", f, 1, 3, height, width)[0].tanh() for f in settings["colour_frames"]},
        {f: (2 * drawn("sketch", f, 1, 3, height, width)[0]).tanh() for f in settings["sketch_frames"]},
        {f: (drawn("mask", f, height, width) > 0).float() for f in settings["masked_sketch_frames"]},
    )
    coder = vae(settings["vae_base_dim"])
    found = condition(
        coder,
        frames,
        alpha=float(settings["alpha"]),
        sketch_channels=settings["config"]["sequence_cond_in_dim"],
    )
    image = encoders.encode_image(vision_encoder(settings["clip"]), found.first_color)
    system = ToonComposer(transformer(settings["config"]), coder)
    prompt = Prompt(
        encoders.pad_text([stored["in.context_pos"]]),
        encoders.pad_text([stored["in.context_neg"]]),
        image,
    )
    run = RunSettings(settings["steps"], float(settings["cfg_scale"]), settings["shift"], settings["seed"])
    states = list(system.sample(found, prompt, run))
    tiling = _tiling(settings) if settings["tiled_decode"] else None
    return {
        **{f"out.latents.{index}": state for index, state in enumerate(states)},
        "out.frames": system.decode(states[-1], tiling=tiling),
    }


def _tiling(settings: Settings) -> Tiling:
    (height, width), (down, right) = settings["tile_size_latent"], settings["tile_stride_latent"]
    return Tiling((height, width), (down, right))


_KINDS = {
    "dit": _dit,
    "slra": _slra,
    "rope": _rope,
    "scheduler": _scheduler,
    "preprocess": _preprocess,
    "vae": _vae,
    "clip": _clip,
    "t5": _t5,
    "conditioning": _conditioning,
    "sampler": _sampler,
}
