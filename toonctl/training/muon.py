"""The optimizer of the matcher: orthogonalized momentum for matrices, AdamW for all else.

Muon (Jordan et al., 2024, "Muon: an optimizer for hidden layers in neural networks"), with the scale of
Liu et al., 2025 (arXiv 2502.16982, sec. 2.2), under which a learning rate chosen for AdamW fits both kinds.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Newton-Schulz coefficients of the Muon write-up: five rounds bring singular values near 1."""
_ROUNDS = 5
_MATCH_ADAMW = 0.2
"""Root mean square of an AdamW update as arXiv 2502.16982 measured it."""
_SMALLEST_MATRIX = 32


class Muon(torch.optim.Optimizer):
    """Steps matrices (convolution kernels flattened) by Muon and the other parameters by AdamW.

    A matrix narrower than 32 either way is left to AdamW: its few singular values say little.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas, "eps": 1e-8}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # no closures
        """One update of every parameter that has a gradient."""
        del closure
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                update = _muon_update if is_matrix(parameter) else _adam_update
                parameter.add_(update(parameter.grad, self.state[parameter], group), alpha=-group["lr"])


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon steps this parameter."""
    return parameter.ndim >= 2 and min(parameter.shape[0], parameter[0].numel()) >= _SMALLEST_MATRIX


def orthogonalize(matrix: Tensor) -> Tensor:
    """The matrix `[R, C]` with its singular values brought to about 1, its directions kept."""
    a, b, c = _QUINTIC
    x = matrix.float()
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x


def _muon_update(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    momentum = state.setdefault("momentum", torch.zeros_like(gradient))
    momentum.lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(momentum, group["momentum"])  # Nesterov
    flat = orthogonalize(ahead.reshape(len(ahead), -1))
    return (flat * _MATCH_ADAMW * max(flat.shape) ** 0.5).reshape(gradient.shape)


def _adam_update(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    first, second = group["betas"]
    mean = state.setdefault("mean", torch.zeros_like(gradient))
    square = state.setdefault("square", torch.zeros_like(gradient))
    count = state.setdefault("count", torch.zeros(()))
    count += 1
    mean.lerp_(gradient, 1 - first)
    square.lerp_(gradient.square(), 1 - second)
    scale = (square / (1 - second**count)).sqrt_().add_(group["eps"])
    return mean / (1 - first**count) / scale
