"""What ToonComposer needs at least, computed from its configuration: operations, and bytes on the card.

Letters: M tokens, D width, P tokens of a frame, r rank, N context tokens.
"""

from dataclasses import dataclass

from toonctl.models.tooncomposer.conditioning import SPACE_STRIDE, latent_count
from toonctl.models.tooncomposer.encoders import TEXT_TOKENS
from toonctl.models.tooncomposer.transformer import (
    LATENT_CHANNELS,
    PATCH,
    VIDEO_CHANNELS,
    TransformerParams,
)

_IMAGE_TOKENS = 257
_HALF, _FLOAT = 2, 4


@dataclass(frozen=True, slots=True)
class VideoSize:
    """Pixel frames, height and width of a run, and its number of sketches."""

    n_frames: int
    height: int
    width: int
    n_sketches: int

    @property
    def frame_tokens(self) -> int:
        """Tokens of one frame."""
        side = SPACE_STRIDE * PATCH
        return (self.height // side) * (self.width // side)

    @property
    def video_tokens(self) -> int:
        return latent_count(self.n_frames) * self.frame_tokens

    @property
    def tokens(self) -> int:
        """Tokens of all frames and sketches."""
        return self.video_tokens + self.n_sketches * self.frame_tokens


def forward_flop(params: TransformerParams, size: VideoSize) -> int:
    """Floating-point operations of one forward of one sample: matrix products, attention and convolutions.

    A product and its sum count as two. Norms, modulation and rotation cost memory traffic, not operations.
    """
    m, d, context = size.tokens, params.dim, _IMAGE_TOKENS + TEXT_TOKENS
    own_attention = 2 * m * 4 * d * d + 4 * m * m * d
    cross_attention = 2 * m * 2 * d * d + 2 * context * 2 * d * d + 4 * m * context * d
    feed_forward = 2 * m * 2 * d * params.ffn_dim
    block = own_attention + cross_attention + feed_forward + _adapter_flop(params, size)
    residual = 2 * size.n_sketches * size.frame_tokens * d * d if params.has_residual else 0
    patch = PATCH * PATCH
    sketch_channels = params.sketch_channels or 0
    ends = 2 * size.video_tokens * d * patch * (VIDEO_CHANNELS + LATENT_CHANNELS)
    ends += 2 * size.n_sketches * size.frame_tokens * d * patch * sketch_channels
    ends += 2 * TEXT_TOKENS * (params.text_dim * d + d * d)
    ends += 2 * _IMAGE_TOKENS * (params.image_dim**2 + params.image_dim * d)
    ends += 2 * (params.freq_dim * d + d * d + 6 * d * d)
    return params.n_layers * block + (params.n_layers - 1) * residual + ends


def _adapter_flop(params: TransformerParams, size: VideoSize) -> int:
    """Of the spatial adapter of one block."""
    if params.rank is None:
        return 0
    m, r = size.tokens, params.rank
    return 2 * m * (2 * params.dim * r + 4 * r * r) + 4 * m * size.frame_tokens * r


def block_activation_bytes(params: TransformerParams, size: VideoSize) -> int:
    """Bytes a block holds at its fullest in half precision, with the stream between blocks in float32.

    Attention: stream, its normed copy, queries, keys, values and what they give. Feed-forward: stream, normed
    copy, hidden layer before and after its activation. Kernels that keep more come on top.
    """
    per_row = params.dim
    stream = _FLOAT * per_row
    attention = stream + _HALF * 5 * per_row
    feed_forward = stream + _HALF * per_row + 2 * _HALF * params.ffn_dim
    return size.tokens * max(attention, feed_forward)
