"""Pictures larger than the network's own, drawn in overlapping tiles that agree at every step.

MultiDiffusion (arXiv 2302.08113), eq. 3 to 5, on velocities: what overlapping tiles say is averaged, so there
is one picture at every step and no seam. Letters: b clips, c channels, f frames, h w size.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from toonctl.models.tooncrafter.window import Velocity


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a plane, in latent pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, plane: Tensor, scale: int = 1) -> Tensor:
        """This part of `plane` `[..., H, W]`, which has `scale` pixels to a latent one."""
        y, x = self.top * scale, self.left * scale
        return plane[..., y : y + self.height * scale, x : x + self.width * scale]


def lay_tiles(size: tuple[int, int], tile: tuple[int, int], overlap: int) -> tuple[Tile, ...]:
    """Tiles of `tile` (height, width) that cover `size`, evenly spread, each `overlap` over its neighbors.

    Raises: ValueError when the plane is smaller than a tile, or the overlap not smaller than one.
    """
    if size[0] < tile[0] or size[1] < tile[1]:
        raise ValueError(f"a plane of {size} cannot be laid with tiles of {tile}")
    if overlap >= min(tile):
        raise ValueError(f"tiles of {tile} cannot overlap by {overlap}")
    tops, lefts = (_starts(whole, part, overlap) for whole, part in zip(size, tile, strict=True))
    return tuple(Tile(top, left, *tile) for top in tops for left in lefts)


def _starts(whole: int, part: int, overlap: int) -> list[int]:
    n = 1 + ceil((whole - part) / (part - overlap))
    return [round(i * (whole - part) / max(1, n - 1)) for i in range(n)]


def blended(
    parts: Iterable[tuple[Tile, Tensor]], size: tuple[int, int], *, overlap: int, scale: int = 1
) -> Tensor:
    """The plane `[..., H, W]` of `size` times `scale` that its tiles' contents make.

    Within `overlap` of its edges every tile counts less. Raises: ValueError when there are no parts.
    """
    total = weights = None
    for tile, part in parts:
        if total is None or weights is None:
            height, width = (side * scale for side in size)
            total = part.new_zeros(*part.shape[:-2], height, width)
            weights = part.new_zeros(height, width)
        weight = _feather(tile, overlap, scale).to(part)
        tile.of(total, scale).add_(part * weight)
        tile.of(weights, scale).add_(weight)
    if total is None or weights is None:
        raise ValueError("there are no parts to blend")
    return total / weights


def tiled_velocity(
    tiles: Sequence[tuple[Tile, Velocity]], size: tuple[int, int], *, overlap: int
) -> Velocity:
    """The velocity of a whole plane of `size`, from that of each of its tiles."""

    def velocity(latents: Tensor, timestep: Tensor) -> Tensor:
        parts = ((tile, velocity_of(tile.of(latents), timestep)) for tile, velocity_of in tiles)
        return blended(parts, size, overlap=overlap)

    return velocity


def _feather(tile: Tile, overlap: int, scale: int) -> Tensor:
    down, across = (_ramp(side * scale, overlap * scale) for side in (tile.height, tile.width))
    return down[:, None] * across[None, :]


def _ramp(length: int, overlap: int) -> Tensor:
    """Rises from the start and falls to the end within `overlap`, never to zero."""
    at = torch.arange(length, dtype=torch.float32) + 0.5
    return torch.minimum(at, length - at).div(overlap).clamp(max=1)
