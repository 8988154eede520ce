"""The region matcher of the cel engine: which region of a colored drawing a region of a new drawing shows.

A small convolutional encoder looks at the line drawing, region tokens are read from it at sample points,
attention relates the regions of one drawing to each other and to those of the other drawing. Regions match
regions, and the caller adds the probabilities of all regions of one color (inclusion matching, arXiv
2403.18342, the idea only), so splits and merges need no case of their own.

Letters: B drawings or pairs, C channels, H W plane size, N regions, M regions of the other drawing, P sample
points, D token width, G geometry numbers.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

_VOTE_FLOOR = 0.02
_VOTE_ROWS = 512


@dataclass(frozen=True, slots=True)
class CelMatcherParams:
    """Sizes of the matcher; the shipped weights use the defaults."""

    plane_channels: int = 3
    n_geometry: int = 19
    widths: tuple[int, int, int, int] = (32, 48, 96, 128)
    dim: int = 128
    n_heads: int = 4
    n_self_blocks: int = 2
    n_cross_blocks: int = 3

    def __post_init__(self) -> None:
        if self.dim % self.n_heads:
            raise ValueError(f"dim {self.dim} is not a multiple of n_heads {self.n_heads}")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip, pre-activated."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(self.norm(x)))))


class LineEncoder(nn.Module):
    """Feature maps of a line drawing at strides 2, 4, 8 and 16, the last three with context from above."""

    def __init__(self, params: CelMatcherParams) -> None:
        super().__init__()
        c2, c4, c8, c16 = params.widths
        self.stem = nn.Conv2d(params.plane_channels * 4, c2, 3, padding=1)
        self.down4 = nn.Conv2d(c2, c4, 3, stride=2, padding=1)
        self.stage4 = ResidualBlock(c4)
        self.down8 = nn.Conv2d(c4, c8, 3, stride=2, padding=1)
        self.stage8 = ResidualBlock(c8)
        self.down16 = nn.Conv2d(c8, c16, 3, stride=2, padding=1)
        self.stage16 = nn.Sequential(*(ResidualBlock(c16, dilation) for dilation in (1, 2, 4)))
        self.up8 = nn.Conv2d(c16, c8, 1)
        self.merge8 = ResidualBlock(c8)
        self.up4 = nn.Conv2d(c8, c4, 1)
        self.merge4 = ResidualBlock(c4)
        self.out_channels = sum(params.widths)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x2 = F.relu(self.stem(F.pixel_unshuffle(planes, 2)))  # [B, C, H/2, W/2]
        x4 = self.stage4(self.down4(x2))
        x8 = self.stage8(self.down8(F.relu(x4)))
        x16 = self.stage16(self.down16(F.relu(x8)))
        x8 = self.merge8(x8 + F.interpolate(self.up8(x16), scale_factor=2.0))
        x4 = self.merge4(x4 + F.interpolate(self.up4(x8), scale_factor=2.0))
        return x2, x4, x8, x16


class AttentionBlock(nn.Module):
    """Pre-norm attention from x to a context with an additive bias per head, then a feed-forward layer."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_x = nn.LayerNorm(dim)
        self.norm_context = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, dim)
        self.to_kv = nn.Linear(dim, 2 * dim)
        self.to_out = nn.Linear(dim, dim)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )

    def forward(self, x: Tensor, context: Tensor, bias: Tensor) -> Tensor:
        """x [B, N, D], context [B, M, D], bias [B, heads, N, M] -> [B, N, D]."""
        q = self.to_q(self.norm_x(x)).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        k, v = (
            self.to_kv(self.norm_context(context)).unflatten(-1, (2, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        )
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        x = x + self.to_out(attended.transpose(1, 2).flatten(-2))
        return x + self.feed_forward(x)


class Votes:
    """Flow votes between the regions of two drawings, and what a layer makes of them.

    A point lands in one region, so of N x M pairs hardly more than N + M have votes. All others are alike: a
    layer sees one row for them, and one for every pair that has votes.
    """

    def __init__(self, votes: Tensor) -> None:
        """votes `[B, N, M, 2]`: share of the x region that flow carries into y, share of y so covered."""
        self._size = votes.shape[1:3]
        self._places = votes.any(-1).nonzero(as_tuple=True)
        found = votes[self._places]
        self._n = len(found)
        # Rounded up: the compute library prepares and keeps a kernel for every number of rows it meets.
        rows = votes.new_zeros(-(-(1 + self._n) // _VOTE_ROWS) * _VOTE_ROWS, 2)
        rows[1 : 1 + self._n] = found
        self._evidence = torch.log(rows + _VOTE_FLOOR)

    def through(self, layer: nn.Module, hide: Tensor, *, is_back: bool = False) -> Tensor:
        """`layer` of the votes plus `hide` `[B, 1, 1, M]`, as `[B, C, N, M]`; with `is_back` seen from y."""
        pair, row, column = self._places
        n_rows, n_columns = self._size
        evidence = self._evidence
        if is_back:
            row, column, n_rows, n_columns, evidence = column, row, n_columns, n_rows, evidence.flip(-1)
        values = layer(evidence)[: 1 + self._n]  # [1 + K, C]
        hide = hide.to(values.dtype)
        whole = (values[0, :, None, None] + hide).expand(-1, -1, n_rows, n_columns).clone()
        whole[pair, :, row, column] = values[1:] + hide[pair, 0, 0, column, None]
        return whole


class CrossBlock(nn.Module):
    """Both drawings look at each other, biased by flow votes, then at themselves; one set of weights."""

    def __init__(self, params: CelMatcherParams) -> None:
        super().__init__()
        self.vote_bias = nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, params.n_heads))
        self.cross = AttentionBlock(params.dim, params.n_heads)
        self.own = AttentionBlock(params.dim, params.n_heads)

    def forward(
        self, x: Tensor, y: Tensor, votes: Votes, hide_x: Tensor, hide_y: Tensor
    ) -> tuple[Tensor, Tensor]:
        to_y = votes.through(self.vote_bias, hide_y)
        to_x = votes.through(self.vote_bias, hide_x, is_back=True)
        x, y = self.cross(x, y, to_y), self.cross(y, x, to_x)
        return self.own(x, x, hide_x), self.own(y, y, hide_y)


class CelMatcher(nn.Module):
    """Region tokens of a drawing, and match scores between the regions of two drawings."""

    def __init__(self, params: CelMatcherParams) -> None:
        super().__init__()
        self.params = params
        dim, heads = params.dim, params.n_heads
        self.encoder = LineEncoder(params)
        self.from_points = nn.Sequential(nn.Linear(2 * self.encoder.out_channels, dim), nn.GELU())
        self.from_geometry = nn.Sequential(nn.Linear(params.n_geometry, dim), nn.GELU())
        self.mix = nn.Linear(2 * dim, dim)
        self.neighbor_bias = nn.ModuleList(
            nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, heads))
            for _ in range(params.n_self_blocks)
        )
        self.self_blocks = nn.ModuleList(AttentionBlock(dim, heads) for _ in range(params.n_self_blocks))
        self.cross_blocks = nn.ModuleList(CrossBlock(params) for _ in range(params.n_cross_blocks))
        self.final_norm = nn.LayerNorm(dim)
        self.to_query = nn.Linear(dim, dim)
        self.to_key = nn.Linear(dim, dim)
        self.vote_score = nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, 1))
        self.none_score = nn.Linear(dim, 1)

    def tokens(
        self, planes: Tensor, points: Tensor, geometry: Tensor, adjacency: Tensor, mask: Tensor
    ) -> Tensor:
        """Region tokens `[B, N, D]` of B drawings.

        planes `[B, 3, H, W]` 0..1, points `[B, N, P, 2]` in -1..1, geometry `[B, N, G]`, adjacency
        `[B, N, N]` rows summing to at most 1, mask `[B, N]` True for real regions.
        """
        maps = self.encoder(planes.contiguous(memory_format=torch.channels_last))
        at_points = torch.cat(
            [F.grid_sample(m.float(), points, padding_mode="border", align_corners=False) for m in maps], 1
        )  # [B, C, N, P]
        pooled = torch.cat([at_points.mean(-1), at_points.amax(-1)], 1)  # [B, 2C, N]
        x = torch.cat([self.from_points(pooled.transpose(1, 2)), self.from_geometry(geometry)], -1)
        x = self.mix(x)
        hide = _hide(mask)
        facing = torch.stack([adjacency, adjacency.transpose(-1, -2)], -1)  # [B, N, N, 2]
        for block, to_bias in zip(self.self_blocks, self.neighbor_bias, strict=True):
            x = block(x, x, to_bias(facing).permute(0, 3, 1, 2) + hide)
        return x

    def match(
        self, x: Tensor, y: Tensor, votes: Tensor, mask_x: Tensor, mask_y: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities x -> y `[B, N, M + 1]`, y -> x `[B, M, N + 1]`; last column "none of these".

        x `[B, N, D]` and y `[B, M, D]` tokens, votes `[B, N, M, 2]`: share of the x region that flow carries
        into the y region, and share of the y region so covered; masks `[B, N]`, `[B, M]` True where real.
        """
        seen = Votes(votes)
        hide_x, hide_y = _hide(mask_x), _hide(mask_y)
        for block in self.cross_blocks:
            x, y = block(x, y, seen, hide_x, hide_y)
        x, y = self.final_norm(x), self.final_norm(y)
        to_y = seen.through(self.vote_score, hide_y)
        to_x = seen.through(self.vote_score, hide_x, is_back=True)
        return self._scores(x, y, to_y), self._scores(y, x, to_x)

    def _scores(self, x: Tensor, y: Tensor, vote_score: Tensor) -> Tensor:
        """Log-probabilities x -> y; `vote_score` `[B, 1, N, M]` keeps them off the padding."""
        score = (self.to_query(x) @ self.to_key(y).transpose(-1, -2)).float() * self.params.dim**-0.5
        score = score + vote_score[:, 0]
        return torch.cat([score, self.none_score(x).float()], -1).log_softmax(-1)


def _hide(mask: Tensor) -> Tensor:
    """Additive bias `[B, 1, 1, M]` that keeps attention off the padding."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -1e4)[:, None, None]
