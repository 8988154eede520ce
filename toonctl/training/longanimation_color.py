"""LongAnimation, stage 3: films sampled by the networks are rewarded for the colors of the true film.

Policy gradient (LongAnimation, eqs. 2 and 5): the gradient passes through single denoising steps, never
through the decoder or the video understanding model, which only say how good a film is.

Command: toonctl train presets/train/longanimation-color.toml
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from toonctl.core.reporter import Reporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.diffusion import NoiseLevels, StepTaken
from toonctl.models.longanimation.published import load_dglm
from toonctl.models.longanimation.sampling import Schedule, Velocity, guided
from toonctl.spec.recipe_longanimation import LongAnimationColorRecipe
from toonctl.training.longanimation_encoders import ColorJudge, load_encoders
from toonctl.training.longanimation_examples import Example, ExampleSet
from toonctl.training.longanimation_losses import advantages, policy_gradient_loss
from toonctl.training.longanimation_run import SCHEDULER, Run, base_and_control, learners_of, walk

Judge = Callable[[Tensor, Example], float]
"""The reward of sampled latents `[1, F, 16, lh, lw]` for an example."""


def train(
    recipe: LongAnimationColorRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Memory module, control network, state and log of the run, gone on with as in stage 1.

    Raises: CheckpointError for weights that do not fit, DeliveryError for data or run folders that do not.
    """
    policy, judge = load_policy(recipe)
    step = reward_step(policy, ExampleSet(Path(recipe.data), recipe.seed), judge)
    return walk(policy.run, step, name=recipe.recipe, report=report, is_stopped=is_stopped)


def load_policy(recipe: LongAnimationColorRecipe) -> "tuple[FilmPolicy, Judge]":
    """What draws films and what judges them, as the recipe's files have them. Raises: CheckpointError."""
    base, sketch_dit = base_and_control(recipe, recipe.control)
    memory_module = open_weights(Path(recipe.memory_module))
    networks = Denoiser(
        sketch_dit, load_dglm(memory_module, dtype=torch.float32, head_dim=recipe.head_dim), base
    )
    run = Run(recipe, learners_of(networks, trains_control=recipe.trains_control))
    return FilmPolicy(run, networks, recipe), ColorJudge(load_encoders(recipe))


def reward_step(
    policy: "FilmPolicy", examples: ExampleSet, judge: Judge
) -> Callable[[], Mapping[str, float]]:
    """The function that adds up the policy gradients of one step and says its mean reward."""
    run, recipe = policy.run, policy.recipe

    def take_step() -> Mapping[str, float]:
        total = 0.0
        for number in range(recipe.examples_per_step):
            generator = run.generator(number)
            example = run.moved(examples.at(run.step * recipe.examples_per_step + number))
            films = [policy.sample(example, generator) for _ in range(recipe.films_per_example)]
            rewards = [judge(film[-1].drawn, example) for film in films]
            for film, advantage in zip(films, advantages(rewards), strict=True):
                policy.add_gradients(example, film, advantage, generator)
            total += sum(rewards) / len(rewards) / recipe.examples_per_step
        return {"reward": total}

    return take_step


class FilmPolicy:
    """The networks as a policy: it draws films step by step, and knows how likely each step was."""

    def __init__(self, run: Run, networks: Denoiser, recipe: LongAnimationColorRecipe) -> None:
        self.run = run
        self.networks = networks
        self.recipe = recipe
        self.levels = NoiseLevels(SCHEDULER)
        self.schedule = Schedule(
            SCHEDULER, recipe.denoising_steps, recipe.guidance_scale, guides_together=False
        )

    @torch.no_grad()
    def sample(self, example: Example, generator: torch.Generator) -> list[StepTaken]:
        """The steps of one film; the last one's `drawn` is the film."""
        velocity = self.networks.bind(example.cond)
        latents = torch.randn(example.clean.shape, generator=generator).to(self.run.device)
        timesteps = self.levels.timesteps(self.schedule.steps)
        steps: list[StepTaken] = []
        before, denoised = None, None
        for timestep in timesteps:
            said = self._velocity(velocity, latents, timestep, example)
            here = StepTaken(timestep, before, denoised, latents, latents)
            law = self.levels.step_law(said, here, self.schedule.steps)
            noise = torch.randn(latents.shape, generator=generator).to(latents)
            drawn = law.mean + law.deviation * noise
            steps.append(replace(here, drawn=drawn))
            before, denoised = timestep, self.levels.denoised(said, latents, timestep)
            latents = drawn
        return steps

    def add_gradients(
        self, example: Example, film: list[StepTaken], advantage: float, generator: torch.Generator
    ) -> None:
        """Adds up the gradients of eq. 2 over some steps of a film; the last one draws nothing by chance."""
        if advantage == 0:
            return
        n_random, recipe = len(film) - 1, self.recipe
        n_taken = min(recipe.steps_with_gradient, n_random)
        share = n_random / n_taken / recipe.films_per_example / recipe.examples_per_step
        for place in torch.randperm(n_random, generator=generator)[:n_taken].tolist():
            step = film[place]
            # Bound anew each time: a memory projected once would be freed with the first step's gradients.
            said = self._velocity(self.networks.bind(example.cond), step.latents, step.timestep, example)
            loss = policy_gradient_loss(
                said, step, advantage, levels=self.levels, n_steps=self.schedule.steps
            )
            (loss * share).backward()

    def _velocity(self, velocity: Velocity, latents: Tensor, timestep: int, example: Example) -> Tensor:
        texts = (example.empty, example.text) if self.schedule.is_guided else (example.text,)
        with self.run.arithmetic():
            return guided(velocity, latents, timestep, texts, self.schedule)
