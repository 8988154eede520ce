"""The recipe of ToonComposer's training as a record; the only home of its default values."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toonctl.spec.table import Fault, Table

Extractor = Literal["ink", "borders", "canny", "pencil", "xdog"]
"""Rules of `training/line_extractors.py`."""


class ToonComposerSlraRecipe(Table):
    """Training ToonComposer's adapter on films, sketches being taken from their own frames."""

    recipe: Literal["tooncomposer_slra"]
    data: str = Field(description="Folder with one folder of numbered PNG frames per film.")
    base: str = Field(description="Wan 2.1 image-to-video transformer, file or folder; stays frozen.")
    vae: str = Field(description="Wan 2.1 VAE, file or folder.")
    image: str = Field(description="Wan 2.1 CLIP image encoder, file or folder.")
    text: str = Field("", description="Wan 2.1 UMT5 text encoder; empty trains with no words at all.")
    tokenizer: str = Field("", description="Folder of the text encoder's tokenizer.")
    start: str = Field("", description="Adapter to begin with; empty begins with none.")
    steps: int = Field(gt=0, description="Optimizer steps in all, over every sitting.")
    warmup_steps: int = Field(100, ge=0, description="Steps of the rising part of the learning rate.")
    samples_per_step: int = Field(16, gt=0, description="Over all processes; one at a time on each.")
    frames: int = Field(61, gt=0, description="Frames of a sample: 4 n + 1.")
    width: int = Field(832, gt=0, multiple_of=16, description="Of a sample, in pixels.")
    height: int = Field(480, gt=0, multiple_of=16, description="Of a sample, in pixels.")
    max_stride: int = Field(1, gt=0, description="A sample may take every n-th frame of a film, up to this.")
    max_references: int = Field(1, gt=0, description="Painted frames shown: the first, and more by chance.")
    max_sketches: int = Field(2, gt=0, description="Sketched frames shown, by chance from 1 to this.")
    mask_share: float = Field(0.2, ge=0, le=1, description="Sketches of which a region is left free.")
    text_share: float = Field(0.9, ge=0, le=1, description="Samples that see their film's words.")
    extractors: tuple[Extractor, ...] = Field(
        ("ink", "borders", "canny", "pencil", "xdog"), min_length=1, description="Rules that draw sketches."
    )
    adapter: Literal["spatial", "temporal", "lora"] = Field("spatial", description="Kind of adapter.")
    position: Literal["mapped", "appended"] = Field(
        "mapped", description="Sketches at their frame's position, or after the film."
    )
    injection: Literal["tokens", "channels"] = Field(
        "tokens", description="Sketches as further tokens, or as further channels."
    )
    residual: bool = Field(True, description="Add each sketch to its frame between the blocks.")
    rank: int = Field(144, gt=0, multiple_of=24, description="Of the adapter.")
    timestep_mean: float = Field(0.0, description="Of the logit-normal timesteps.")
    timestep_std: float = Field(1.0, gt=0, description="Of the logit-normal timesteps.")
    shift: float = Field(1.0, gt=0, description="Moves timesteps to more noise, as the sampler's shift does.")
    learning_rate: float = Field(1e-5, gt=0, description="Of AdamW, after the rise.")
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW.")
    ema_decay: float = Field(0.999, ge=0, lt=1, description="Of the moving average that is shipped.")
    precision: Literal["float32", "bfloat16"] = Field("bfloat16", description="Of the frozen networks.")
    checkpointing: bool = Field(True, description="Compute blocks twice to keep less in memory.")
    zero2: bool = Field(False, description="Share optimizer state over GPUs with DeepSpeed ZeRO-2.")
    seed: int = Field(0, ge=0, description="Decides samples, noise and starting weights.")
    device: str = Field("cuda", pattern=r"^(cpu|cuda)$", description="cpu or cuda.")
    threads: int = Field(1, gt=0, description="Threads of the networks on a CPU.")
    save_every: int = Field(100, gt=0, description="Steps between two saved states.")
    out: str = Field("runs/tooncomposer-slra", description="Folder of the run; a run that is there goes on.")

    def faults(self) -> Iterator[Fault]:
        if self.frames % 4 != 1:
            yield Fault(("frames",), f"{self.frames} is not 4 n + 1", f"say {self.frames // 4 * 4 + 1}")
        if bool(self.text) != bool(self.tokenizer):
            yield Fault(("tokenizer",), "`text` and `tokenizer` go together", "name both, or neither")
