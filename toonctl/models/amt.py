"""AMT-S: the picture halfway between two, by which motion smoothness is measured.

Li et al., "AMT: All-Pairs Multi-Field Transforms for Efficient Frame Interpolation" (CVPR 2023), sec. 3, its
small network; only the middle between two frames is drawn. Modules bear the names of the published file.
Letters: B batch, C channels, H height, W width, N places of a map, F flow fields.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

MULTIPLE = 16
"""Sides of a picture must be multiples of it, and `LEAST_PX` long: smaller ones leave the coarsest of four
correlation maps one place wide, which the published code divides by."""

LEAST_PX = 128

_CHANNELS = (20, 32, 44, 56)
_SKIP = 20
_N_FIELDS = 3
_SEEN, _FLOWN, _JOINED, _HIDDEN = 64, 20, 68, 76  # widths within an update
_FEATURES = 84
_REACH, _N_LEVELS = 3, 4
_AT_ONCE = 2048  # places whose correlations are looked up together: the whole volume would be H^2 W^2 / 4096


class AmtS(nn.Module):
    """The middle frame of two."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four = _CHANNELS
        self.feat_encoder = FeatureEncoder()
        self.encoder = Pyramid()
        self.decoder4 = Decoder(2 * four + 1, 2 * four, three + 4)
        self.decoder3 = Decoder(3 * three + 4, 3 * three, two + 4)
        self.decoder2 = Decoder(3 * two + 4, 3 * two, one + 4)
        self.decoder1 = Decoder(3 * one + 4, 3 * one, 8 * _N_FIELDS)
        self.update4, self.update3, self.update2 = Update(three, 1), Update(two, 2), Update(one, 4)
        self.comb_block = nn.Sequential(
            *_curved(3 * _N_FIELDS, 6 * _N_FIELDS), nn.Conv2d(6 * _N_FIELDS, 3, 3, padding=1)
        )

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """The frame halfway, of pictures `[B, 3, H, W]` in [0, 1]; their sides as `MULTIPLE` says."""
        mean = (before.mean((1, 2, 3), keepdim=True) + after.mean((1, 2, 3), keepdim=True)) / 2
        before, after = before - mean, after - mean
        look = Correlations(*self.feat_encoder(torch.cat([before, after])).chunk(2))
        stages = [level.chunk(2) for level in self.encoder(torch.cat([before, after]))]
        halfway = torch.full_like(stages[3][0][:, :1], 0.5)
        flows, inner = _parted(self.decoder4(torch.cat([*stages[3], halfway], 1)))
        flows, inner = self.update4(inner, flows, look)
        for decoder, update, stage in (
            (self.decoder3, self.update3, stages[2]),
            (self.decoder2, self.update2, stages[1]),
        ):
            finer, inner = _parted(decoder(_met(inner, stage, flows)))
            flows = finer + 2 * _scaled(flows, 2)
            flows, inner = update(inner, flows, look)
        fields = self.decoder1(_met(inner, stages[0], flows))
        return self._blended((before, after), mean, 2 * _scaled(flows, 2), fields)

    def _blended(
        self, pictures: tuple[Tensor, Tensor], mean: Tensor, flows: Tensor, fields: Tensor
    ) -> Tensor:
        """The mean of what every field makes of the pictures, and what a last look at them all adds."""
        n = _N_FIELDS
        own, mask, rest = fields.split([4 * n, n, 3 * n], 1)
        mask = mask.sigmoid()
        drawn: list[Tensor] = []
        for field in range(n):
            # Each field refines the same two flows; in the file those to the first frame stand first.
            first, second = (own[:, at : at + 2] for at in (2 * field, 2 * (n + field)))
            ours = _warped(pictures[0], flows[:, :2] + first)
            theirs = _warped(pictures[1], flows[:, 2:] + second)
            share = mask[:, field : field + 1]
            drawn.append(share * ours + (1 - share) * theirs + mean + rest[:, 3 * field : 3 * field + 3])
        return (torch.stack(drawn).mean(0) + self.comb_block(torch.cat(drawn, 1))).clamp(0, 1)


class FeatureEncoder(nn.Module):
    """Features at an eighth of the size, to be correlated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(Bottleneck(32, 32), Bottleneck(32, 32))
        self.layer2 = nn.Sequential(Bottleneck(32, 64, stride=2), Bottleneck(64, 64))
        self.layer3 = nn.Sequential(Bottleneck(64, 96, stride=2), Bottleneck(96, 96))
        self.conv2 = nn.Conv2d(96, _FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, 3, H, W]` -> `[B, 84, H/8, W/8]`."""
        x = F.relu(F.instance_norm(self.conv1(x)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class Bottleneck(nn.Module):
    """Three convolutions, the middle one at a quarter of the width, around a skip."""

    def __init__(self, n_in: int, n_out: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out // 4, 1)
        self.conv2 = nn.Conv2d(n_out // 4, n_out // 4, 3, stride=stride, padding=1)
        self.conv3 = nn.Conv2d(n_out // 4, n_out, 1)
        self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride)) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in (self.conv1, self.conv2, self.conv3):
            y = F.relu(F.instance_norm(layer(y)))
        return F.relu(y + (x if self.downsample is None else F.instance_norm(self.downsample(x))))


class Pyramid(nn.Module):
    """What a picture holds at a half, a quarter, an eighth and a sixteenth of its size."""

    def __init__(self) -> None:
        super().__init__()
        for number, (n_in, n_out) in enumerate(zip((3, *_CHANNELS), _CHANNELS, strict=False), 1):
            level = nn.Sequential(_curved(n_in, n_out, stride=2), _curved(n_out, n_out))
            self.register_module(f"pyramid{number}", level)

    def forward(self, x: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for level in self.children():
            x = level(x)
            found.append(x)
        return found


class SideBlock(nn.Module):
    """Five convolutions around a skip; every second one works on the last channels alone."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv1, self.conv3 = _curved(n, n), _curved(n, n)
        self.conv2, self.conv4 = _curved(_SKIP, _SKIP), _curved(_SKIP, _SKIP)
        self.conv5 = nn.Conv2d(n, n, 3, padding=1)
        self.prelu = nn.PReLU(n)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for whole, side in ((self.conv1, self.conv2), (self.conv3, self.conv4)):
            y = whole(y)
            y = torch.cat([y[:, :-_SKIP], side(y[:, -_SKIP:])], 1)
        return self.prelu(x + self.conv5(y))


class Decoder(nn.Module):
    """Flows, and what the next finer stage goes on with, at twice the size."""

    def __init__(self, n_in: int, n: int, n_out: int) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(n, n_out, 4, stride=2, padding=1)
        self.convblock = nn.Sequential(_curved(n_in, n), SideBlock(n), up)

    def forward(self, x: Tensor) -> Tensor:
        return self.convblock(x)


class Update(nn.Module):
    """Corrects flows and features by what correlates where the flows point, at an eighth of the size.

    `scale` is how much finer the corrected maps are.
    """

    def __init__(self, n: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.convc1 = nn.Conv2d(2 * _N_LEVELS * (2 * _REACH + 1) ** 2, _SEEN, 1)
        self.convf1 = nn.Conv2d(4, 2 * _FLOWN, 7, padding=3)
        self.convf2 = nn.Conv2d(2 * _FLOWN, _FLOWN, 3, padding=1)
        self.conv = nn.Conv2d(_SEEN + _FLOWN, _JOINED, 3, padding=1)
        self.gru = _leaky_pair(_JOINED + 4 + n, _HIDDEN)
        self.feat_head, self.flow_head = _leaky_pair(_HIDDEN, n), _leaky_pair(_HIDDEN, 4)

    def forward(self, inner: Tensor, flows: Tensor, look: "Correlations") -> tuple[Tensor, Tensor]:
        """Flows and features, corrected."""
        coarse = _scaled(flows, 1 / self.scale) / self.scale
        seen = _leaky(self.convc1(look(coarse)))
        flown = _leaky(self.convf2(_leaky(self.convf1(coarse))))
        joined = _leaky(self.conv(torch.cat([seen, flown], 1)))
        state = self.gru(torch.cat([joined, coarse, _scaled(inner, 1 / self.scale)], 1))
        more = self.scale * _scaled(self.flow_head(state), self.scale)
        return flows + more, inner + _scaled(self.feat_head(state), self.scale)


class Correlations:
    """How the features of two frames correlate around the places that flows point to.

    The paper builds the volume of all pairs, four levels of it. Halving such a map is halving the features
    that it is made of, so only the products that are asked for are made here: memory grows with the picture,
    not with its square.
    """

    def __init__(self, before: Tensor, after: Tensor) -> None:
        """Features `[B, C, H, W]` of both frames."""
        self._levels = [(before, after)]
        for _ in range(_N_LEVELS - 1):
            coarser = [F.avg_pool2d(features, 2) for features in self._levels[-1]]
            self._levels.append((coarser[0], coarser[1]))

    def __call__(self, flows: Tensor) -> Tensor:
        """`[B, 2 levels 7 7, H, W]` for flows `[B, 4, H, W]` from the middle to first and second frame."""
        before, after = self._levels[0]
        # From frame to frame is twice as far as from the middle to one of them.
        onto_after = [_around(before, maps[1], 2 * flows[:, 2:], n) for n, maps in enumerate(self._levels)]
        onto_before = [_around(after, maps[0], 2 * flows[:, :2], n) for n, maps in enumerate(self._levels)]
        return torch.cat([*onto_after, *onto_before], 1)


def _around(features: Tensor, maps: Tensor, flow: Tensor, level: int) -> Tensor:
    """Products of `features` `[B, C, H, W]` with a window of `maps` at `level`: `[B, 7 7, H, W]`.

    The window of a place lies around the place shifted by `flow`; x runs slower than y within it, as in the
    published code. What lies outside of the map is 0.
    """
    height, width = features.shape[2:]
    targets = (_places(height, width).to(flow) + flow).flatten(2).transpose(1, 2) / 2**level  # [B, N, 2]
    queries = features.flatten(2).transpose(1, 2) / features.shape[1] ** 0.5
    rows = [
        torch.cat([_window(*part, maps[at]) for part in _parts(queries[at], targets[at])])
        for at in range(len(features))
    ]
    return torch.stack(rows).transpose(1, 2).unflatten(2, (height, width))


def _parts(queries: Tensor, targets: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(queries.split(_AT_ONCE), targets.split(_AT_ONCE), strict=True))


def _window(queries: Tensor, targets: Tensor, maps: Tensor) -> Tensor:
    """Products of queries `[N, C]` with what surrounds targets `[N, 2]` in a map `[C, H, W]`: `[N, 7 7]`."""
    height, width = maps.shape[1:]
    corner = targets.floor()
    steps = torch.arange(-_REACH, _REACH + 2, device=maps.device)
    x, y = (corner[:, axis, None].long() + steps for axis in (0, 1))  # [N, 8]
    x_inside, y_inside = (x >= 0) & (x < width), (y >= 0) & (y < height)
    place = y.clamp(0, height - 1)[:, None] * width + x.clamp(0, width - 1)[:, :, None]  # [N, 8 of x, 8 of y]
    there = maps.flatten(1).T[place.flatten()].view(len(place), -1, maps.shape[0])
    products = torch.bmm(there, queries[:, :, None]).view(place.shape)
    products = products * (x_inside[:, :, None] & y_inside[:, None])
    # All places of a window lie between four neighbors by the same shares.
    right, down = (targets - corner)[:, :, None, None].unbind(1)
    columns = products[:, :-1] * (1 - right) + products[:, 1:] * right
    return (columns[:, :, :-1] * (1 - down) + columns[:, :, 1:] * down).flatten(1)


def _met(inner: Tensor, stage: tuple[Tensor, Tensor], flows: Tensor) -> Tensor:
    """What a decoder is given: both frames' features brought to the middle, beside what is known of it."""
    before, after = _warped(stage[0], flows[:, :2]), _warped(stage[1], flows[:, 2:])
    return torch.cat([inner, before, after, flows], 1)


def _parted(decoded: Tensor) -> tuple[Tensor, Tensor]:
    return decoded[:, :4], decoded[:, 4:]


def _warped(x: Tensor, flow: Tensor) -> Tensor:
    """`x` `[B, C, H, W]` fetched from where `flow` points, in pixels; beyond the border is the border."""
    height, width = x.shape[2:]
    longest = flow.new_tensor([width - 1, height - 1]).view(1, 2, 1, 1)
    grid = (_places(height, width).to(flow) + flow) * 2 / longest - 1
    return F.grid_sample(x, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=True)


def _places(height: int, width: int) -> Tensor:
    """x and y of every place, `[1, 2, H, W]`."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y])[None]


def _scaled(x: Tensor, scale: float) -> Tensor:
    if scale == 1:
        return x
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def _curved(n_in: int, n_out: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1), nn.PReLU(n_out))


def _leaky_pair(n_in: int, n_out: int) -> nn.Sequential:
    first = nn.Conv2d(n_in, _HIDDEN, 3, padding=1)
    return nn.Sequential(first, nn.LeakyReLU(0.1), nn.Conv2d(_HIDDEN, n_out, 3, padding=1))


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)
