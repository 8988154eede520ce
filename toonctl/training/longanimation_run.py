"""One training run of LongAnimation: what learns, its optimizer, its state on disk, its log."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import nn

from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.keymaps.longanimation import DGLM, SKETCH_DIT
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.dglm import Dglm
from toonctl.models.longanimation.published import load_base, load_sketch_dit
from toonctl.spec.recipe_longanimation import StageRecipe
from toonctl.training.card import card
from toonctl.training.longanimation_encoders import freeze
from toonctl.training.longanimation_examples import Example
from toonctl.training.state import restore, state_of, stored

CONTROL = "control_module.safetensors"
MEMORY = "glm_module.safetensors"
_STATE = "state.safetensors"
_LOG = "log.jsonl"

SCHEDULER: Mapping[str, object] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "snr_shift_scale": 1.0,
    "timestep_spacing": "trailing",
}
"""CogVideoX 1.5's noise levels, as its public configuration has them."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A network that learns, and how its published file is called and names its tensors."""

    module: nn.Module
    file: str
    key_map: KeyMap


class Run:
    """The state of a run: learners, optimizer, place on the schedule.

    Learners are kept in float32; with `precision = "bfloat16"` their arithmetic is not.
    """

    def __init__(self, recipe: StageRecipe, learners: Mapping[str, Learner]) -> None:
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.dtype: torch.dtype = getattr(torch, recipe.precision)
        self.learners = learners
        for learner in learners.values():
            # The plain `to`: that of diffusers' models warns of casts, even of one to float32.
            nn.Module.to(learner.module, self.device, torch.float32).train().requires_grad_(True)
        self.parameters = {
            f"{name}.{key}": parameter
            for name, learner in learners.items()
            for key, parameter in learner.module.named_parameters()
        }
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0

    def generator(self, number: int) -> torch.Generator:
        """The source of everything random in example `number` of the step now at hand."""
        place = self.step * self.recipe.examples_per_step + number
        return torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + place)

    def arithmetic(self) -> AbstractContextManager[object]:
        """The precision the networks compute in."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def moved(self, example: Example) -> Example:
        return example.to(self.device, torch.float32)

    def finish_step(self) -> None:
        """Takes the gradients that were added up into the weights."""
        rise = min(1.0, (self.step + 1) / max(1, self.recipe.warmup_steps))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * rise
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def save(self, folder: Path) -> tuple[Path, ...]:
        """Everything a later run needs to go on, and the learners as published files."""
        tensors = stored(state_of(self.parameters, self.optimizer))
        write_whole(folder / _STATE, save(tensors, {"step": str(self.step)}))
        for learner in self.learners.values():
            named = learner.key_map.to_published(dict(learner.module.named_parameters()))
            facts = card(self.recipe, self.step)
            write_whole(folder / learner.file, save(stored(named, self.dtype), facts))
        return (
            *(folder / learner.file for learner in self.learners.values()),
            folder / _STATE,
            folder / _LOG,
        )

    def resume(self, folder: Path) -> None:
        """Goes on where the run in `folder` stopped, if there is one.

        Raises: DeliveryError when it is of other networks.
        """
        path = folder / _STATE
        if not path.exists():
            return
        restore(load_file(path), self.parameters, self.optimizer, path=path)
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])


def base_and_control(
    recipe: StageRecipe, control: str, layers: int = 0
) -> tuple[InjectedCogVideoX, SketchDiT]:
    """The frozen base model, and the control network of a file or the first `layers` of the base."""
    dtype: torch.dtype = getattr(torch, recipe.precision)
    base = load_base(open_weights(Path(recipe.base)), dtype=dtype)
    freeze(base, recipe.device)
    if control:
        sketch_dit = load_sketch_dit(open_weights(Path(control)), dtype=torch.float32)
    else:
        sketch_dit = SketchDiT.from_base(base, layers)
    if recipe.saves_memory:
        base.enable_gradient_checkpointing()
        sketch_dit.enable_gradient_checkpointing()
    return base, sketch_dit


def learners_of(networks: Denoiser, *, trains_control: bool) -> dict[str, Learner]:
    """Control and memory module, or the memory module alone, the control network then frozen."""
    learners: dict[str, Learner] = {}
    if trains_control:
        learners["control"] = Learner(networks.sketch_dit, CONTROL, SKETCH_DIT)
    else:
        networks.sketch_dit.requires_grad_(False)
    if isinstance(networks.dglm, Dglm):
        learners["memory"] = Learner(networks.dglm, MEMORY, DGLM)
    return learners


def walk(
    run: Run,
    take_step: Callable[[], Mapping[str, float]],
    *,
    name: str,
    report: Reporter,
    is_stopped: Callable[[], bool],
) -> tuple[Path, ...]:
    """The files of the run, taken to the recipe's last step or to where it is stopped.

    `take_step` adds up the gradients of one step and says its figures, which go to the log.
    """
    folder = Path(run.recipe.out)
    run.resume(folder)
    report.start(run.recipe.steps, f"train {name}")
    began = time.monotonic()
    while run.step < run.recipe.steps and not is_stopped():
        figures = take_step()
        run.finish_step()
        line = {"step": run.step, **figures, "elapsed_s": time.monotonic() - began}
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")
        note = " ".join(f"{key} {value:.4g}" for key, value in figures.items())
        report.step(done=run.step, frame=run.step, layer=name, note=note)
        if run.step % run.recipe.save_every == 0:
            run.save(folder)
    return run.save(folder)
