"""Files of packed weights read as ordinary ones: the original's names and shapes, unpacked when read."""

from pathlib import Path

import torch
from torch import Tensor

from toonctl.models.checkpoint import WeightFiles, open_weights
from toonctl.models.quantization.fp8 import FP8
from toonctl.models.quantization.int8 import INT8
from toonctl.models.quantization.nf4 import NF4, STATE, stored_shape

_SCALE = "_scale"
_NF4_ENDS = (".absmax", ".quant_map", STATE)


def unpacked_weights(weights: WeightFiles, dtype: torch.dtype = torch.float32) -> WeightFiles:
    """`weights` as before they were packed; packed ones come as `dtype`, the others as they are."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in weights.shapes.items():
        if name + STATE in weights.shapes:
            shapes[name] = stored_shape(weights.read(name + STATE))
        elif not _is_part(name, weights):
            shapes[name] = shape

    def read(name: str) -> Tensor:
        return _read(weights, name, shapes[name], dtype)

    return WeightFiles(weights.name, shapes, read)


def _read(weights: WeightFiles, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    if name + STATE in weights.shapes:
        endings = ("", ".absmax", ".quant_map")
        return NF4.decode({ending: weights.read(name + ending) for ending in endings}, shape, dtype)
    codes = weights.read(name)
    if name + _SCALE not in weights.shapes:
        return codes
    storage = {torch.int8: INT8, torch.float8_e4m3fn: FP8}.get(codes.dtype)
    if storage is None:
        return codes
    return storage.decode({"": codes, _SCALE: weights.read(name + _SCALE)}, shape, dtype)


def _is_part(name: str, weights: WeightFiles) -> bool:
    owner = name.removesuffix(_SCALE)
    if owner != name and owner in weights.shapes:
        return weights.read(owner).dtype in (torch.int8, torch.float8_e4m3fn)
    return any(name.endswith(end) and name.removesuffix(end) + STATE in weights.shapes for end in _NF4_ENDS)


def open_unpacked(path: Path, dtype: torch.dtype) -> WeightFiles:
    """The weights of `path`, as `open_weights`, also of what `quantize` made smaller."""
    return unpacked_weights(open_weights(path), dtype)
