"""The story of `train`: a recipe is checked, its training runs, the files it left are named."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from toonctl.core.reporter import Reporter
from toonctl.spec.recipe import load_recipe


def run(path: Path, report: Reporter, *, is_stopped: Callable[[], bool]) -> tuple[Path, ...]:
    """The files of the run, the weights to ship first.

    Raises: UsageError and SpecError for the recipe, DeliveryError when the run's folder cannot be used.
    """
    recipe = load_recipe(path)
    name: str = getattr(recipe, "recipe")  # noqa: B009  # every model in RECIPES has it, their base does not
    training = import_module(f"toonctl.training.{name}")
    return training.train(recipe, report=report, is_stopped=is_stopped)
