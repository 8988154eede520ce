"""Training recipes of LongAnimation: data, and the three stages of the paper."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toonctl.spec.table import Fault, Table

_DEVICE = r"^(cpu|cuda(:\d+)?)$"


class LongAnimationDataRecipe(Table):
    """Encoding painted clips into training examples, once per data set."""

    recipe: Literal["longanimation_data"]
    clips: str = Field(description="Folder of clips: `<clip>/clip.json`, `<clip>/color/`, `<clip>/line/`.")
    texts: str = Field(description="Safetensors file of text embeddings by clip name, and `empty`.")
    vae: str = Field(description="The `vae` folder of CogVideoX 1.5.")
    long_video: str = Field("", description="Video-XL's folder; needed where examples have a history.")
    vision_tower: str = Field("", description="CLIP's file, where Video-XL's shards hold no tower.")
    prompt_prefix: list[int] = Field([], description="Token ids before the video.")
    prompt_suffix: list[int] = Field([], description="Token ids after the video.")
    has_history: bool = Field(False, description="Examples with a memory, as stages 2 and 3 need them.")
    examples_per_clip: int = Field(4, gt=0, description="Windows drawn from each clip.")
    frames: int = Field(81, gt=0, description="Of a window; one more than a multiple of 8.")
    history_frames: int = Field(81, gt=0, description="Least length of a history, and the local memory's.")
    min_frames: int = Field(92, gt=0, description="Shorter clips are left out; with a history, 163.")
    max_frames: int = Field(1000, gt=0, description="What follows in longer clips is left out.")
    min_aesthetic: float = Field(0.0, description="Clips rated below are left out; unrated ones are kept.")
    min_dynamic: float = Field(0.0, description="As above, for motion.")
    width: int = Field(1024, multiple_of=16, gt=0, description="Pixels.")
    height: int = Field(576, multiple_of=16, gt=0, description="Pixels.")
    seed: int = Field(0, ge=0, description="Decides windows and references.")
    device: str = Field("cuda", pattern=_DEVICE, description="cpu, cuda or cuda:1.")
    precision: Literal["float32", "bfloat16"] = Field("bfloat16", description="Of the networks.")
    out: str = Field("runs/longanimation-data", description="Folder of the examples; those there are kept.")

    def faults(self) -> Iterator[Fault]:
        if self.frames % 8 != 1:
            yield Fault(("frames",), f"{self.frames} frames leave the reference no slot", "choose 81")
        if self.has_history and not self.long_video:
            yield Fault(("long_video",), "a history is read by Video-XL", "name its folder")


class StageRecipe(Table):
    """What the three stages share."""

    data: str = Field(description="Folder of examples made by `longanimation_data`.")
    base: str = Field(description="The `transformer` folder of CogVideoX 1.5 I2V; it stays as it is.")
    steps: int = Field(gt=0, description="Optimizer steps in all, over every sitting.")
    warmup_steps: int = Field(100, ge=0, description="Steps of the rising part of the learning rate.")
    examples_per_step: int = Field(6, gt=0, description="Their gradients are added up.")
    learning_rate: float = Field(1e-5, gt=0, description="Of AdamW.")
    weight_decay: float = Field(1e-4, ge=0, description="Of AdamW.")
    seed: int = Field(0, ge=0, description="Decides order, timesteps, noise and starting weights.")
    device: str = Field("cuda", pattern=_DEVICE, description="cpu, cuda or cuda:1.")
    precision: Literal["float32", "bfloat16"] = Field("bfloat16", description="Of the arithmetic.")
    saves_memory: bool = Field(True, description="Blocks are computed twice instead of kept.")
    save_every: int = Field(100, gt=0, description="Steps between two saved states.")
    out: str = Field(description="Folder of the run; one there is gone on with.")


class DenoisingRecipe(StageRecipe):
    """What the two denoising stages share."""

    dropped_texts: float = Field(0.1, ge=0, le=1, description="Share of examples with the empty text.")


class LongAnimationSketchRecipe(DenoisingRecipe):
    """Stage 1: the control network learns to follow sketch and reference."""

    recipe: Literal["longanimation_sketch"]
    layers: int = Field(6, gt=0, description="Blocks of the control network, taken from the base.")
    control: str = Field("", description="A control network to go on with; empty begins with the base.")


class LongAnimationDglmRecipe(DenoisingRecipe):
    """Stage 2: the memory module learns to keep the colors of the film so far."""

    recipe: Literal["longanimation_dglm"]
    control: str = Field(description="The control network of stage 1.")
    memory_module: str = Field("", description="A memory module to go on with; empty begins with none.")
    heads: int = Field(32, gt=0, description="Of a new memory module.")
    head_dim: int = Field(96, gt=0, description="Of a new memory module, or the one given.")
    trains_control: bool = Field(True, description="The control network learns on.")


class LongAnimationColorRecipe(StageRecipe):
    """Stage 3: sampled films are rewarded for colors that look to the video model like the true film's."""

    recipe: Literal["longanimation_color"]
    control: str = Field(description="The control network of stage 2.")
    memory_module: str = Field(description="The memory module of stage 2.")
    head_dim: int = Field(96, gt=0, description="Of the memory module.")
    vae: str = Field(description="The `vae` folder of CogVideoX 1.5.")
    long_video: str = Field(description="Video-XL's folder.")
    vision_tower: str = Field("", description="CLIP's file, where Video-XL's shards hold no tower.")
    prompt_prefix: list[int] = Field(description="Token ids before the video, as in the data recipe.")
    prompt_suffix: list[int] = Field(description="Token ids after the video, as in the data recipe.")
    denoising_steps: int = Field(30, gt=0, description="Of every sampled film.")
    steps_with_gradient: int = Field(10, gt=0, description="Of those, drawn anew for every film.")
    films_per_example: int = Field(4, gt=1, description="Films compared with each other.")
    guidance_scale: float = Field(6.0, ge=1, description="Of the sampled films.")
    trains_control: bool = Field(True, description="The control network learns on.")
