"""Safetensors written one tensor at a time: where everything lies is known before anything is computed.

The format (huggingface/safetensors, README, "Format"): eight bytes of header length, a JSON header, the data
without holes. Wide numbers come first, so that every tensor starts at a multiple of its own width.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import torch
from torch import Tensor

from toonctl.models.quantization.storage import Parts, Storage, n_bytes

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One tensor of the source and the form it will be stored in."""

    name: str
    shape: tuple[int, ...]
    storage: Storage

    @property
    def n_bytes(self) -> int:
        """Bytes of all its parts."""
        return n_bytes(self.storage.layout(self.shape))


def split(planned: Sequence[Planned], max_bytes: int) -> Iterator[tuple[Planned, ...]]:
    """The tensors in order, in shards of at most `max_bytes`; a larger tensor has one to itself."""
    shard: list[Planned] = []
    for tensor in planned:
        if shard and sum(each.n_bytes for each in shard) + tensor.n_bytes > max_bytes:
            yield tuple(shard)
            shard = []
        shard.append(tensor)
    if shard:
        yield tuple(shard)


class ShardWriter:
    """Writes one shard to an open binary file, its tensors in any order."""

    def __init__(self, file: BinaryIO, planned: Sequence[Planned], metadata: Mapping[str, str]) -> None:
        parts = [
            (tensor.name + ending, dtype, shape)
            for tensor in planned
            for ending, (dtype, shape) in tensor.storage.layout(tensor.shape).items()
        ]
        parts.sort(key=lambda part: -part[1].itemsize)
        header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
        self._places: dict[str, int] = {}
        end = 0
        for name, dtype, shape in parts:
            self._places[name], end = end, end + prod(shape) * dtype.itemsize
            header[name] = {
                "dtype": _NAMES[dtype],
                "shape": list(shape),
                "data_offsets": [self._places[name], end],
            }
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self._file, self._start = file, 8 + len(text)
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(self._start + end)

    def write(self, name: str, parts: Parts) -> None:
        """Puts the parts of the tensor `name` in their places."""
        for ending, part in parts.items():
            self._file.seek(self._start + self._places[name + ending])
            self._file.write(_bytes(part))


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()
