"""The frozen networks that encode clips and judge films: coder, frame reader, video understanding model.

Letters: F frames, H W pixels, lF latent frames, lh lw latent size.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import open_weights
from toonctl.models.longanimation.coder import LatentCoder
from toonctl.models.longanimation.film import film_latents
from toonctl.models.longanimation.memory import FilmReader, Prompt
from toonctl.models.longanimation.published import load_coder, load_frame_reader, load_language_model
from toonctl.models.longanimation.vision import FrameReader
from toonctl.spec.recipe_longanimation import LongAnimationColorRecipe, LongAnimationDataRecipe
from toonctl.training.longanimation_examples import Example
from toonctl.training.longanimation_losses import color_reward

_FRAMES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Encoders:
    """Coder for latents; eyes and reader for memories, None where no history is wanted."""

    coder: LatentCoder
    eyes: FrameReader | None
    reader: FilmReader | None

    @torch.no_grad()
    def features(self, frames: Tensor) -> Tensor:
        """What the video understanding model sees of frames `[F, 3, H, W]` in -1..1.

        Raises: ValueError when the encoders were loaded without it.
        """
        if self.eyes is None:
            raise ValueError("these encoders have no frame reader")
        return torch.cat([self.eyes(part / 2 + 0.5) for part in frames.split(_FRAMES_AT_ONCE)])

    @torch.no_grad()
    def memory(self, features: Tensor) -> Tensor:
        """The memory of one run of frames, read by themselves."""
        if self.reader is None:
            raise ValueError("these encoders have no video understanding model")
        return self.reader.memory(self.reader.extend(self.reader.begin(), features)).whole


@dataclass(frozen=True, slots=True)
class ColorJudge:
    """The reward of sampled latents: what the film looks like to the video understanding model (eq. 5)."""

    encoders: Encoders

    @torch.no_grad()
    def __call__(self, latents: Tensor, example: Example) -> float:
        """Raises: ValueError for an example without the true film's memory."""
        if example.target is None:
            raise ValueError("stage 3 needs examples with a history")
        vae = self.encoders.coder.vae
        film = film_latents(latents, example.film.shape[1]).to(vae.device, vae.dtype)
        drawn = self.encoders.memory(self.encoders.features(self.encoders.coder.decode(film)))
        return color_reward(drawn, example.target.to(drawn.device))


def load_encoders(recipe: LongAnimationDataRecipe | LongAnimationColorRecipe) -> Encoders:
    """The frozen networks a recipe names, on its device.

    Raises: CheckpointError for weights or settings that are absent or do not fit.
    """
    dtype: torch.dtype = getattr(torch, recipe.precision)
    vae = Path(recipe.vae)
    coder = load_coder(open_weights(vae), read_settings(vae), dtype=dtype)
    freeze(coder.vae, recipe.device)
    if not recipe.long_video:
        return Encoders(coder, None, None)
    folder = Path(recipe.long_video)
    weights, settings = open_weights(folder), read_settings(folder)
    tower = open_weights(Path(recipe.vision_tower)) if recipe.vision_tower else None
    eyes = load_frame_reader(weights, settings, tower=tower, dtype=dtype)
    model = load_language_model(weights, settings, dtype=dtype)
    freeze(eyes, recipe.device)
    freeze(model, recipe.device)
    prompt = Prompt(tuple(recipe.prompt_prefix), tuple(recipe.prompt_suffix))
    return Encoders(coder, eyes, FilmReader(model, prompt, eyes.sizes.tokens_per_frame))


def freeze(module: nn.Module, device: str) -> None:
    """Takes a network to where it is used; it does not learn."""
    module.to(device).requires_grad_(False)


def read_settings(folder: Path) -> Mapping[str, Any]:
    """The `config.json` of a checkpoint folder. Raises: CheckpointError when there is none to be read."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"the settings `{path.name}` of `{folder.name}` cannot be read: {error}"
        raise CheckpointError(what, str(path), "fetch the whole folder") from error
    return values
