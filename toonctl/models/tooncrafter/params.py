"""Sizes of ToonCrafter's networks; the defaults are those of the published 512 x 320 checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

TEXT_TOKENS = 77
"""Length of every text context; what follows it in a context are image tokens."""

SIZES = "toonctl.params"
"""Key of a file's metadata that holds its networks' sizes, where they are not the published ones."""

IMAGE_TOKENS_PER_FRAME = 16
"""Image tokens of one frame, when every frame has its own."""


@dataclass(frozen=True, slots=True)
class UNetParams:
    """Sizes of the video denoiser. `attention_strides` are the downsampling factors that have attention."""

    in_channels: int = 8
    out_channels: int = 4
    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    n_res_blocks: int = 2
    attention_strides: tuple[int, ...] = (1, 2, 4)
    head_dim: int = 64
    context_dim: int = 1024
    default_frame_stride: int = 24
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.model_channels % 32:
            raise ValueError(f"model_channels {self.model_channels} is not a multiple of 32, the norm groups")
        if self.model_channels < self.head_dim:
            raise ValueError(f"head_dim {self.head_dim} is wider than model_channels {self.model_channels}")


@dataclass(frozen=True, slots=True)
class VaeParams:
    """Sizes of the picture coder. Levels in `reference_attention_levels` look at the keys by attention."""

    channels: int = 128
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    n_res_blocks: int = 2
    latent_channels: int = 4
    picture_channels: int = 3
    reference_attention_levels: tuple[int, ...] = (2, 3)
    reference_heads: int = 8
    reference_head_dim: int = 64
    scale: float = 0.18215

    def __post_init__(self) -> None:
        if self.channels % 32:
            raise ValueError(f"channels {self.channels} is not a multiple of 32, the norm groups")

    @property
    def downsampling(self) -> int:
        """Pixels per latent pixel along a side."""
        return 2 ** (len(self.channel_mult) - 1)


@dataclass(frozen=True, slots=True)
class ResamplerParams:
    """Sizes of the image projection: `n_frames` times 16 queries over the tokens of one picture."""

    dim: int = 1024
    depth: int = 4
    n_heads: int = 12
    head_dim: int = 64
    n_frames: int = 16
    token_dim: int = 1280
    out_dim: int = 1024
    feed_forward_mult: int = 4


@dataclass(frozen=True, slots=True)
class VisionParams:
    """Sizes of the CLIP image encoder."""

    width: int = 1280
    n_layers: int = 32
    n_heads: int = 16
    size_px: int = 224
    patch_px: int = 14


@dataclass(frozen=True, slots=True)
class TextParams:
    """Sizes of the CLIP text encoder. `n_layers` counts the stored layers; the last one is never run."""

    width: int = 1024
    n_layers: int = 24
    n_heads: int = 16
    vocabulary: int = 49408
    n_tokens: int = TEXT_TOKENS


@dataclass(frozen=True, slots=True)
class ToonCrafterParams:
    """Sizes of the whole model."""

    unet: UNetParams = field(default_factory=UNetParams)
    vae: VaeParams = field(default_factory=VaeParams)
    resampler: ResamplerParams = field(default_factory=ResamplerParams)
    vision: VisionParams = field(default_factory=VisionParams)
    text: TextParams = field(default_factory=TextParams)

    def __post_init__(self) -> None:
        widths = {self.unet.context_dim, self.resampler.out_dim, self.text.width}
        if len(widths) > 1:
            raise ValueError(f"context widths differ: unet, resampler and text say {sorted(widths)}")
        if self.resampler.token_dim != self.vision.width:
            raise ValueError(
                f"resampler token_dim {self.resampler.token_dim} is not the vision width {self.vision.width}"
            )

    def to_json(self) -> str:
        """The sizes as text, kept in the metadata of files that are not of the published size."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The sizes that `to_json` wrote. Raises: ValueError when the text is something else."""
        try:
            parts: Mapping[str, Any] = json.loads(text)
            return cls(**{name: kind(**_tuples(parts[name])) for name, kind in _PARTS.items()})
        except (KeyError, TypeError) as error:
            raise ValueError(f"these are no sizes of ToonCrafter: {error}") from error


_PARTS: Mapping[str, Any] = {
    "unet": UNetParams,
    "vae": VaeParams,
    "resampler": ResamplerParams,
    "vision": VisionParams,
    "text": TextParams,
}


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
