"""Training recipes of ToonCrafter: low-rank adapters, their strength, and a smaller network."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toonctl.spec.table import Fault, Table

_DEVICE = r"^(cpu|cuda(:\d+)?)$"


class ClipsRecipe(Table):
    """What every recipe of ToonCrafter needs: weights, clips, and how a clip is shown."""

    weights: str = Field(description="The published file, or one of its form.")
    data: str = Field(description="Folder of clips; ATD-12K's own layout, or one folder per clip.")
    layout: Literal["triplets", "sequences"] = Field(
        "triplets", description="`frame1` to `frame3` per folder, or drawn frames in a row."
    )
    width: int = Field(512, multiple_of=16, gt=0, description="Pixels.")
    height: int = Field(320, multiple_of=16, gt=0, description="Pixels.")
    prompt: str = Field("a cartoon animation frame", description="For clips without a motion tag.")
    frame_stride: int = Field(10, ge=1, le=30, description="The `FPS` control: small is large motion.")
    validation_share: float = Field(0.1, ge=0, lt=1, description="Share of the clips held back.")
    seed: int = Field(0, ge=0, description="Decides order, timesteps, noise and what is held back.")
    device: str = Field("cuda", pattern=_DEVICE, description="cpu, cuda or cuda:1.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "bfloat16", description="Of the frozen networks."
    )


class TrainingRecipe(ClipsRecipe):
    """What the recipes that learn share."""

    out: str = Field(description="Folder of the run; a run that is there is gone on with.")
    steps: int = Field(gt=0, description="Optimizer steps in all, over every sitting.")
    warmup_steps: int = Field(0, ge=0, description="Steps of the rising part of the learning rate.")
    falls: bool = Field(False, description="The learning rate falls to zero along a cosine.")
    clips_per_step: int = Field(4, gt=0, description="Their gradients are added up.")
    learning_rate: float = Field(1e-4, gt=0, description="Of AdamW.")
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW.")
    drop_text: float = Field(0.05, ge=0, le=1, description="Share of steps without words.")
    drop_image: float = Field(0.05, ge=0, le=1, description="Share of steps with a grey picture.")
    drop_both: float = Field(0.05, ge=0, le=1, description="Share of steps with neither.")
    snr_limit: float = Field(
        5.0, ge=0, description="Steps with a higher signal-to-noise ratio count less; 0 counts all alike."
    )
    pixel_below: int = Field(300, ge=0, le=1000, description="Pictures are compared below this timestep.")
    pixel_crop: int = Field(16, gt=1, description="Side of the part that is decoded, in latent pixels.")
    lpips_features: str = Field(
        "", description="torchvision's VGG16: pictures are then compared by LPIPS, without it by their edges."
    )
    lpips_heads: str = Field("", description="The `lpips` package's heads for VGG16.")
    saves_memory: bool = Field(True, description="Blocks are computed twice instead of kept.")
    validate_every: int = Field(100, gt=0, description="Steps between two looks at what is held back.")
    save_every: int = Field(100, gt=0, description="Steps between two saved states.")

    def faults(self) -> Iterator[Fault]:
        if self.drop_text + self.drop_image + self.drop_both > 1:
            yield Fault(("drop_text",), "more is dropped than there is", "keep the three shares below 1")
        if bool(self.lpips_features) != bool(self.lpips_heads):
            yield Fault(("lpips_heads",), "LPIPS needs its features and its heads", "name both, or neither")
        if self.lpips_features and 8 * self.pixel_crop < 64:
            yield Fault(("pixel_crop",), "LPIPS needs 64 pixels a side", "set it to 8 or more")


class ToonCrafterLoraRecipe(TrainingRecipe):
    """Low-rank adapters on the denoiser's attention."""

    recipe: Literal["tooncrafter_lora"]
    targets: Literal["spatial", "image", "kdq-compat"] = Field(
        "spatial", description="Spatial cross-attention; also its image stream; every second attention."
    )
    rank: int = Field(16, gt=0, description="Of the adapter.")
    alpha: float = Field(16, gt=0, description="The adapter's weight is alpha / rank.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Of the adapter's inputs.")
    latent_loss: Literal["mse", "l1"] = Field("mse", description="How velocities are compared.")
    lambda_latent: float = Field(1.0, gt=0, description="Weight of the velocity's loss.")
    lambda_pixel: float = Field(1.0, ge=0, description="Weight of the pictures' loss.")
    out: str = Field(
        "runs/tooncrafter-lora", description="Folder of the run; a run that is there is gone on with."
    )


class ToonCrafterSweepRecipe(ClipsRecipe):
    """Drawing the held-back clips with an adapter at several strengths."""

    recipe: Literal["tooncrafter_sweep"]
    adapter: str = Field(description="Folder of the adapter.")
    scales: list[float] = Field([0.0, 0.15, 0.5, 1.0], min_length=1, description="Strengths to draw with.")
    num_inference_steps: int = Field(25, gt=0, description="Of each drawing.")
    guidance_scale: float = Field(7.5, ge=1, description="Of each drawing.")
    out: str = Field("runs/tooncrafter-sweep", description="Folder of `sweep.csv`.")


class ToonCrafterKdRecipe(TrainingRecipe):
    """A smaller denoiser that says what the large one says."""

    recipe: Literal["tooncrafter_kd"]
    student: Literal["thin", "v1", "v2"] = Field(
        "thin", description="One block a level less, begun from the teacher; or KDQ's narrow networks."
    )
    teacher_adapter: str = Field("", description="Folder of an adapter the teacher wears; none by default.")
    lambda_rgb: float = Field(1.0, gt=0, description="Weight of the pictures' difference.")
    lambda_perceptual: float = Field(0.5, gt=0, description="Weight of their edges' difference.")
    lambda_latent: float = Field(0.5, gt=0, description="Weight of the clean latents' difference.")
    lambda_noise: float = Field(0.25, gt=0, description="Weight of the noise's difference.")
    steps_from: int = Field(
        0,
        ge=0,
        multiple_of=2,
        description="Teach one step for two of a grid of so many; 0 teaches step for step.",
    )
    out: str = Field(
        "runs/tooncrafter-kd", description="Folder of the run; a run that is there is gone on with."
    )
