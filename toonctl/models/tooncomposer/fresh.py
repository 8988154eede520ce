"""An adapter before training: how ToonComposer's new parameters begin.

Output matrices are zero, and sketches are embedded as the base embeds its own conditioning: the untrained
network is Wan 2.1 with sketch tokens it can already read. As input channels, sketches begin with no effect.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps.tooncomposer import TRANSFORMER
from toonctl.models.tooncomposer.published import our_shapes, transformer_params
from toonctl.models.tooncomposer.transformer import (
    ToonComposerTransformer,
    TransformerParams,
    is_adapter,
    keeps_float32,
)


def load_for_training(
    base: WeightFiles,
    arrangement: TransformerParams,
    *,
    start: WeightFiles | None = None,
    dtype: torch.dtype = torch.bfloat16,
    seed: int = 0,
) -> ToonComposerTransformer:
    """The base frozen in `dtype`, the adapter trainable in float32.

    `arrangement` says what kind of adapter and injection; sizes are the base's. The adapter begins with
    `start`, or fresh. Raises: CheckpointError listing every key that does not fit.
    """
    sizes = transformer_params(our_shapes(base, TRANSFORMER))
    params = replace(
        sizes,
        rank=arrangement.rank,
        sketch_channels=arrangement.sketch_channels,
        adapter=arrangement.adapter,
        position=arrangement.position,
        injection=arrangement.injection,
        has_residual=arrangement.has_residual,
    )
    model = empty_model(partial(ToonComposerTransformer, params)).eval()
    adapter = Source(start, TRANSFORMER) if start else Source(_fresh(model, base, seed))
    load_files(model, [Source(base, TRANSFORMER), adapter], dtype_of=partial(_dtype, dtype))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adapter(name))
    return model


def _dtype(dtype: torch.dtype, name: str) -> torch.dtype:
    return torch.float32 if is_adapter(name) or keeps_float32(name) else dtype


def _fresh(model: ToonComposerTransformer, base: WeightFiles, seed: int) -> WeightFiles:
    wanted = {name: tuple(p.shape) for name, p in model.named_parameters() if is_adapter(name)}
    tensors: dict[str, Tensor] = {}

    def read(name: str) -> Tensor:
        # Drawn in the order of the names, whatever is read first.
        if not tensors:
            generator = torch.Generator().manual_seed(seed)
            tensors.update((key, _initial(key, wanted[key], base, generator)) for key in sorted(wanted))
            if model.params.injection == "channels":
                tensors.update((key, torch.zeros(wanted[key])) for key in wanted if "embedding" in key)
        return tensors[name]

    return WeightFiles("fresh adapter", wanted, read)


def _initial(name: str, shape: tuple[int, ...], base: WeightFiles, generator: torch.Generator) -> Tensor:
    if name.endswith((".up.weight", "sketch_residual.weight")):
        return torch.zeros(shape)
    if name == "sketch_embedding.weight":
        return base.read("patch_embedding.weight")[:, -shape[1] :].float().clone()
    if name == "sketch_embedding.bias":
        return base.read("patch_embedding.bias").float().clone()
    if name == "sketch_identifier":
        return torch.randn(shape, generator=generator) / shape[-1] ** 0.5
    # As torch fills a linear layer; the adapter's own are square but for `down`, so a bias has its fan-in.
    bound = shape[-1] ** -0.5
    return (torch.rand(shape, generator=generator) * 2 - 1) * bound
