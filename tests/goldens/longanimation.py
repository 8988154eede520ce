"""LongAnimation's golden set, computed with the engine's own networks, loop and planning."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from toonctl.models.keymaps import longanimation as names
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.denoiser import Denoiser, FilmMemory, SegmentCond
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes
from toonctl.models.longanimation.sampling import (
    Fusion,
    Keep,
    SampledSegment,
    Schedule,
    SegmentTask,
    Velocity,
    sample_segment,
)
from toonctl.models.longanimation.segments import SEGMENT_FRAMES, plan_upstream

from .values import normal

RELATIVE = True
_TOLERANCE = {"fan": 1e-4, "g02": 1e-6}
_STITCHED_FPS = 30

Settings = Mapping[str, Any]

CONFIG: Settings = {
    "activation_fn": "gelu-approximate",
    "attention_bias": True,
    "flip_sin_to_cos": True,
    "in_channels": 32,
    "norm_eps": 1e-5,
    "out_channels": 16,
    "patch_bias": False,
    "patch_size": 2,
    "patch_size_t": 2,
    "sample_height": 300,
    "sample_width": 300,
    "use_rotary_positional_embeddings": True,
}
"""What the settings of a `pipeline_tiny` case leave out: "everything else as in the `sketchdit` cases"."""


def compute(
    name: str, settings: Settings, stored: Mapping[str, Tensor], cases: Mapping[str, Settings]
) -> dict[str, Tensor]:
    return _KINDS[settings["kind"]](name, settings, set(stored))


def allowance(name: str, settings: Settings, tensor_name: str, expected: Tensor) -> Tensor:
    is_loop = "num_segments" in settings
    return (1e-4 if is_loop else _TOLERANCE[settings["gain"]]) * expected.abs().max()


def stitch(settings: Settings) -> Mapping[str, Any]:
    segments = plan_upstream(settings["input_frames"])
    return {
        "input_frames": settings["input_frames"],
        "segments": [[segment.start, segment.start + SEGMENT_FRAMES] for segment in segments],
        "output_frames": sum(len(segment.delivered) for segment in segments),
        "first_input_frame": segments[0].delivered[0] if segments else None,
        "last_input_frame": segments[-1].delivered[-1] if segments else None,
        "stitched_fps": _STITCHED_FPS if segments else None,
    }


def fill(model: nn.Module, prefix: str, gain: str, key_map: KeyMap) -> None:
    """Weights by the naming rule of the set, under their published names."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            published = key_map.published_name(name)
            drawn = normal(prefix + published, parameter.shape)
            is_line = parameter.ndim == 1
            if gain == "g02":
                drawn = 0.02 * drawn
            else:
                drawn = 0.1 * drawn if is_line else drawn / math.sqrt(parameter[0].numel())
            parameter.copy_(1 + drawn if is_line and published.endswith(".weight") else drawn)
    model.eval()


def _input(case: str, name: str, shape: list[Any]) -> Tensor:
    scale = 0.1 if shape[-1] == "scale 0.1" else 1.0
    return scale * normal(f"input:{case}:{name}", [size for size in shape if isinstance(size, int)])


def _inputs(case: str, settings: Settings) -> dict[str, Tensor]:
    return {
        name: _input(case, name, shape) for name, shape in settings["inputs"].items() if "<k>" not in name
    }


def _sketch_dit(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    model = SketchDiT(**settings["config"])
    fill(model, settings["prefix"], settings["gain"], names.SKETCH_DIT)
    given = _inputs(case, settings)
    sketch, text = given["sketch"], given["text"]
    rotary = model.rotary(sketch.shape[1], *sketch.shape[3:])
    output = model(
        sketch,
        given["image"],
        text=text,
        timestep=torch.full((len(text),), settings["timestep"]),
        rotary=rotary,
        ofs=settings["ofs"],
    )
    return {"output": output, "rope_cos": rotary[0], "rope_sin": rotary[1]}


def _base(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    model = InjectedCogVideoX(**settings["config"])
    fill(model, settings["prefix"], settings["gain"], names.BASE)
    given = _inputs(case, settings)
    noisy, text = given["noisy"], given["text"]
    added = model.skip_layers(given["control"], settings["gamma"])
    blocks = [i for i, signal in enumerate(added) if signal is not None]
    if settings.get("injected_after_blocks", blocks) != blocks:
        raise ValueError(f"{case} injects after blocks {settings['injected_after_blocks']}, not {blocks}")
    output = model(
        torch.cat([noisy, given["image"]], 2),
        text=text,
        timestep=torch.full((len(text),), settings["timestep"]),
        rotary=model.rotary(noisy.shape[1], *noisy.shape[3:]),
        added=added,
        ofs=settings["ofs"],
    )
    return {"output": output}


def _dglm(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    given = _inputs(case, settings)
    sizes = DglmSizes(settings["dim"], settings["heads"], settings["dim_head"], given["global"].shape[-1])
    model = Dglm(sizes)
    fill(model, settings["prefix"], settings["gain"], names.DGLM)
    fused = model(given["hybrid"], model.project(given["global"], given["local"]))
    return {"fused": fused, "output": fused + given["hybrid"]}


def _lvu(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    fields = ("layers", "heads", "kv_heads", "hidden", "intermediate", "vocab", "rope_theta", "rms_eps")
    sizes = LvuSizes(
        **{name: settings[name] for name in (*fields, "window", "ratio")},
        picked_layers=tuple(settings["picked_layers"]),
    )
    model = LongVideoModel(sizes)
    fill(model, settings["prefix"], settings["gain"], names.lvu(len(model.layers)))
    n_prefix, n_suffix = settings["prefix_tokens"], settings["suffix_tokens"]
    cache = model.begin(settings["ids"][:n_prefix])
    for window in _inputs(case, settings)["image_features"].split(sizes.window):
        cache = model.extend(cache, window)
    return {"memory": model.read(cache, settings["ids"][n_prefix : n_prefix + n_suffix])}


def _toy_loop(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    def bind(cond: SegmentCond) -> Velocity:
        def velocity(noisy: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
            control = 0.5 * cond.sketch + 0.25 * cond.image
            if cond.memory is not None:
                control = control + control * (cond.memory.whole.mean() - cond.memory.recent.mean())
            wave = text.mean((1, 2)) * torch.cos(3 * timestep.float() / 1000)
            shifted = 0.1 * noisy.roll(1, 1)
            return (
                0.35 * noisy + 0.15 * cond.image + shifted + 0.5 * control + wave[:, None, None, None, None]
            )

        return velocity

    return _film(case, settings, bind, wanted)


def _pipeline(case: str, settings: Settings, wanted: set[str]) -> dict[str, Tensor]:
    heads, head_dim = settings["heads"], settings["head_dim"]
    config = dict(CONFIG) | {
        "num_attention_heads": heads,
        "attention_head_dim": head_dim,
        "text_embed_dim": settings["text_dim"],
        "time_embed_dim": settings["time_embed_dim"],
        "ofs_embed_dim": settings["ofs_embed_dim"],
    }
    base = InjectedCogVideoX(**config, num_layers=settings["base_layers"])
    sketch_dit = SketchDiT(**config, num_layers=settings["sketch_layers"])
    dglm = Dglm(DglmSizes(heads * head_dim, heads, head_dim, settings["memory_shape"][-1]))
    for model, prefix, key_map in zip(
        (base, sketch_dit, dglm),
        settings["prefixes"],
        (names.BASE, names.SKETCH_DIT, names.DGLM),
        strict=True,
    ):
        fill(model, prefix, settings["gain"], key_map)
    ofs = 2.0 if settings["ofs_embed_dim"] else None
    networks = Denoiser(sketch_dit, dglm, base, settings["gamma"], ofs)
    return _film(case, settings, networks.bind, wanted)


def _film(case: str, settings: Settings, bind: Any, wanted: set[str]) -> dict[str, Tensor]:
    given = _inputs(case, settings)
    n_fused, first_step = settings["overlap_latents"], settings["first_blended_step"]
    n_slots = settings["latent_frames"]
    schedule = Schedule(
        settings["scheduler"], settings["steps"], settings["guidance"], settings["dynamic_cfg"]
    )
    image = torch.zeros_like(given["noise"])
    image[:, :1] = given["image_latent"].transpose(1, 2)
    found: dict[str, Tensor] = {}
    before: SampledSegment | None = None
    for k in range(settings["num_segments"]):
        memory = None if k == 0 else _memory(case, settings, k)
        task = SegmentTask(
            given["noise"],
            (given["text_negative"], given["text"]) if schedule.is_guided else (given["text"],),
            torch.Generator().manual_seed(settings["generator_seed_per_segment"]),
            Fusion(before.tails) if before else None,
            Keep(range(n_slots - n_fused, n_slots), first_step),
        )
        sketch = _sketch(case, settings, k, given)
        watched = {
            int(key.split(".step")[1].split(".")[0]) for key in wanted if key.startswith(f"seg{k}.step")
        }

        def watch(step: int, latents: Tensor, k: int = k, watched: set[int] = watched) -> None:
            if step in watched:
                found[f"seg{k}.step{step}.latents"] = latents.clone()

        before = sample_segment(bind(SegmentCond(image, sketch, memory)), task, schedule, on_step=watch)
        found[f"seg{k}.latents"] = before.latents
    return found


def _sketch(case: str, settings: Settings, k: int, given: Mapping[str, Tensor]) -> Tensor:
    """Sketch latents of every slot: the reference's own, or the segment's first again, goes in front."""
    own = _input(case, f"sketch{k}", settings["inputs"]["sketch<k>"])
    if own.shape[1] == settings["latent_frames"]:
        return own
    return torch.cat([given["sketch_reference"] if k == 0 else own[:, :1], own], 1)


def _memory(case: str, settings: Settings, k: int) -> FilmMemory:
    shape = settings["memory_shape"]
    return FilmMemory(*(_input(case, f"{side}{k}", shape) for side in ("global", "local")))


_KINDS = {
    "sketchdit": _sketch_dit,
    "base_with_injection": _base,
    "dglm": _dglm,
    "lvu_cache": _lvu,
    "ccf_toy": _toy_loop,
    "pipeline_tiny": _pipeline,
}
