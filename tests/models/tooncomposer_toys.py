"""ToonComposer's networks at toy size, weights drawn from a seed, with inputs that fit them."""

from dataclasses import replace

import torch
from torch import Tensor

from toonctl.models.tooncomposer.transformer import Sketches, ToonComposerTransformer, TransformerParams

TOY = TransformerParams(
    n_heads=2, head_dim=24, ffn_dim=64, n_layers=3, text_dim=16, freq_dim=32, image_dim=20, rank=24
)


def transformer(seed: int = 0, **changes: object) -> ToonComposerTransformer:
    """A toy transformer in which every adapter has learned something."""
    torch.manual_seed(seed)
    model = ToonComposerTransformer(replace(TOY, **changes)).eval()  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    return model


def inputs(n_frames: int = 3, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Video latents, timestep, text and image features for the toy."""
    g = torch.Generator().manual_seed(seed)
    return (
        torch.randn(1, 36, n_frames, 4, 6, generator=g),
        torch.tensor([612.5]),
        torch.randn(1, 512, TOY.text_dim, generator=g),
        torch.randn(1, 257, TOY.image_dim, generator=g),
    )


def sketches(*indices: int, alpha: float = 1.0, channels: int = 24) -> Sketches:
    """Sketch conditioning at these latent frames."""
    g = torch.Generator().manual_seed(sum(indices))
    return Sketches(torch.randn(1, channels, len(indices), 4, 6, generator=g), indices, alpha)
