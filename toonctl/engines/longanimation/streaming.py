"""Layers that come to the card one at a time, for networks that are read a few times between segments."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def stream_layers(module: nn.Module, layers: Iterable[nn.Module], device: torch.device) -> None:
    """Takes `module` to `device`, but for `layers`, each of which is there only while it computes.

    Nothing is copied back: weights in host memory, often a mapped file, stay as they are.
    """
    streamed: set[int] = set()
    for layer in layers:
        own = [*layer.parameters(), *layer.buffers()]
        streamed.update(map(id, own))
        _stream(layer, own, device)
    for tensor in [*module.parameters(), *module.buffers()]:
        if id(tensor) not in streamed:
            tensor.data = tensor.data.to(device)


def _stream(layer: nn.Module, own: list[Tensor], device: torch.device) -> None:
    homes = [tensor.data for tensor in own]

    def bring(_layer: nn.Module, _inputs: object) -> None:
        for tensor, home in zip(own, homes, strict=True):
            tensor.data = home.to(device, non_blocking=True)

    def leave(_layer: nn.Module, _inputs: object, _output: object) -> None:
        for tensor, home in zip(own, homes, strict=True):
            tensor.data = home

    layer.register_forward_pre_hook(bring)
    layer.register_forward_hook(leave)
