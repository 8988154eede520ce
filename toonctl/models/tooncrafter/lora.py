"""Low-rank adapters on the denoiser's attention, kept as peft keeps them (LoRA, arXiv 2106.09685).

The effect on a layer is base(x) + scale * alpha / rank * B(A(x)).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError
from toonctl.models.tooncrafter.attention import SpatialTransformer
from toonctl.models.tooncrafter.unet import UNet

ADAPTER = "default"

_CROSS = ("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0")
_IMAGE = ("attn2.to_k_ip", "attn2.to_v_ip")


class LoraTargets(StrEnum):
    """Which layers are adapted."""

    SPATIAL = "spatial"
    """Cross-attention of the spatial transformers alone: motion stays as it is."""
    IMAGE = "image"
    """As `spatial`, and the image stream's keys and values."""
    KDQ_COMPAT = "kdq-compat"
    """Every second attention, the temporal ones too: the set that the published adapters have."""


@dataclass(frozen=True, slots=True)
class LoraParams:
    """Layers of the adapter by their paths in the denoiser, its rank, weight and dropout."""

    targets: tuple[str, ...]
    rank: int = 16
    alpha: float = 16
    dropout: float = 0.1


def lora_targets(unet: UNet, which: LoraTargets) -> tuple[str, ...]:
    """Paths of the layers that `which` names, in the denoiser's order."""
    spatial = tuple(name for name, layer in unet.named_modules() if isinstance(layer, SpatialTransformer))
    ends = (*_CROSS, *_IMAGE) if which is LoraTargets.IMAGE else _CROSS
    return tuple(
        name
        for name, layer in unet.named_modules()
        if isinstance(layer, nn.Linear)
        and name.endswith(ends)
        and (which is LoraTargets.KDQ_COMPAT or name.startswith(tuple(f"{path}." for path in spatial)))
    )


def add_lora(unet: UNet, params: LoraParams) -> None:
    """Adds an adapter to `unet` in place, without effect until it is trained or loaded."""
    inject_adapter_in_model(_config(params), unet, adapter_name=ADAPTER)


def adapter_config(params: LoraParams, base: str) -> dict[str, Any]:
    """What peft keeps in `adapter_config.json`, for an adapter of the weights `base`."""
    values = _config(params).to_dict()
    return {name: sorted(value) if isinstance(value, set) else value for name, value in values.items()} | {
        "base_model_name_or_path": base
    }


def train_lora(unet: UNet) -> None:
    """Puts the adapter, and nothing else, in training mode: its dropout works, the denoiser's does not.

    The adapter learns in float32, whatever the denoiser's precision is.
    """
    unet.eval()
    for parameter in lora_parameters(unet).values():
        parameter.data = parameter.data.float()
    for layer in _layers(unet):
        layer.lora_dropout.train()


def set_lora_scale(unet: UNet, scale: float) -> None:
    """Weighs the adapter by `scale`; 1 is as trained, 0 the denoiser without it."""
    for layer in _layers(unet):
        layer.set_scale(ADAPTER, scale)


def lora_parameters(unet: UNet) -> dict[str, nn.Parameter]:
    """The adapter's own parameters by name."""
    return {name: parameter for name, parameter in unet.named_parameters() if ".lora_" in name}


def lora_tensors(unet: UNet) -> dict[str, Tensor]:
    """The adapter under the names of peft's `adapter_model.safetensors`."""
    return get_peft_model_state_dict(unet, adapter_name=ADAPTER)


def fill_lora(unet: UNet, tensors: Mapping[str, Tensor], *, name: str = "adapter") -> None:
    """Fills the adapter that `add_lora` made. Raises: CheckpointError for keys that are not its own."""
    wanted, given = set(lora_tensors(unet)), set(tensors)
    if wanted != given:
        what = (
            f"`{name}` does not fit: {len(wanted - given)} tensors missing, {len(given - wanted)} unexpected"
        )
        raise CheckpointError(what, name, "use the layers and the rank it was trained with")
    set_peft_model_state_dict(unet, dict(tensors), adapter_name=ADAPTER)


def merge_lora(unet: UNet, tensors: Mapping[str, Tensor], *, alpha: float, scale: float, name: str) -> None:
    """Adds an adapter to the weights themselves, `scale` times what it was trained to do.

    `tensors` are those of peft's file, with or without the prefix peft gives wrapped networks.

    Raises: CheckpointError when a tensor has no partner, or no layer of its shape.
    """
    layers = {path: layer for path, layer in unet.named_modules() if isinstance(layer, nn.Linear)}
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        path, _, part = key.removeprefix("base_model.model.").partition(".lora_")
        found.setdefault(path, {})[part.removesuffix(".weight").removesuffix(f".{ADAPTER}")] = tensor
    misfits = [path for path, pair in found.items() if path not in layers or not _fits(layers[path], pair)]
    if misfits or not found:
        shown = ", ".join(misfits[:5]) or "it holds none"
        what = f"{len(misfits)} of the {len(found)} layers of `{name}` are not the denoiser's: {shown}"
        raise CheckpointError(what, name, "name an adapter of ToonCrafter's denoiser, as peft keeps it")
    for path, pair in found.items():
        weight, rank = layers[path].weight, pair["A"].shape[0]
        added = pair["B"].float() @ pair["A"].float() * (scale * alpha / rank)
        weight.data = (weight.data.float() + added.to(weight.device)).to(weight.dtype)


def _fits(layer: nn.Linear, pair: Mapping[str, Tensor]) -> bool:
    if set(pair) != {"A", "B"}:
        return False
    down, up = pair["A"], pair["B"]
    return (up.shape[0], down.shape[1]) == tuple(layer.weight.shape) and up.shape[1] == down.shape[0]


def _config(params: LoraParams) -> LoraConfig:
    return LoraConfig(
        r=params.rank,
        lora_alpha=params.alpha,  # type: ignore[arg-type]  # peft says int, and divides by it
        lora_dropout=params.dropout,
        target_modules=list(params.targets),
        bias="none",
    )


def _layers(unet: UNet) -> list[LoraLayer]:
    return [layer for layer in unet.modules() if isinstance(layer, LoraLayer)]
