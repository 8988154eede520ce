"""One step of the two denoising stages of LongAnimation (eq. 1), with or without a memory."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.diffusion import NoiseLevels
from toonctl.spec.recipe_longanimation import DenoisingRecipe
from toonctl.training.longanimation_examples import ExampleSet
from toonctl.training.longanimation_losses import denoising_loss
from toonctl.training.longanimation_run import SCHEDULER, Run


def denoising_step(
    run: Run, networks: Denoiser, recipe: DenoisingRecipe
) -> Callable[[], Mapping[str, float]]:
    """The function that adds up the gradients of one step and says its mean loss."""
    examples = ExampleSet(Path(recipe.data), recipe.seed)
    levels = NoiseLevels(SCHEDULER)

    def take_step() -> Mapping[str, float]:
        total = 0.0
        for number in range(recipe.examples_per_step):
            generator = run.generator(number)
            example = run.moved(examples.at(run.step * recipe.examples_per_step + number))
            timestep = int(torch.randint(levels.n_timesteps, (1,), generator=generator))
            is_unconditional = float(torch.rand(1, generator=generator)) < recipe.dropped_texts
            noise = torch.randn(example.clean.shape, generator=generator).to(run.device)
            with run.arithmetic():
                loss = denoising_loss(
                    networks.bind(example.cond),
                    example.clean,
                    example.empty if is_unconditional else example.text,
                    levels=levels,
                    timestep=timestep,
                    noise=noise,
                )
            (loss / recipe.examples_per_step).backward()
            total += loss.item() / recipe.examples_per_step
        return {"loss": total}

    return take_step
