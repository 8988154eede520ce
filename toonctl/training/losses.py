"""One function per training loss, named as in its source."""

import torch
from torch import Tensor


def color_group_nll(
    log_match: Tensor, color: Tensor, other_color: Tensor, weight: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Weighted negative log-probability of each region's color, and the share of weight right; scalars.

    The probability of a color is the sum over all regions of the other drawing that have it (inclusion
    matching); where the other drawing lacks the color, the last column ("none of these") is the right answer.

    log_match `[B, N, M + 1]`, color and weight `[B, N]`, other_color and mask `[B, M]`; color -1 is unknown.
    """
    same = (color[:, :, None] == other_color[:, None]) & mask[:, None] & (other_color[:, None] >= 0)
    is_absent = ~same.any(-1, keepdim=True)
    target = torch.cat([same, is_absent], -1)  # [B, N, M + 1]
    log_right = log_match.masked_fill(~target, -1e4).logsumexp(-1)
    with torch.no_grad():
        log_wrong = log_match.masked_fill(target, -1e4)
        # Sum the wrong columns by color: the right group must beat the best single wrong color.
        rival = _best_rival(log_wrong, other_color)
        is_right = (log_right > rival).float()
    total = weight.sum().clamp_min(1e-6)
    return -(log_right * weight).sum() / total, (is_right * weight).sum() / total


def rectified_flow_mse(velocity: Tensor, data: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error of a predicted velocity against noise - data, a scalar; all three of one shape.

    Rectified flow (arXiv 2209.03003), eq. 1.
    """
    return (velocity.float() - (noise - data).float()).square().mean()


def _best_rival(log_wrong: Tensor, other_color: Tensor) -> Tensor:
    """Log-probability of the likeliest wrong color (or "none"), `[B, N]`."""
    same_color = (other_color[:, :, None] == other_color[:, None]).float()  # [B, M, M]
    by_color = log_wrong[..., :-1].exp() @ same_color  # [B, N, M]
    return torch.maximum(by_color.amax(-1).clamp_min(1e-30).log(), log_wrong[..., -1])
