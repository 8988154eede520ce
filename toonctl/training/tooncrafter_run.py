"""One training run of ToonCrafter: what learns, its optimizer, its state on disk, its log."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import nn

from toonctl.core.errors import CheckFailed
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.spec.recipe_tooncrafter import TrainingRecipe
from toonctl.training.state import restore, state_of, stored

STATE = "state.safetensors"
LOG = "log.jsonl"

Figures = Mapping[str, float]


class Run:
    """The state of a run: parameters that learn, optimizer, place on the schedule."""

    def __init__(self, recipe: TrainingRecipe, parameters: Mapping[str, nn.Parameter]) -> None:
        self.recipe, self.parameters = recipe, dict(parameters)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0

    def generator(self, number: int) -> torch.Generator:
        """The source of everything random in clip `number` of the step at hand."""
        place = self.step * self.recipe.clips_per_step + number
        return torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + place)

    def learning_rate(self) -> float:
        """Rising, then level, or falling along a cosine."""
        recipe = self.recipe
        rise = min(1.0, (self.step + 1) / max(1, recipe.warmup_steps))
        fall = 0.5 * (1 + math.cos(math.pi * self.step / recipe.steps)) if recipe.falls else 1.0
        return recipe.learning_rate * rise * fall

    def finish_step(self) -> None:
        """Takes the gradients into the weights. Raises: CheckFailed when they are no numbers."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        length = float(torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0))
        if not math.isfinite(length):
            hint = 'lower `learning_rate`, or set `precision = "bfloat16"`'
            raise CheckFailed(f"gradients are not finite at step {self.step + 1}", self.recipe.out, hint)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def save(self) -> Path:
        """Everything a later sitting needs to go on."""
        path = Path(self.recipe.out) / STATE
        tensors = stored(state_of(self.parameters, self.optimizer))
        write_whole(path, save(tensors, {"step": str(self.step)}))
        return path

    def resume(self) -> None:
        """Goes on where the run in the recipe's folder stopped, if there is one.

        Raises: DeliveryError when it is of other parameters.
        """
        path = Path(self.recipe.out) / STATE
        if not path.exists():
            return
        restore(load_file(path), self.parameters, self.optimizer, path=path)
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])


def walk(
    run: Run,
    take_step: Callable[[], Figures],
    validate: Callable[[], Figures],
    *,
    report: Reporter,
    is_stopped: Callable[[], bool],
) -> Iterator[int]:
    """The steps of the run as they are finished, to the recipe's last or to where it is stopped.

    `take_step` adds up one step's gradients and says its figures by name; `validate` says those of what is
    held back. Both go to the log.
    """
    recipe, folder = run.recipe, Path(run.recipe.out)
    run.resume()
    report.start(recipe.steps, f"train {folder.name}")
    began = time.monotonic()
    while run.step < recipe.steps and not is_stopped():
        rate, figures = run.learning_rate(), dict(take_step())
        run.finish_step()
        if run.step % recipe.validate_every == 0 or run.step == recipe.steps:
            figures |= validate()
        line = {"step": run.step, **figures, "learning_rate": rate, "elapsed_s": time.monotonic() - began}
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")
        note = " ".join(f"{key} {value:.4g}" for key, value in figures.items())
        report.step(done=run.step, frame=run.step, layer=folder.name, note=note)
        if run.step % recipe.save_every == 0 or run.step == recipe.steps:
            yield run.step
    if run.step < recipe.steps:
        yield run.step
