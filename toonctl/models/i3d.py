"""The I3D network of Kinetics-400 whose logits FVD compares.

Carreira and Zisserman, "Quo Vadis, Action Recognition?" (CVPR 2017), fig. 3; Unterthiner et al., "FVD"
(2019), for its use. Modules bear the names of the published file. Letters: B batch, C channels, T frames,
H height, W width.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

CLIP_FRAMES = 16
SIDE = 224
FEATURES = 400

Triple = tuple[int, int, int]


class Unit(nn.Module):
    """Convolution over time and space, normalized by the stored statistics, ReLU; `SAME` padding."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, is_plain: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel, kernel, kernel), (stride, stride, stride)
        self.conv3d = nn.Conv3d(n_in, n_out, kernel, stride=stride, bias=is_plain)
        self.bn = nn.Identity() if is_plain else nn.BatchNorm3d(n_out, eps=1e-5)
        self.is_plain = is_plain

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv3d(_padded(x, self.kernel, self.stride)))
        return x if self.is_plain else F.relu(x)


class Pool(nn.Module):
    """Maximum with `SAME` padding."""

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(_padded(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """An inception block: four branches of `widths`, side by side."""

    def __init__(self, n_in: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        self.b0 = Unit(n_in, widths[0], 1)
        self.b1a, self.b1b = Unit(n_in, widths[1], 1), Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit(n_in, widths[3], 1), Unit(widths[3], widths[4], 3)
        self.b3a = Pool((3, 3, 3), (1, 1, 1))
        self.b3b = Unit(n_in, widths[5], 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], 1)


class I3d(nn.Module):
    """Logits of clips of 16 frames."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, stride=2)
        self.MaxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        self.MaxPool3d_3a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.Mixed_3b = Mixed(192, (64, 96, 128, 16, 32, 32))
        self.Mixed_3c = Mixed(256, (128, 128, 192, 32, 96, 64))
        self.MaxPool3d_4a_3x3 = Pool((3, 3, 3), (2, 2, 2))
        self.Mixed_4b = Mixed(480, (192, 96, 208, 16, 48, 64))
        self.Mixed_4c = Mixed(512, (160, 112, 224, 24, 64, 64))
        self.Mixed_4d = Mixed(512, (128, 128, 256, 24, 64, 64))
        self.Mixed_4e = Mixed(512, (112, 144, 288, 32, 64, 64))
        self.Mixed_4f = Mixed(528, (256, 160, 320, 32, 128, 128))
        self.MaxPool3d_5a_2x2 = Pool((2, 2, 2), (2, 2, 2))
        self.Mixed_5b = Mixed(832, (256, 160, 320, 32, 128, 128))
        self.Mixed_5c = Mixed(832, (384, 192, 384, 48, 128, 128))
        self.logits = Unit(1024, FEATURES, 1, is_plain=True)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits `[B, 400]` of clips `[B, 3, 16, H, W]` in [-1, 1], frames stretched to 224 x 224."""
        n_clips, _, n_frames = clips.shape[:3]
        frames = clips.transpose(1, 2).flatten(0, 1)
        frames = F.interpolate(frames, (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = frames.unflatten(0, (n_clips, n_frames)).transpose(1, 2)
        for name, layer in self.named_children():
            if name != "logits":
                x = layer(x)
        x = F.avg_pool3d(x, (2, 7, 7), 1)
        return self.logits(x).mean((2, 3, 4))


def _padded(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zeros around `[B, C, T, H, W]` so that every stride starts inside; the odd one goes behind."""
    pads: list[int] = []
    for size, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        total = max(k - (size % s or s), 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)
