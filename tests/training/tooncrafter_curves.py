"""The losses of toy trainings of ToonCrafter on a folder of films: adapter and student, as JSON.

Command: python -m tests.training.tooncrafter_curves FILMS OUT.json [lora] [distillation]
(`curves/tooncrafter.json` is of the project's 15 cartoon clips; parts not named stay as they are there)

A random toy network stands for the published one: the curves show that every loss falls and that what was
learned holds on clips no step sees, not how good the published network becomes. Losses of steps are of clips
and timesteps drawn anew each time, so that of a few of them little can be read; what is held back is judged
before and after with the same noise, at the same timesteps.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from toonctl.core.reporter import SilentReporter
from toonctl.models.checkpoint import empty_model
from toonctl.models.keymaps.tooncrafter import tooncrafter_map
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.spec.recipe_tooncrafter import ToonCrafterKdRecipe, ToonCrafterLoraRecipe
from toonctl.training import tooncrafter_kd, tooncrafter_lora

from ..goldens.tooncrafter import filled, tiny_params

_SIZES = tiny_params({"nrb": 2, "t_layers": 2, "v_layers": 1, "rs_depth": 1})
_STEPS, _PART = 300, 75
_SHARED = {
    "layout": "sequences",
    "width": 64,
    "height": 32,
    "clips_per_step": 1,
    "validation_share": 0.1,
    "pixel_below": 500,
    "pixel_crop": 3,
    "saves_memory": False,
    "seed": 3,
    "device": "cpu",
    "precision": "float32",
    "validate_every": _STEPS,
}


def main(arguments: Sequence[str]) -> None:
    """Writes the curves."""
    films, out = Path(arguments[0]), Path(arguments[1])
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shared = _SHARED | {"weights": str(write_network(root)), "data": str(gather(films, root / "films"))}
        parts = {"lora": lora, "distillation": distillation}
        found = {name: parts[name](root, shared) for name in arguments[2:] or parts}
    if out.exists():
        found = {**json.loads(out.read_text("utf-8")), **found}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**found, "steps": _STEPS}, indent=1) + "\n", "utf-8")


def write_network(root: Path) -> Path:
    """A random toy network in the published form."""
    empty = empty_model(lambda: ToonCrafter(_SIZES)).state_dict()
    shapes = tooncrafter_map(_SIZES.text.n_layers).to_published(empty)
    tensors = {key: filled(key, tuple(x.shape), "fan") for key, x in shapes.items()}
    save_file(tensors, root / "toy.safetensors", {"toonctl.params": _SIZES.to_json()})
    return root / "toy.safetensors"


def gather(films: Path, folder: Path) -> Path:
    """The films' colored frames as the recipes want sequences: one folder each."""
    folder.mkdir()
    for color in sorted(films.glob("*/color")):
        (folder / color.parent.name).symlink_to(color.resolve())
    return folder


def lora(root: Path, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Of an adapter on the image stream."""
    own = {
        "recipe": "tooncrafter_lora",
        "targets": "image",
        "rank": 4,
        "alpha": 4,
        "dropout": 0.0,
        "falls": True,
    }

    def train(changes: Mapping[str, Any]) -> None:
        recipe = ToonCrafterLoraRecipe.model_validate({**shared, **own, **changes})
        tooncrafter_lora.train(recipe, report=SilentReporter())

    return curves(root / "lora", train, learning_rate=5e-3)


def distillation(root: Path, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Of a student with one block a level less."""

    def train(changes: Mapping[str, Any]) -> None:
        recipe = ToonCrafterKdRecipe.model_validate({**shared, "recipe": "tooncrafter_kd", **changes})
        tooncrafter_kd.train(recipe, report=SilentReporter())

    return curves(root / "kd", train, learning_rate=1e-3)


def curves(out: Path, train: Any, *, learning_rate: float) -> dict[str, Any]:
    """Mean losses of each part of the run, and what is held back before and after all of it."""
    train({"out": str(out / "before"), "steps": 1, "validate_every": 1, "learning_rate": 1e-12})
    train({"out": str(out / "whole"), "steps": _STEPS, "learning_rate": learning_rate})
    before, lines = log(out / "before"), log(out / "whole")
    names = [name for name in lines[-1] if name.startswith("validation")]
    losses = sorted({n for line in lines for n in line} - {*names, "step", "learning_rate", "elapsed_s"})
    parts = [lines[start : start + _PART] for start in range(0, _STEPS, _PART)]
    return {
        "held_back": {name: [round(before[-1][name], 4), round(lines[-1][name], 4)] for name in names},
        "taught": {name: [_mean(part, name) for part in parts] for name in losses},
    }


def log(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def _mean(lines: Sequence[Mapping[str, float]], name: str) -> float | None:
    values = [line[name] for line in lines if name in line]
    return round(sum(values) / len(values), 4) if values else None


if __name__ == "__main__":
    main(sys.argv[1:])
