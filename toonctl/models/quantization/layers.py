"""Layers that keep their weight in a smaller form and unpack it when they compute."""

from collections.abc import Callable, Iterator
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from toonctl.models.quantization.storage import Parts, Storage

_DOT = "__"
"""Stands for the dot of a part's name, which a buffer's name may not have."""


class _Packed:
    """What packed layers share; `pack` fills it."""

    storage: Storage
    packed_shape: tuple[int, ...]

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """The weight as `dtype`."""
        module = cast(nn.Module, self)
        parts: Parts = {
            name.removeprefix("weight").replace(_DOT, "."): buffer
            for name, buffer in module.named_buffers(recurse=False)
            if name.startswith("weight")
        }
        return self.storage.decode(parts, self.packed_shape, dtype)


class PackedLinear(_Packed, nn.Linear):
    """A linear layer from a packed weight."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        return F.linear(input, self.unpacked(input.dtype), _like(self.bias, input))


class PackedConv1d(_Packed, nn.Conv1d):
    """A convolution along one axis from a packed weight."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        return self._conv_forward(input, self.unpacked(input.dtype), _like(self.bias, input))


class PackedConv2d(_Packed, nn.Conv2d):
    """A convolution along two axes from a packed weight."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        return self._conv_forward(input, self.unpacked(input.dtype), _like(self.bias, input))


class PackedConv3d(_Packed, nn.Conv3d):
    """A convolution along three axes from a packed weight."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        return self._conv_forward(input, self.unpacked(input.dtype), _like(self.bias, input))


_PACKED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: PackedLinear,
    nn.Conv1d: PackedConv1d,
    nn.Conv2d: PackedConv2d,
    nn.Conv3d: PackedConv3d,
}


def packable(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of the layers that can be packed: plain linear ones and convolutions."""
    for path, layer in model.named_modules():
        if type(layer) in _PACKED:
            yield f"{path}.weight", layer.get_parameter("weight")


def pack_layers(model: nn.Module, choose: Callable[[str, Tensor], Storage]) -> int:
    """Packs, one after the other, the weights for which `choose(name, weight)` gives a form that packs.

    Returns how many. Only plain linear and convolution layers are packed; others keep what they have.
    """
    n_packed = 0
    for path, layer in model.named_modules():
        packed = _PACKED.get(type(layer))
        if packed is None:
            continue
        weight = layer.get_parameter("weight")
        storage = choose(f"{path}.weight", weight)
        layout = storage.layout(tuple(weight.shape))
        if set(layout) == {""}:
            continue
        _pack(layer, packed, storage)
        n_packed += 1
    return n_packed


def _pack(layer: nn.Module, packed: type[nn.Module], storage: Storage) -> None:
    weight = layer.get_parameter("weight").detach()
    del layer.weight
    for ending, part in storage.encode(weight).items():
        layer.register_buffer(f"weight{ending}".replace(".", _DOT), part)
    # The layer stays the object that others hold (adapters, hooks); only its kind changes.
    layer.__class__ = packed
    holder = cast(_Packed, layer)
    holder.storage, holder.packed_shape = storage, tuple(weight.shape)


def _like(bias: Tensor | None, x: Tensor) -> Tensor | None:
    return None if bias is None else bias.to(x.dtype)
