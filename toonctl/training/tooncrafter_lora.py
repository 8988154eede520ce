"""Trains a low-rank adapter for ToonCrafter, in the way the network itself was trained.

Command: toonctl train presets/train/tooncrafter-lora.toml
The target is the velocity, clean latents are rescaled by step, frames that no drawing shows are not judged,
words and picture are dropped now and then, every clip is encoded and decoded by itself.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.models.tooncrafter.lora import (
    LoraParams,
    LoraTargets,
    adapter_config,
    add_lora,
    lora_parameters,
    lora_targets,
    lora_tensors,
    train_lora,
)
from toonctl.spec.recipe_tooncrafter import ToonCrafterLoraRecipe
from toonctl.training.card import card
from toonctl.training.state import stored
from toonctl.training.tooncrafter_data import TrainingClip, find_clips, in_turn
from toonctl.training.tooncrafter_examples import Encoder, Noised, choose_dropped, load_frozen
from toonctl.training.tooncrafter_losses import (
    crop_of,
    masked_mean,
    min_snr_weight,
    picture_loss,
    velocity_loss,
)
from toonctl.training.tooncrafter_run import LOG, Figures, Run, walk

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
VALIDATION_STEPS = (100, 400, 700)
"""Timesteps at which held-back clips are judged: the same ones and the same noise every time."""


def train(
    recipe: ToonCrafterLoraRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Adapter, its config, state and log; the run goes on from the recipe's `out` folder when it holds one.

    Raises: CheckpointError, ArtError, DeliveryError; CheckFailed when the training breaks down.
    """
    torch.manual_seed(recipe.seed)
    model = load_frozen(recipe)
    encoder = Encoder(model, recipe)
    clips = find_clips(recipe, encoder.n_frames)
    targets = lora_targets(model.unet, LoraTargets(recipe.targets))
    params = LoraParams(targets, recipe.rank, recipe.alpha, recipe.dropout)
    add_lora(model.unet, params)
    train_lora(model.unet)
    model.unet.saves_memory = recipe.saves_memory
    run = Run(recipe, lora_parameters(model.unet))
    folder, session = Path(recipe.out), _Session(run, recipe, encoder, clips.taught)
    for _ in walk(
        run,
        session.take_step,
        lambda: session.validation(clips.held_back),
        report=report,
        is_stopped=is_stopped,
    ):
        run.save()
        facts = card(recipe, run.step)
        write_whole(folder / WEIGHTS, save(stored(lora_tensors(model.unet)), facts))
        config = adapter_config(params, recipe.weights)
        write_whole(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True).encode())
    return folder / WEIGHTS, folder / CONFIG, folder / LOG


class _Session:
    """Takes the steps of one sitting."""

    def __init__(
        self,
        run: Run,
        recipe: ToonCrafterLoraRecipe,
        encoder: Encoder,
        clips: tuple[TrainingClip, ...],
    ) -> None:
        self.run, self.recipe, self.encoder, self.clips = run, recipe, encoder, clips
        self.compare = picture_loss(recipe)

    def take_step(self) -> Figures:
        """Adds up the gradients of the step's clips; the mean of each loss by its name."""
        recipe, run = self.recipe, self.run
        sums: dict[str, float] = {}
        clips = in_turn(self.clips, run.step, recipe.clips_per_step, recipe.seed)
        for number, clip in enumerate(clips):
            losses = self.losses(clip, run.generator(number))
            (sum(losses.values(), torch.zeros(())) / len(clips)).backward()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach()) / len(clips)
        return {"loss": sum(sums.values()), **sums}

    def losses(self, clip: TrainingClip, generator: torch.Generator) -> dict[str, Tensor]:
        """Every loss of one clip, weighted, by name."""
        recipe, encoder = self.recipe, self.encoder
        example = encoder.example(clip, generator, choose_dropped(recipe, generator))
        timestep = int(torch.randint(0, 1000, (), generator=generator))
        return self._judged(encoder.noised(example, timestep, generator), generator)[1]

    @torch.no_grad()
    def validation(self, clips: tuple[TrainingClip, ...]) -> Figures:
        """Velocity loss and every loss of held-back clips, timesteps and noise fixed; none without clips."""
        unet = self.encoder.model.unet
        was_training = [module for module in unet.modules() if module.training]
        unet.eval()
        found: dict[str, list[float]] = {}
        for number, clip in enumerate(clips):
            generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + 500_000_000 + number)
            example = self.encoder.example(clip, generator)
            for timestep in VALIDATION_STEPS:
                shown = self.encoder.noised(example, timestep, generator)
                velocity, losses = self._judged(shown, generator)
                plain = masked_mean((velocity - shown.target).pow(2), example.known)
                named = {"validation": plain, **{f"validation_{name}": each for name, each in losses.items()}}
                for name, loss in named.items():
                    found.setdefault(name, []).append(float(loss))
        for module in was_training:
            module.training = True
        return {name: sum(losses) / len(losses) for name, losses in found.items()}

    def _judged(self, shown: Noised, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What the network says, and every loss of it, weighted, by name."""
        recipe, encoder, timestep = self.recipe, self.encoder, int(shown.timestep[0])
        velocity = shown.say(encoder.model.unet)
        known, is_l1 = shown.example.known, recipe.latent_loss == "l1"
        apart = velocity_loss(velocity, shown.target, known, is_l1=is_l1)
        weight = min_snr_weight(encoder.noising, shown.timestep, recipe.snr_limit)
        losses = {"latent": recipe.lambda_latent * weight * apart}
        if recipe.lambda_pixel and timestep < recipe.pixel_below:
            losses["pixel"] = recipe.lambda_pixel * self._pixel_loss(shown, velocity, generator)
        return velocity, losses

    def _pixel_loss(self, shown: Noised, velocity: Tensor, generator: torch.Generator) -> Tensor:
        encoder, known = self.encoder, shown.example.known
        claimed = encoder.noising.denoised(shown.noisy, velocity, shown.timestep)
        crop = crop_of(claimed, self.recipe.pixel_crop, generator)
        with torch.no_grad():
            truth = encoder.decoded(shown.clean, shown.timestep, crop)[known]
        return self.compare(encoder.decoded(claimed, shown.timestep, crop)[known], truth)
