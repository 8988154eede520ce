"""LongAnimation, stage 2: the memory module learns to keep the colors of the film so far.

Command: toonctl train presets/train/longanimation-dglm.toml
"""

from collections.abc import Callable
from pathlib import Path

import torch

from toonctl.core.reporter import Reporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.published import load_dglm
from toonctl.spec.recipe_longanimation import LongAnimationDglmRecipe
from toonctl.training.longanimation_denoising import denoising_step
from toonctl.training.longanimation_examples import ExampleSet
from toonctl.training.longanimation_run import Run, base_and_control, learners_of, walk


def train(
    recipe: LongAnimationDglmRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Memory module, control network, state and log of the run, gone on with as in stage 1.

    Raises: CheckpointError for weights that do not fit, DeliveryError for data or run folders that do not.
    """
    base, sketch_dit = base_and_control(recipe, recipe.control)
    networks = Denoiser(sketch_dit, memory_module(recipe, sketch_dit.zero_conv.in_features), base)
    run = Run(recipe, learners_of(networks, trains_control=recipe.trains_control))
    step = denoising_step(run, networks, recipe)
    return walk(run, step, name=recipe.recipe, report=report, is_stopped=is_stopped)


def memory_module(recipe: LongAnimationDglmRecipe, width: int) -> Dglm:
    """The memory module of a file, or a new one for memories like those of the examples."""
    if recipe.memory_module:
        weights = open_weights(Path(recipe.memory_module))
        return load_dglm(weights, dtype=torch.float32, head_dim=recipe.head_dim)
    whole = ExampleSet(Path(recipe.data), recipe.seed).at(0).whole
    memory_dim = DglmSizes().memory_dim if whole is None else whole.shape[-1]
    torch.manual_seed(recipe.seed)
    return Dglm(DglmSizes(width, recipe.heads, recipe.head_dim, memory_dim))
