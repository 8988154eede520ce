"""Video-XL's language model as the long video understanding model: it reads a film into keys and values.

A Qwen2 decoder with beacon tokens (Video-XL, arXiv 2409.14485): after every `ratio` video tokens one beacon
is put in, and of each window of video tokens only the beacons' keys and values stay. Nothing is generated.

Letters: T new tokens, S tokens in the cache, W model width, K key/value heads, H head size, P picked layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange, repeat
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LvuSizes:
    """Sizes and compression; the published weights use the defaults.

    `window` and `ratio` are video tokens per window and per beacon; `picked_layers` are Python indices.
    """

    layers: int = 28
    heads: int = 28
    kv_heads: int = 4
    hidden: int = 3584
    intermediate: int = 18944
    vocab: int = 152064
    rope_theta: float = 1e6
    rms_eps: float = 1e-6
    window: int = 1440
    ratio: int = 8
    picked_layers: tuple[int, ...] = (-9, -5, -1)

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def picked(self) -> tuple[int, ...]:
        """0-based layers whose keys and values are the memory."""
        return tuple(layer % self.layers for layer in self.picked_layers)


@dataclass(frozen=True, slots=True)
class BeaconCache:
    """Kept tokens of every layer, keys before rotation: `keys[i]`, `values[i]` are `[K, S, H]`.

    `n_video_tokens` were read so far; a beacon comes when this count reaches a multiple of the ratio.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    n_video_tokens: int = 0

    @property
    def n_tokens(self) -> int:
        return self.keys[0].shape[1]


class RmsNorm(nn.Module):
    """Root mean square norm, computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


class BeaconAttention(nn.Module):
    """Qwen2 attention whose beacons have projections of their own; `is_last` keeps only keys and values."""

    def __init__(self, sizes: LvuSizes, *, is_last: bool) -> None:
        super().__init__()
        self.sizes = sizes
        kv_width = sizes.kv_heads * sizes.head_dim
        self.k_proj = nn.Linear(sizes.hidden, kv_width)
        self.v_proj = nn.Linear(sizes.hidden, kv_width)
        self.beacon_k_proj = nn.Linear(sizes.hidden, kv_width)
        self.beacon_v_proj = nn.Linear(sizes.hidden, kv_width)
        if not is_last:
            self.q_proj = nn.Linear(sizes.hidden, sizes.hidden)
            self.beacon_q_proj = nn.Linear(sizes.hidden, sizes.hidden)
            self.o_proj = nn.Linear(sizes.hidden, sizes.hidden, bias=False)

    def keys_values(self, x: Tensor, is_beacon: Tensor) -> tuple[Tensor, Tensor]:
        """Keys before rotation and values `[K, T, H]` of x `[T, W]`."""
        keys = _projected(x, is_beacon, self.k_proj, self.beacon_k_proj)
        values = _projected(x, is_beacon, self.v_proj, self.beacon_v_proj)
        return self._split(keys), self._split(values)

    def forward(self, x: Tensor, is_beacon: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """x `[T, W]` looks at keys and values `[K, S, H]`, the last T of which are its own."""
        queries = self._split(_projected(x, is_beacon, self.q_proj, self.beacon_q_proj))
        n_new, n_all = queries.shape[1], keys.shape[1]
        cos, sin = _rotation(n_all, self.sizes, keys)
        queries = _rotated(queries, cos[n_all - n_new :], sin[n_all - n_new :])
        keys = _rotated(keys, cos, sin)
        sharers = self.sizes.heads // self.sizes.kv_heads
        is_visible = torch.ones(n_new, n_all, dtype=torch.bool, device=x.device).tril(n_all - n_new)
        attended = F.scaled_dot_product_attention(
            queries[None],
            repeat(keys, "k s h -> 1 (k g) s h", g=sharers),
            repeat(values, "k s h -> 1 (k g) s h", g=sharers),
            attn_mask=is_visible,
        )
        return self.o_proj(rearrange(attended, "1 n t h -> t (n h)"))

    def _split(self, x: Tensor) -> Tensor:
        return rearrange(x, "t (n h) -> n t h", h=self.sizes.head_dim)


class GatedMlp(nn.Module):
    """Qwen2's feed-forward layer."""

    def __init__(self, sizes: LvuSizes) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(sizes.hidden, sizes.intermediate, bias=False)
        self.up_proj = nn.Linear(sizes.hidden, sizes.intermediate, bias=False)
        self.down_proj = nn.Linear(sizes.intermediate, sizes.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class BeaconLayer(nn.Module):
    """One decoder layer; the last one read has only what its keys and values need."""

    def __init__(self, sizes: LvuSizes, *, is_last: bool) -> None:
        super().__init__()
        self.is_last = is_last
        self.input_layernorm = RmsNorm(sizes.hidden, sizes.rms_eps)
        self.self_attn = BeaconAttention(sizes, is_last=is_last)
        if not is_last:
            self.post_attention_layernorm = RmsNorm(sizes.hidden, sizes.rms_eps)
            self.mlp = GatedMlp(sizes)

    def forward(
        self, x: Tensor, is_beacon: Tensor, past_keys: Tensor, past_values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x `[T, W]` after the layer (in the last one: before it), its new keys and values `[K, T, H]`."""
        normed = self.input_layernorm(x)
        keys, values = self.self_attn.keys_values(normed, is_beacon)
        if not self.is_last:
            all_keys, all_values = torch.cat([past_keys, keys], 1), torch.cat([past_values, values], 1)
            x = x + self.self_attn(normed, is_beacon, all_keys, all_values)
            x = x + self.mlp(self.post_attention_layernorm(x))
        return x, keys, values


class LongVideoModel(nn.Module):
    """Reads prompt and video into a beacon cache, window by window, and a cache into a memory.

    Only what the picked layers need is here: the last one ends at its keys and values.
    """

    def __init__(self, sizes: LvuSizes) -> None:
        super().__init__()
        self.sizes = sizes
        n_layers = 1 + max(sizes.picked)
        self.embed_tokens = nn.Embedding(sizes.vocab, sizes.hidden)
        self.beacon_embed_tokens = nn.Embedding(1, sizes.hidden)
        self.layers = nn.ModuleList(BeaconLayer(sizes, is_last=i == n_layers - 1) for i in range(n_layers))

    def begin(self, prefix_ids: Sequence[int]) -> BeaconCache:
        """The cache of the prompt before the video, all of whose tokens are kept for good."""
        weight = self.embed_tokens.weight
        empty = weight.new_zeros(self.sizes.kv_heads, 0, self.sizes.head_dim)
        nothing = BeaconCache((empty,) * len(self.layers), (empty,) * len(self.layers))
        return self._text(nothing, prefix_ids)

    def extend(self, cache: BeaconCache, features: Tensor) -> BeaconCache:
        """The cache after one window (or a part of one) of video tokens `[T, W]`: only beacons stay of them.

        Raises: ValueError for more tokens than a window holds.
        """
        n_new = features.shape[0]
        if n_new > self.sizes.window:
            raise ValueError(f"{n_new} video tokens are more than a window of {self.sizes.window}")
        is_beacon = self._beacons(cache.n_video_tokens, n_new, features.device)
        tokens = features.new_empty(len(is_beacon), features.shape[1])
        tokens[~is_beacon] = features
        tokens[is_beacon] = self.beacon_embed_tokens.weight.to(features.dtype)
        keys, values = self._run(tokens, is_beacon, cache)
        return BeaconCache(
            _appended(cache.keys, [k[:, is_beacon] for k in keys]),
            _appended(cache.values, [v[:, is_beacon] for v in values]),
            cache.n_video_tokens + n_new,
        )

    def read(self, cache: BeaconCache, suffix_ids: Sequence[int]) -> Tensor:
        """The memory `[1, 2, P, S, K H]`: keys and values of the picked layers, the prompt's end read too."""
        whole = self._text(cache, suffix_ids)
        return torch.stack(
            [
                torch.stack([rearrange(kept[i], "k s h -> s (k h)") for i in self.sizes.picked])
                for kept in (whole.keys, whole.values)
            ]
        )[None]

    def _text(self, cache: BeaconCache, ids: Sequence[int]) -> BeaconCache:
        weight = self.embed_tokens.weight
        tokens = self.embed_tokens(torch.tensor(list(ids), dtype=torch.long, device=weight.device))
        is_beacon = torch.zeros(len(tokens), dtype=torch.bool, device=weight.device)
        keys, values = self._run(tokens, is_beacon, cache)
        return BeaconCache(_appended(cache.keys, keys), _appended(cache.values, values), cache.n_video_tokens)

    def _run(self, x: Tensor, is_beacon: Tensor, cache: BeaconCache) -> tuple[list[Tensor], list[Tensor]]:
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for layer, past_keys, past_values in zip(self.layers, cache.keys, cache.values, strict=True):
            x, new_keys, new_values = layer(x, is_beacon, past_keys, past_values)
            keys.append(new_keys)
            values.append(new_values)
        return keys, values

    def _beacons(self, n_before: int, n_new: int, device: torch.device) -> Tensor:
        """Which of the tokens of a window with its beacons put in are beacons, `[T]`."""
        is_beacon: list[bool] = []
        for count in range(n_before + 1, n_before + n_new + 1):
            is_beacon += [False, True] if count % self.sizes.ratio == 0 else [False]
        return torch.tensor(is_beacon, dtype=torch.bool, device=device)


def _projected(x: Tensor, is_beacon: Tensor, plain: nn.Module, beacon: nn.Module) -> Tensor:
    y = plain(x)
    if bool(is_beacon.any()):
        y[is_beacon] = beacon(x[is_beacon])
    return y


def _rotation(n_tokens: int, sizes: LvuSizes, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[S, H]` of positions 0..S-1: what is kept closes up, so places never run out."""
    half = torch.arange(0, sizes.head_dim, 2, device=like.device).float() / sizes.head_dim
    angles = torch.arange(n_tokens, device=like.device).float()[:, None] * sizes.rope_theta**-half
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def _appended(past: tuple[Tensor, ...], new: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(torch.cat([old, more], 1) for old, more in zip(past, new, strict=True))
