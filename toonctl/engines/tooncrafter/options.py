"""ToonCrafter's options, as the shot file's `[engine]` table gives them; no defaults here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toonctl.core.types import Size
from toonctl.engines.options import EngineOptions
from toonctl.models.tooncrafter.sampler import Guidance
from toonctl.models.tooncrafter.schedule import Spacing
from toonctl.models.tooncrafter.window import Sampling

_STRIDES = (5, 30)
"""Frame strides the network was trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(EngineOptions):
    """What `[engine]` says; the table in `spec` tells each key's meaning."""

    weights: Mapping[str, str]
    device: str
    memory: str
    dtype: Literal["auto", "bf16", "fp16", "fp32"]
    compat: Literal["fixed", "upstream"]
    seed: int
    steps: int
    guidance: float
    guidance_rescale: float
    guided_share: float
    image_guidance: float
    frame_stride: int
    eta: float
    spacing: Literal["trailing", "uniform"]
    prompts: tuple[str, ...]
    window: Literal["trained", "fitted"]
    timing: Literal["exact", "near"]
    width: int
    height: int
    detail: Literal["upscaled", "tiled"]
    overlap_px: int
    redraw: float
    match_colors: bool
    lora_scale: float
    watch_latents: bool
    attention: str

    def drawn_size(self, size: Size) -> Size:
        """The size a picture of `size` is drawn at: turned when it stands upright."""
        width, height = size
        is_upright = (height > width) != (self.height > self.width)
        return (self.height, self.width) if is_upright else (self.width, self.height)

    def sampling(self, share: float) -> Sampling:
        """How a window is drawn that covers `share` 0..1 of the way between its keys.

        Its motion is as much smaller, which the stride tells the network; upstream knows no such windows.
        """
        least, most = _STRIDES
        stride = self.frame_stride if self.compat == "upstream" else round(self.frame_stride / share)
        return Sampling(
            n_steps=self.steps,
            spacing=Spacing.TRAILING if self.spacing == "trailing" else Spacing.UNIFORM,
            eta=self.eta,
            guidance=Guidance(self.guidance, self.image_guidance or None, self.guidance_rescale),
            frame_stride=min(max(stride, least), most),
            guided_share=self.guided_share,
        )
