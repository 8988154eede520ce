"""Eight bits a weight: whole numbers in groups of 64 along the fan-in, a scale for each group.

A scale a group keeps 44 dB for Gaussian weights and 41 for heavy-tailed ones; a scale a row falls to 31.
It is bfloat16, so that tensors of very small weights keep theirs.
"""

from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from toonctl.models.quantization.storage import Layout, Parts, is_matrix

GROUP = 64
_LARGEST = 127


@dataclass(frozen=True, slots=True)
class GroupedInt8:
    """Codes in the weight's own shape, and `_scale` `[out, groups]`."""

    name: str = "int8"

    def holds(self, shape: tuple[int, ...]) -> bool:
        return is_matrix(shape)

    def layout(self, shape: tuple[int, ...]) -> Layout:
        n_groups = -(-prod(shape[1:]) // GROUP)
        return {"": (torch.int8, shape), "_scale": (torch.bfloat16, (shape[0], n_groups))}

    def encode(self, weight: Tensor) -> Parts:
        groups = _grouped(weight.float().flatten(1))  # [out, groups, 64]
        scale = (groups.abs().amax(-1) / _LARGEST).bfloat16()
        step = scale.float()[..., None]
        # The step as stored decides the codes, so its rounding costs nothing but a clipped half step.
        # In place: the largest tensor of a 14 B network would else stand in memory ten times.
        codes = (groups / step).nan_to_num_(0, 0, 0).round_().clamp_(-_LARGEST, _LARGEST).to(torch.int8)
        codes = codes.flatten(1)[:, : prod(weight.shape[1:])].reshape(weight.shape)
        return {"": codes, "_scale": scale}

    def decode(self, parts: Parts, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        codes = _grouped(parts[""].flatten(1).to(dtype))
        weight = codes.mul_(parts["_scale"].to(dtype)[..., None])
        return weight.flatten(1)[:, : prod(shape[1:])].reshape(shape)


def _grouped(rows: Tensor) -> Tensor:
    """`[out, fan-in]` as `[out, groups, 64]`, the last group filled up with zeros."""
    return F.pad(rows, (0, -rows.shape[1] % GROUP)).unflatten(1, (-1, GROUP))


INT8 = GroupedInt8()
