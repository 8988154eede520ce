"""LongAnimation's first two training stages at toy size on real clips, one JSON line a stage.

    PYTHONPATH=tests python -m training.longanimation_stages CLIPS OUT [--steps N]

CLIPS is a folder of clips such as cartoon-dev, OUT a new folder for networks, examples and runs. Networks are
the real classes with drawn weights; frames, histories and stages are as at real size, pictures and networks
tiny. A line holds the loss over all examples at fixed noise before and after. The third stage, which needs
many films, has a script of its own: `longanimation_reward`.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from goldens.values import normal
from toonctl.core.reporter import SilentReporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.longanimation.cogvideox import SketchDiT
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.dglm import Dglm
from toonctl.models.longanimation.diffusion import NoiseLevels
from toonctl.models.longanimation.published import load_base, load_dglm, load_sketch_dit
from toonctl.spec.recipe_longanimation import (
    LongAnimationDataRecipe,
    LongAnimationDglmRecipe,
    LongAnimationSketchRecipe,
)
from toonctl.training import longanimation_data as data
from toonctl.training import longanimation_dglm as stage2
from toonctl.training import longanimation_sketch as stage1
from toonctl.training.longanimation_examples import ExampleSet
from toonctl.training.longanimation_losses import denoising_loss
from toonctl.training.longanimation_run import SCHEDULER
from training import longanimation_toyset as toyset

_QUIET = SilentReporter()


def main() -> int:
    """Runs data and stages one after the other; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    out: Path = options.out
    toyset.write_models(out)
    toyset.write_texts(out / "texts.safetensors")
    for name, has_history, min_frames in (("short", False, 92), ("data", True, 163)):
        values = toyset.data_recipe(
            out,
            clips=str(options.clips),
            frames=81,
            history_frames=81,
            min_frames=min_frames,
            has_history=has_history,
            examples_per_clip=2,
            out=str(out / name),
        )
        data.train(LongAnimationDataRecipe.model_validate(values), report=_QUIET)
    common = {
        "base": str(out / "transformer"),
        "steps": options.steps,
        "learning_rate": 2e-3,
        "warmup_steps": 5,
    }
    common |= {"device": "cpu", "precision": "float32", "saves_memory": False, "examples_per_step": 2}
    _first(out, common)
    _second(out, common)
    return 0


def _first(out: Path, common: dict[str, Any]) -> None:
    values = {
        "recipe": "longanimation_sketch",
        "data": str(out / "short"),
        "layers": 1,
        "out": str(out / "1"),
    }
    stage1.train(LongAnimationSketchRecipe.model_validate(common | values), report=_QUIET)
    base = load_base(open_weights(out / "transformer"), dtype=torch.float32)
    trained = load_sketch_dit(open_weights(out / "1" / "control_module.safetensors"), dtype=torch.float32)
    networks = [Denoiser(net, None, base) for net in (SketchDiT.from_base(base, 1), trained)]
    _say(stage=1, held_loss=[held_loss(net, out / "short") for net in networks])


def _second(out: Path, common: dict[str, Any]) -> None:
    control = out / "1" / "control_module.safetensors"
    values = {"recipe": "longanimation_dglm", "data": str(out / "data"), "control": str(control)}
    values |= {"heads": 2, "head_dim": 16, "trains_control": False, "out": str(out / "2")}
    stage2.train(LongAnimationDglmRecipe.model_validate(common | values), report=_QUIET)
    base = load_base(open_weights(out / "transformer"), dtype=torch.float32)
    sketch_dit = load_sketch_dit(open_weights(control), dtype=torch.float32)
    trained = load_dglm(open_weights(out / "2" / "glm_module.safetensors"), dtype=torch.float32, head_dim=16)
    networks = [Denoiser(sketch_dit, net, base) for net in (Dglm(trained.sizes), trained)]
    _say(stage=2, held_loss=[held_loss(net, out / "data") for net in networks])


@torch.no_grad()
def held_loss(networks: Denoiser, folder: Path) -> float:
    """The denoising loss over all examples of a folder at fixed noise."""
    levels, examples = NoiseLevels(SCHEDULER), ExampleSet(folder, 0)
    found: list[torch.Tensor] = []
    for place in range(len(examples.paths)):
        example = examples.at(place)
        velocity, noise = networks.bind(example.cond), normal(f"held:{place}", example.clean.shape)
        for timestep in (150, 500, 850):
            loss = denoising_loss(
                velocity, example.clean, example.text, levels=levels, timestep=timestep, noise=noise
            )
            found.append(loss)
    return float(torch.stack(found).mean())


def _say(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
