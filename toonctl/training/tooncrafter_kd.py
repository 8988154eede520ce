"""Teaches a smaller denoiser to say what ToonCrafter's says.

Command: toonctl train presets/train/tooncrafter-kd.toml
Teacher and student see the same noisy latents, timestep and context. Four losses, none of them zero:
pictures, their edges, clean latents, noise; all taken from the velocities. With `steps_from`, one step of the
student is worth two of the teacher.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from toonctl.core.errors import SpecError
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.models.tooncrafter.params import SIZES
from toonctl.models.tooncrafter.schedule import Grid, Noising, Spacing, grid
from toonctl.models.tooncrafter.student import student_params, warm_start
from toonctl.models.tooncrafter.unet import UNet
from toonctl.spec.recipe_tooncrafter import ToonCrafterKdRecipe
from toonctl.training.card import card
from toonctl.training.state import stored
from toonctl.training.tooncrafter_data import TrainingClip, find_clips, in_turn
from toonctl.training.tooncrafter_examples import Encoder, Noised, choose_dropped, load_frozen, wear_adapter
from toonctl.training.tooncrafter_losses import crop_of, picture_loss, smooth_latent_loss
from toonctl.training.tooncrafter_run import LOG, Figures, Run, walk

WEIGHTS, COPIED = "student.safetensors", "copied.json"
_PREFIX = "model.diffusion_model."
VALIDATION_STEPS = (100, 400, 700)
"""Timesteps at which held-back clips are judged when the student is taught step for step."""


def train(
    recipe: ToonCrafterKdRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """The student's weights under their published names, the list of tensors it began with, and the log.

    Raises: CheckpointError, ArtError, SpecError, DeliveryError; CheckFailed when the training breaks down.
    """
    torch.manual_seed(recipe.seed)
    model = load_frozen(recipe)
    encoder, teacher = Encoder(model, recipe), model.unet
    clips = find_clips(recipe, encoder.n_frames)
    try:
        params = student_params(teacher.params, recipe.student)
    except ValueError as error:
        raise SpecError(str(error), "student", "choose another student") from error
    student = UNet(params).to(recipe.device)
    copied = warm_start(student, teacher)
    if recipe.teacher_adapter:
        wear_adapter(teacher, Path(recipe.teacher_adapter))
        teacher.eval().requires_grad_(False)
    student.saves_memory = recipe.saves_memory
    student.train()
    run = Run(recipe, dict(student.named_parameters()))
    folder, lesson = Path(recipe.out), _Lesson(run, recipe, encoder, student)
    write_whole(folder / COPIED, json.dumps({"copied": copied, "student": asdict(params)}, indent=1).encode())
    sizes = replace(model.params, unet=params).to_json()
    for _ in walk(
        run,
        lambda: lesson.take_step(clips.taught),
        lambda: lesson.validation(clips.held_back),
        report=report,
        is_stopped=is_stopped,
    ):
        run.save()
        tensors = {_PREFIX + name: tensor for name, tensor in student.state_dict().items()}
        facts = {**card(recipe, run.step), SIZES: sizes}
        write_whole(folder / WEIGHTS, save(stored(tensors), facts))
    return folder / WEIGHTS, folder / COPIED, folder / LOG


class _Lesson:
    """Compares what teacher and student say of the same thing."""

    def __init__(self, run: Run, recipe: ToonCrafterKdRecipe, encoder: Encoder, student: UNet) -> None:
        self.run, self.recipe, self.encoder, self.student = run, recipe, encoder, student
        self.compare = picture_loss(recipe)
        self.grid = grid(recipe.steps_from, spacing=Spacing.TRAILING, eta=0.0) if recipe.steps_from else None

    def take_step(self, clips: tuple[TrainingClip, ...]) -> Figures:
        """Adds up the gradients of the step's clips; the mean of each loss by its name."""
        recipe, run = self.recipe, self.run
        sums: dict[str, float] = {}
        chosen = in_turn(clips, run.step, recipe.clips_per_step, recipe.seed)
        for number, clip in enumerate(chosen):
            generator = run.generator(number)
            example = self.encoder.example(clip, generator, choose_dropped(recipe, generator))
            shown = self.encoder.noised(example, self._timestep(generator), generator)
            losses = self.losses(shown, generator)
            (sum(losses.values(), torch.zeros(())) / len(chosen)).backward()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach()) / len(chosen)
        return {"loss": sum(sums.values()), **sums}

    def losses(self, shown: Noised, generator: torch.Generator) -> dict[str, Tensor]:
        """The four losses, weighted, by name."""
        recipe, encoder, at = self.recipe, self.encoder, shown.timestep
        with torch.no_grad():
            told = self.taught_velocity(shown)
        said = shown.say(self.student)
        noising, known = encoder.noising, torch.ones_like(shown.example.known)
        theirs, ours = (noising.denoised(shown.noisy, v, at) for v in (told, said))
        crop = crop_of(ours, recipe.pixel_crop, generator)
        with torch.no_grad():
            truth = encoder.decoded(theirs, at, crop)
        frames = encoder.decoded(ours, at, crop)
        apart = noising.noise(shown.noisy, said, at) - noising.noise(shown.noisy, told, at)
        return {
            "rgb": recipe.lambda_rgb * (frames - truth).abs().mean(),
            "perceptual": recipe.lambda_perceptual * self.compare(frames, truth),
            "latent": recipe.lambda_latent * smooth_latent_loss(ours, theirs, known),
            "noise": recipe.lambda_noise * apart.pow(2).mean(),
        }

    def taught_velocity(self, shown: Noised) -> Tensor:
        """The teacher's velocity, or that whose single step is worth two of the teacher's."""
        told = shown.say(self.encoder.model.unet)
        if self.grid is None:
            return told
        index = self.grid.timesteps.tolist().index(int(shown.timestep[0]))
        return two_steps_as_one(shown, told, self.encoder, (self.grid, index))

    def _timestep(self, generator: torch.Generator) -> int:
        """Any timestep of all; with a grid, an upper one of a pair of its steps.

        The noise of a pure-noise step (999) is the input itself: that loss teaches nothing there.
        """
        if self.grid is None:
            return int(torch.randint(0, 999, (), generator=generator))
        pair = int(torch.randint(0, len(self.grid.timesteps) // 2, (), generator=generator))
        return int(self.grid.timesteps[2 * pair + 1])

    @torch.no_grad()
    def validation(self, clips: tuple[TrainingClip, ...]) -> Figures:
        """The student's velocity and every loss on held-back clips, timesteps and noise fixed."""
        self.student.eval()
        sums: dict[str, float] = {}
        for number, clip in enumerate(clips):
            generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + 500_000_000 + number)
            example = self.encoder.example(clip, generator)
            for timestep in self._validation_steps():
                shown = self.encoder.noised(example, timestep, generator)
                difference = shown.say(self.student) - self.taught_velocity(shown)
                losses = {"velocity": difference.pow(2).mean(), **self.losses(shown, generator)}
                for name, loss in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(loss)
        self.student.train()
        count = len(clips) * len(self._validation_steps())
        return {f"validation_{name}": total / count for name, total in sums.items()}

    def _validation_steps(self) -> tuple[int, ...]:
        if self.grid is None:
            return VALIDATION_STEPS
        upper = self.grid.timesteps[1::2]
        return int(upper[0]), int(upper[len(upper) // 2]), int(upper[-1])


def two_steps_as_one(shown: Noised, told: Tensor, encoder: Encoder, place: tuple[Grid, int]) -> Tensor:
    """The velocity at `shown` whose one deterministic step lands where two of the teacher's do.

    `told` is the teacher's velocity there, `place` its grid and the index of the upper step.
    Progressive Distillation (arXiv 2202.00512), algorithm 2, with ToonCrafter's dynamic rescale in both.
    """
    steps, upper = place
    noising, lower = encoder.noising, upper - 1
    between = _step(noising, shown.noisy, told, (steps, upper))
    at = steps.timesteps[lower].to(shown.timestep).expand(1)
    landed = _step(
        noising, between, replace(shown, noisy=between, timestep=at).say(encoder.model.unet), (steps, lower)
    )
    signal, after = steps.signal[upper], steps.signal_before[lower]
    rescale = float(steps.rescale[upper] * steps.rescale[lower])
    noise_ratio = float(((1 - after) / (1 - signal)).sqrt())
    # landed = root(after) rescale clean + root(1 - after) noise, where noise is what `noisy` holds beside
    # clean: (noisy - root(signal) clean) / root(1 - signal). Solved for clean:
    clean = (landed - noise_ratio * shown.noisy) / (
        float(after.sqrt()) * rescale - noise_ratio * float(signal.sqrt())
    )
    return (float(signal.sqrt()) * shown.noisy - clean) / float((1 - signal).sqrt())


def _step(noising: Noising, noisy: Tensor, velocity: Tensor, place: tuple[Grid, int]) -> Tensor:
    """One deterministic DDIM step from a grid's step."""
    steps, index = place
    at = steps.timesteps[index].to(noisy.device).expand(1)
    clean = noising.denoised(noisy, velocity, at) * float(steps.rescale[index])
    before = steps.signal_before[index]
    return float(before.sqrt()) * clean + float((1 - before).sqrt()) * noising.noise(noisy, velocity, at)
