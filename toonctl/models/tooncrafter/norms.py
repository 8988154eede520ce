"""Norms that compute in float32 whatever the activations are, so that their weights may stay float32."""

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn


class GroupNorm(nn.GroupNorm):
    """Group norm of 32 groups."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__(32, channels, eps=eps)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        weight, bias = self.weight.float(), self.bias.float()
        return F.group_norm(input.float(), self.num_groups, weight, bias, self.eps).to(input.dtype)


class LayerNorm(nn.LayerNorm):
    """Layer norm over the last axis."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the base class's name
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(input.float(), self.normalized_shape, weight, bias, self.eps).to(input.dtype)
