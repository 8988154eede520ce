"""Training recipes as records; the only home of their default values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from toonctl.core.errors import Problem, SpecError
from toonctl.spec.problems import nearest, problems_of
from toonctl.spec.recipe_longanimation import (
    LongAnimationColorRecipe,
    LongAnimationDataRecipe,
    LongAnimationDglmRecipe,
    LongAnimationSketchRecipe,
)
from toonctl.spec.recipe_tooncomposer import ToonComposerSlraRecipe
from toonctl.spec.recipe_tooncrafter import (
    ToonCrafterKdRecipe,
    ToonCrafterLoraRecipe,
    ToonCrafterSweepRecipe,
)
from toonctl.spec.table import Table
from toonctl.spec.tomlfile import read_toml


class CelMatcherRecipe(Table):
    """Training the cel engine's region matcher on drawings made by chance."""

    recipe: Literal["cel_matcher"]
    steps: int = Field(gt=0, description="Optimizer steps in all, over every sitting.")
    decay_steps: int = Field(ge=0, description="Steps of the falling part of the learning rate, at the end.")
    warmup_steps: int = Field(100, ge=0, description="Steps of the rising part, at the start.")
    shots_per_step: int = Field(2, gt=0, description="Each shot gives 4 drawings: 12 matchings.")
    learning_rate: float = Field(1e-3, gt=0, description="Between rise and fall.")
    weight_decay: float = Field(0.01, ge=0, description="Of every parameter, per unit of learning rate.")
    seed: int = Field(0, ge=0, description="Decides drawings and starting weights.")
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="cpu, cuda or cuda:1.")
    precision: Literal["float32", "bfloat16"] = Field("bfloat16", description="Of the network's arithmetic.")
    workers: int = Field(1, ge=0, description="Processes that draw; 0 draws between the steps.")
    threads: int = Field(1, gt=0, description="Threads of the network on a CPU.")
    save_every: int = Field(100, gt=0, description="Steps between two saved states.")
    start: str = Field(
        default="", description="Weights to begin with, such as the shipped ones; empty begins with none."
    )
    out: str = Field(
        "runs/cel-matcher", description="Folder of the run; a run that is there is gone on with."
    )


RECIPES: Mapping[str, type[Table]] = {
    "cel_matcher": CelMatcherRecipe,
    "tooncomposer_slra": ToonComposerSlraRecipe,
    "longanimation_data": LongAnimationDataRecipe,
    "longanimation_sketch": LongAnimationSketchRecipe,
    "longanimation_dglm": LongAnimationDglmRecipe,
    "longanimation_color": LongAnimationColorRecipe,
    "tooncrafter_lora": ToonCrafterLoraRecipe,
    "tooncrafter_sweep": ToonCrafterSweepRecipe,
    "tooncrafter_kd": ToonCrafterKdRecipe,
}
"""The model of every recipe, by its `recipe` key; `training/<name>.py` runs it."""


def load_recipe(path: Path) -> Table:
    """The checked recipe. Raises: UsageError when there is no such file, SpecError with every problem."""
    file = read_toml(path)
    name = file.values.get("recipe")
    model = RECIPES.get(name) if isinstance(name, str) else None
    if model is None:
        hint = nearest(name, RECIPES) if isinstance(name, str) else f"recipes: {', '.join(RECIPES)}"
        raise SpecError.listing([Problem("`recipe` names no training recipe", file.where(("recipe",)), hint)])
    try:
        return model.model_validate(file.values)
    except ValidationError as error:
        raise SpecError.listing(problems_of(error, model, where=file.where, lines=file.lines)) from error
