"""Four bits a weight: the nearest of sixteen normal quantiles times the largest of 64 weights (NF4).

QLoRA (arXiv 2305.14314), app. E. Parts, names and order of bits are those of bitsandbytes, so that diffusers
and others read the files; the scales are not quantized again.
"""

import json
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from toonctl.models.quantization.storage import Layout, Parts

BLOCK = 64
STATE = ".quant_state.bitsandbytes__nf4"

LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
"""Quantiles of the normal distribution, scaled to -1..1, with an exact zero."""


@dataclass(frozen=True, slots=True)
class Nf4:
    """Two codes a byte, `.absmax` for each block of 64 numbers, the sixteen levels, a state as JSON bytes."""

    name: str = "nf4"

    def holds(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2

    def layout(self, shape: tuple[int, ...]) -> Layout:
        count = prod(shape)
        return {
            "": (torch.uint8, (-(-count // 2), 1)),
            ".absmax": (torch.float32, (-(-count // BLOCK),)),
            ".quant_map": (torch.float32, (len(LEVELS),)),
            STATE: (torch.uint8, (len(_state(shape)),)),
        }

    def encode(self, weight: Tensor) -> Parts:
        flat = weight.float().flatten()
        blocks = F.pad(flat, (0, -len(flat) % BLOCK)).unflatten(0, (-1, BLOCK))
        largest = blocks.abs().amax(1)
        share = torch.where(largest[:, None] > 0, blocks / largest[:, None], 0)
        levels = torch.tensor(LEVELS, device=weight.device)
        middles = (levels[1:] + levels[:-1]) / 2
        codes = torch.bucketize(share.flatten()[: len(flat)], middles).to(torch.uint8)
        codes = F.pad(codes, (0, len(codes) % 2), value=LEVELS.index(0.0))
        return {
            "": (codes[::2] << 4 | codes[1::2])[:, None],
            ".absmax": largest,
            ".quant_map": levels,
            STATE: torch.tensor(list(_state(tuple(weight.shape))), dtype=torch.uint8),
        }

    def decode(self, parts: Parts, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        packed, count = parts[""].flatten(), prod(shape)
        codes = torch.stack([packed >> 4, packed & 15], 1).flatten()[:count]
        values = parts[".quant_map"][codes.int()]
        scales = parts[".absmax"].repeat_interleave(BLOCK)[:count]
        return (values * scales).reshape(shape).to(dtype)


def stored_shape(state: Tensor) -> tuple[int, ...]:
    """The weight's shape, which only the state knows."""
    return tuple(json.loads(bytes(state.tolist()))["shape"])


def _state(shape: tuple[int, ...]) -> bytes:
    state = {"quant_type": "nf4", "blocksize": BLOCK, "dtype": "bfloat16", "shape": list(shape)}
    return json.dumps(state).encode()


NF4 = Nf4()
