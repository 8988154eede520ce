"""A clip as the denoiser sees it while it learns: noisy latents, keys, context, and what it must say."""

import json
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import read_weights
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.tooncrafter.lora import LoraParams, add_lora, fill_lora
from toonctl.models.tooncrafter.model import ToonCrafter, load_tooncrafter, sizes_of
from toonctl.models.tooncrafter.precision import precision
from toonctl.models.tooncrafter.schedule import Noising
from toonctl.models.tooncrafter.tokenizer import PromptTokenizer
from toonctl.models.tooncrafter.unet import UNet
from toonctl.spec.recipe_tooncrafter import ClipsRecipe, TrainingRecipe
from toonctl.training.tooncrafter_data import TrainingClip, read_fit


@dataclass(frozen=True, slots=True)
class Example:
    """One clip, encoded: clean latents `[1, 4, F, h, w]` in the denoiser's units, known frames `[F]`.

    Frames between known ones are filled in by a straight line; they are shown noisy and never judged.
    `beside` holds the keys' latents, `context` `[1, 77 + L, C]` text and image; either may be dropped.
    """

    latents: Tensor
    known: Tensor
    beside: Tensor
    context: Tensor
    frame_stride: Tensor


@dataclass(frozen=True, slots=True)
class Noised:
    """An example under noise at one timestep `[1]`: what is shown, and the velocity that must be said."""

    example: Example
    timestep: Tensor
    noise: Tensor
    clean: Tensor
    noisy: Tensor
    target: Tensor

    def say(self, unet: UNet) -> Tensor:
        """The velocity `[1, 4, F, h, w]` that `unet` says, in float32."""
        seen = torch.cat([self.noisy, self.example.beside], 1).to(unet.dtype)
        context = self.example.context.to(unet.dtype)
        return unet(seen, self.timestep, context, frame_stride=self.example.frame_stride).float()


class Encoder:
    """The frozen parts of ToonCrafter, which turn clips into examples."""

    def __init__(self, model: ToonCrafter, recipe: ClipsRecipe) -> None:
        self.model, self.recipe = model, recipe
        self.noising = Noising.published()
        table = files("toonctl.weights").joinpath("clip_bpe_merges.txt.gz").read_bytes()
        self.tokenizer = PromptTokenizer(table)

    @property
    def n_frames(self) -> int:
        """Frames of a window."""
        return self.model.params.resampler.n_frames

    @torch.no_grad()
    def example(self, clip: TrainingClip, generator: torch.Generator, dropped: str = "") -> Example:
        """The clip with `dropped` `text`, `image`, `both` or nothing."""
        recipe, vae = self.recipe, self.model.vae
        device = next(vae.parameters()).device
        places = clip.places(self.n_frames, generator)
        pictures = torch.stack([read_fit(path, (recipe.width, recipe.height)) for path in clip.paths])
        encoded = vae.encode(pictures.to(device, vae.dtype))
        noise = torch.randn(encoded.mean.shape, generator=generator).to(encoded.mean)
        drawn = vae.scaled_latents(encoded, noise, n_frames=len(places)).float()
        latents, known = _placed(drawn, places, self.n_frames)
        beside = torch.zeros_like(latents)
        beside[:, :, [0, -1]] = latents[:, :, [0, -1]]
        first = pictures[:1].to(device)
        words = "" if dropped in ("text", "both") else clip.prompt
        seen = torch.zeros_like(first) if dropped in ("image", "both") else first
        vision, text = self.model.clip
        prompt = text.features(self.tokenizer([words]).to(device))
        context = torch.cat([prompt, self.model.resampler(vision.tokens(seen))], 1)
        stride = torch.full((1,), recipe.frame_stride, device=device)
        return Example(latents, known.to(device), beside, context, stride)

    def noised(self, example: Example, timestep: int, generator: torch.Generator) -> Noised:
        """The example at `timestep`, clean latents rescaled for it before the noise."""
        at = torch.full((1,), timestep, device=example.latents.device)
        noise = torch.randn(example.latents.shape, generator=generator).to(example.latents)
        clean = self.noising.rescaled(example.latents, at)
        noisy, target = self.noising.noisy(clean, noise, at), self.noising.velocity(clean, noise, at)
        return Noised(example, at, noise, clean, noisy, target)

    def decoded(self, rescaled: Tensor, timestep: Tensor, crop: tuple[slice, slice]) -> Tensor:
        """Frames `[F, 3, H, W]` of a part of `rescaled` latents, decoded without keys."""
        latents = rescaled / self.noising.scale.to(rescaled.device)[timestep][:, None, None, None, None]
        part = latents[..., crop[0], crop[1]].to(self.model.vae.dtype)
        return self.model.vae.decode(part).float()[0].transpose(0, 1)


def _placed(drawn: Tensor, places: tuple[int, ...], n_frames: int) -> tuple[Tensor, Tensor]:
    """`[1, C, F, h, w]` with drawn frames at their places, straight lines between; and which are drawn."""
    latents = drawn.new_zeros(*drawn.shape[:2], n_frames, *drawn.shape[3:])
    for i, (start, end) in enumerate(pairwise(places)):
        for place in range(start, end + 1):
            share = (place - start) / (end - start)
            latents[:, :, place] = (1 - share) * drawn[:, :, i] + share * drawn[:, :, i + 1]
    known = torch.zeros(n_frames, dtype=torch.bool)
    known[list(places)] = True
    return latents, known


def choose_dropped(recipe: TrainingRecipe, generator: torch.Generator) -> str:
    """What this step does without, by the recipe's shares: unguided passes are learned this way."""
    chance = float(torch.rand((), generator=generator))
    for name, share in (("text", recipe.drop_text), ("image", recipe.drop_image), ("both", recipe.drop_both)):
        if chance < share:
            return name
        chance -= share
    return ""


def load_frozen(recipe: ClipsRecipe) -> ToonCrafter:
    """The recipe's weights on its device, frozen. Raises: CheckpointError when they are not ToonCrafter's."""
    path = Path(recipe.weights)
    half: torch.dtype = getattr(torch, recipe.precision)
    weights = open_unpacked(path, half)
    model = load_tooncrafter(weights, sizes_of(path), dtype_of=precision(half))
    return model.to(recipe.device)


def wear_adapter(unet: UNet, folder: Path) -> None:
    """Puts the adapter of a folder on a denoiser. Raises: CheckpointError when the folder holds none."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"`{folder.name}` holds no adapter: {error}", str(folder)) from error
    tensors = read_weights(folder / "adapter_model.safetensors")
    add_lora(unet, LoraParams(tuple(config["target_modules"]), config["r"], config["lora_alpha"], 0.0))
    fill_lora(unet, tensors, name=folder.name)
