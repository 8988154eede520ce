"""The Inception network of 2015 whose features FID compares.

Szegedy et al., "Rethinking the Inception Architecture" (CVPR 2016), fig. 5 to 7; Heusel et al., "GANs Trained
by a Two Time-Scale Update Rule" (NeurIPS 2017), for its use. The published file is a conversion of the
original TensorFlow graph, which differs from later trainings in three things: averages leave out the border,
the last block takes a maximum instead, and there are 1008 classes. Modules bear the file's names.
Letters: B batch, C channels, H height, W width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

FEATURES = 2048
_SIDE = 299


class Convolution(nn.Module):
    """Convolution, normalization by the stored statistics, ReLU."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int | tuple[int, int], *, stride: int = 1, padding: bool = True
    ) -> None:
        super().__init__()
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        pad = (size[0] // 2, size[1] // 2) if padding else (0, 0)
        self.conv = nn.Conv2d(n_in, n_out, size, stride=stride, padding=pad, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed35(nn.Module):
    """The block at 35 x 35: 1x1, 5x5, two 3x3, pooled."""

    def __init__(self, n_in: int, n_pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(n_in, 64, 1)
        self.branch5x5_1 = Convolution(n_in, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5)
        self.branch3x3dbl_1 = Convolution(n_in, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3)
        self.branch3x3dbl_3 = Convolution(96, 96, 3)
        self.branch_pool = Convolution(n_in, n_pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), wide, double, self.branch_pool(_average(x))], 1)


class Down17(nn.Module):
    """From 35 x 35 to 17 x 17."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = Convolution(288, 384, 3, stride=2, padding=False)
        self.branch3x3dbl_1 = Convolution(288, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2, padding=False)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class Mixed17(nn.Module):
    """The block at 17 x 17: 1x1, 7x7 in two strokes, twice that, pooled; `n` channels inside."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(768, 192, 1)
        self.branch7x7_1 = Convolution(768, n, 1)
        self.branch7x7_2 = Convolution(n, n, (1, 7))
        self.branch7x7_3 = Convolution(n, 192, (7, 1))
        self.branch7x7dbl_1 = Convolution(768, n, 1)
        self.branch7x7dbl_2 = Convolution(n, n, (7, 1))
        self.branch7x7dbl_3 = Convolution(n, n, (1, 7))
        self.branch7x7dbl_4 = Convolution(n, n, (7, 1))
        self.branch7x7dbl_5 = Convolution(n, 192, (1, 7))
        self.branch_pool = Convolution(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_average(x))], 1)


class Down8(nn.Module):
    """From 17 x 17 to 8 x 8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(768, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2, padding=False)
        self.branch7x7x3_1 = Convolution(768, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2, padding=False)

    def forward(self, x: Tensor) -> Tensor:
        small = self.branch3x3_2(self.branch3x3_1(x))
        large = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([small, large, F.max_pool2d(x, 3, 2)], 1)


class Mixed8(nn.Module):
    """The block at 8 x 8, its 3x3 split in two strokes side by side; the last one pools by maximum."""

    def __init__(self, n_in: int, *, is_last: bool) -> None:
        super().__init__()
        self.is_last = is_last
        self.branch1x1 = Convolution(n_in, 320, 1)
        self.branch3x3_1 = Convolution(n_in, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3))
        self.branch3x3_2b = Convolution(384, 384, (3, 1))
        self.branch3x3dbl_1 = Convolution(n_in, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1))
        self.branch_pool = Convolution(n_in, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        split = [self.branch3x3_2a(once), self.branch3x3_2b(once)]
        split += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]
        pooled = F.max_pool2d(x, 3, 1, padding=1) if self.is_last else _average(x)
        return torch.cat([self.branch1x1(x), *split, self.branch_pool(pooled)], 1)


class Inception2015(nn.Module):
    """Features of pictures; `fc`, the classifier, is in the file and is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2, padding=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, padding=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, padding=False)
        self.Mixed_5b = Mixed35(192, 32)
        self.Mixed_5c = Mixed35(256, 64)
        self.Mixed_5d = Mixed35(288, 64)
        self.Mixed_6a = Down17()
        self.Mixed_6b = Mixed17(128)
        self.Mixed_6c = Mixed17(160)
        self.Mixed_6d = Mixed17(160)
        self.Mixed_6e = Mixed17(192)
        self.Mixed_7a = Down8()
        self.Mixed_7b = Mixed8(1280, is_last=False)
        self.Mixed_7c = Mixed8(2048, is_last=True)
        self.fc = nn.Linear(FEATURES, 1008)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features `[B, 2048]` of pictures `[B, 3, H, W]` in [0, 1], stretched to 299 x 299."""
        x = F.interpolate(pictures, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for block in self._blocks():
            x = block(x)
        return x.mean((2, 3))

    def _blocks(self) -> Sequence[nn.Module]:
        fives, sevens = (
            (self.Mixed_5b, self.Mixed_5c, self.Mixed_5d),
            (self.Mixed_7a, self.Mixed_7b, self.Mixed_7c),
        )
        return (*fives, self.Mixed_6a, self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e, *sevens)


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
