"""`[engine]` of ToonCrafter: how windows between two keys are drawn, and how they grow to full size."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_diffusion import DiffusionTable
from toonctl.spec.engine_packed import PackOptions
from toonctl.spec.table import Fault


class ToonCrafter(DiffusionTable, PackOptions):
    """ToonCrafter: draws whole pictures between two keys, 16 at a time; one layer, or layers packed."""

    name: Literal["tooncrafter"] = "tooncrafter"
    steps: int = Field(default=50, ge=2, le=1000, description="Denoising steps of a window.")
    guidance: float = Field(
        default=7.5, ge=1, le=100, description="How much words and first key count against none; 1 = off."
    )
    guidance_rescale: float = Field(
        default=0.7, ge=0, le=1, description="How far guidance is kept from raising the contrast."
    )
    guided_share: float = Field(
        default=1.0, gt=0, le=1, description="Share of the steps that are guided, from the first on."
    )
    image_guidance: float = Field(
        default=0.0, ge=0, le=100, description="Guidance of the key apart from the words'; 0 = one for both."
    )
    frame_stride: int = Field(
        default=10, ge=5, le=30, description="Published `FPS` control: small is large motion."
    )
    eta: float = Field(default=1.0, ge=0, le=1, description="Fresh noise of each step; 0 draws none.")
    spacing: Literal["trailing", "uniform"] = Field(
        default="trailing", description='Where the steps lie; "uniform" never visits pure noise.'
    )
    prompts: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Words for each way from key to key, in order, instead of `[shot]` prompt."
    )
    window: Literal["trained", "fitted"] = Field(
        default="trained",
        description='Frames of a window: always 16, or "fitted" to the timing where fewer meet it exactly.',
    )
    timing: Literal["exact", "near"] = Field(
        default="exact", description='"near" takes fewer windows and lets slow ways miss their timing.'
    )
    width: int = Field(
        default=512, ge=16, le=4096, multiple_of=16, description="Drawn at; the picture is fitted in."
    )
    height: int = Field(
        default=320, ge=16, le=4096, multiple_of=16, description="Drawn at; turned for upright pictures."
    )
    detail: Literal["upscaled", "tiled"] = Field(
        default="upscaled",
        description='Full size by enlarging, or by drawing the enlarged picture again in "tiled" parts.',
    )
    overlap_px: int = Field(
        default=64, ge=8, le=512, multiple_of=8, description="By how much tiles overlap at least."
    )
    redraw: float = Field(
        default=0.4, gt=0, lt=1, description="Share of the steps that tiles are drawn again with."
    )
    match_colors: bool = Field(
        default=True, description="Correct brightness and colors by how the keys themselves came out."
    )
    lora_scale: float = Field(
        default=1.0, ge=-4, le=4, description="Weight of the adapter that `weights.lora` names; 1 as trained."
    )
    watch_latents: bool = Field(
        default=False, description="Keep figures of every step, plot them, and stop when a drawing collapses."
    )

    paints_whole: ClassVar[bool] = True

    def faults(self) -> Iterator[Fault]:
        if self.memory == "nf4":
            hint = 'take "int8" or "streamed-int8"'
            yield Fault(("memory",), "four bits ruin this network: 9 dB are left of its output", hint)
        if self.cache != "off":
            yield Fault(("cache",), "no step of this network is known to be skippable", 'set `cache = "off"`')
        if self.compile:
            yield Fault(("compile",), "this network is not compiled", "leave `compile` out")
        if self.image_guidance and self.guidance == 1:
            yield Fault(
                ("image_guidance",), "`guidance` is off", "give `guidance` more than 1, or leave both"
            )
        unknown = sorted(set(self.weights) - {"model", "student", "lora"})
        if unknown:
            yield Fault(
                ("weights",),
                f"there are no weights `{unknown[0]}`",
                'roles are "model", "student" and "lora"',
            )

    def summary(self) -> str:
        return f"{super().summary()}, {self.width}x{self.height} {self.detail}, windows {self.window}"
