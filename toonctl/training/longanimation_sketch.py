"""LongAnimation, stage 1: the control network learns to follow sketch and reference; the base stays as it is.

Command: toonctl train presets/train/longanimation-sketch.toml
"""

from collections.abc import Callable
from pathlib import Path

from toonctl.core.reporter import Reporter
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.spec.recipe_longanimation import LongAnimationSketchRecipe
from toonctl.training.longanimation_denoising import denoising_step
from toonctl.training.longanimation_run import Run, base_and_control, learners_of, walk


def train(
    recipe: LongAnimationSketchRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Control network, state and log of the run, which goes on from the `out` folder when it holds one.

    Raises: CheckpointError for weights that do not fit, DeliveryError for data or run folders that do not.
    """
    base, sketch_dit = base_and_control(recipe, recipe.control, recipe.layers)
    networks = Denoiser(sketch_dit, None, base)
    run = Run(recipe, learners_of(networks, trains_control=True))
    step = denoising_step(run, networks, recipe)
    return walk(run, step, name=recipe.recipe, report=report, is_stopped=is_stopped)
