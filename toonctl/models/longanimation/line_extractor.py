"""The line extractor of the published program, and the sketch SketchDiT was trained on.

A small residual generator (informative drawings, arXiv 2203.12691). Drawn line art does not need it:
`sketch_of` takes lines from anywhere.

Letters: F frames, H W size.
"""

from einops import repeat
from torch import Tensor, nn

PAPER_THRESHOLD = 0.78
"""Gray level above which a pixel is paper, of 0..1."""


class ResidualBlock(nn.Module):
    """Two padded 3x3 convolutions around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class LineExtractor(nn.Module):
    """Line drawings of painted pictures; height and width must be multiples of 4."""

    def __init__(self, n_blocks: int = 3, width: int = 64) -> None:
        super().__init__()
        self.model0 = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU(inplace=True)
        )
        self.model1 = nn.Sequential(*_down(width, 2 * width), *_down(2 * width, 4 * width))
        self.model2 = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(n_blocks)))
        self.model3 = nn.Sequential(*_up(4 * width, 2 * width), *_up(2 * width, width))
        self.model4 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, 1, 7), nn.Sigmoid())

    def forward(self, frames: Tensor) -> Tensor:
        """Gray drawings `[F, 1, H, W]`, dark lines on white paper, of pictures `[F, 3, H, W]`; both 0..1."""
        return self.model4(self.model3(self.model2(self.model1(self.model0(frames)))))


def sketch_of(drawings: Tensor) -> Tensor:
    """The sketch `[F, 3, H, W]` in -1..1 of gray drawings `[F, 1, H, W]` in 0..1: lines +1, paper -1."""
    is_line = (drawings <= PAPER_THRESHOLD).to(drawings.dtype)
    return repeat(2 * is_line - 1, "f 1 h w -> f c h w", c=3)


def _down(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, out_channels, 3, stride=2, padding=1)
    return convolution, nn.InstanceNorm2d(out_channels), nn.ReLU(inplace=True)


def _up(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    convolution = nn.ConvTranspose2d(channels, out_channels, 3, stride=2, padding=1, output_padding=1)
    return convolution, nn.InstanceNorm2d(out_channels), nn.ReLU(inplace=True)
