"""ToonCrafter's training losses: one function each, named as in its source."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from toonctl.models.checkpoint import load_strict, open_weights
from toonctl.models.lpips import Lpips, published_heads
from toonctl.models.tooncrafter.schedule import Noising
from toonctl.spec.recipe_tooncrafter import TrainingRecipe


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean of `values` `[B, C, F, h, w]` over the frames that `known` `[F]` marks."""
    return values[:, :, known].mean()


def velocity_loss(velocity: Tensor, target: Tensor, known: Tensor, *, is_l1: bool = False) -> Tensor:
    """How far velocities `[B, C, F, h, w]` are apart on the known frames: squared, or absolute."""
    apart = (velocity - target).abs() if is_l1 else (velocity - target).pow(2)
    return masked_mean(apart, known)


def min_snr_weight(noising: Noising, timestep: Tensor, limit: float) -> float:
    """The weight of a timestep `[1]` for velocity, 0..1; 1 everywhere when `limit` is 0.

    Efficient Diffusion Training via Min-SNR Weighting Strategy (arXiv 2303.09556), sec. 3.4: min(snr, limit)
    / (snr + 1) for v-prediction, here divided by its largest value.
    """
    if not limit:
        return 1.0
    signal = float(noising.signal[int(timestep[0])])
    snr = signal / max(1 - signal, 1e-12)
    # A pure-noise step has no signal at all; it still must be learned, since sampling begins there.
    weight = max(min(snr, limit), 0.05) / (snr + 1)
    return weight / (limit / (limit + 1))


def picture_loss(recipe: TrainingRecipe) -> Callable[[Tensor, Tensor], Tensor]:
    """How pictures `[N, 3, H, W]` are compared: LPIPS where the recipe names its weights, else their edges.

    Raises: CheckpointError when the weights do not fit.
    """
    if not recipe.lpips_features:
        return edge_pyramid
    features, heads = (open_weights(Path(path)) for path in (recipe.lpips_features, recipe.lpips_heads))
    tensors = {key: features.read(key) for key in features.shapes if key.startswith("features.")}
    tensors |= published_heads({key: heads.read(key) for key in heads.shapes})
    network = Lpips("vgg")
    load_strict(network, tensors, name=f"{features.name} and {heads.name}")
    network.to(recipe.device).eval().requires_grad_(False)
    return lambda frames, truth: network(frames, truth).mean()


def edge_pyramid(frames: Tensor, truth: Tensor) -> Tensor:
    """How far the edges of frames `[N, 3, H, W]` are apart at full, half and quarter size; needs no weights.

    Mean absolute difference of horizontal and vertical gradients: line art lives there.
    """
    total = frames.new_zeros(())
    n_scales = 0
    while n_scales < 3 and min(frames.shape[-2:]) >= 4:
        total = total + (_slope(frames, -1) - _slope(truth, -1)).abs().mean()
        total = total + (_slope(frames, -2) - _slope(truth, -2)).abs().mean()
        frames, truth = F.avg_pool2d(frames, 2), F.avg_pool2d(truth, 2)
        n_scales += 1
    return total / n_scales


def _slope(frames: Tensor, axis: int) -> Tensor:
    return frames.diff(dim=axis)


def smooth_latent_loss(latents: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """KDQ's loss of clean latents: smooth L1 with beta 0.1."""
    return masked_mean(F.smooth_l1_loss(latents, truth, beta=0.1, reduction="none"), known)


def crop_of(latents: Tensor, side: int, generator: torch.Generator) -> tuple[slice, slice]:
    """A square of `side` latent pixels by chance, smaller where the latents `[B, C, F, h, w]` are."""
    spans: list[slice] = []
    for size in latents.shape[-2:]:
        length = min(side, size)
        start = int(torch.randint(0, size - length + 1, (), generator=generator))
        spans.append(slice(start, start + length))
    return spans[0], spans[1]
