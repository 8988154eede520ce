"""The reward of LongAnimation's third stage on clips no step sees, before and after, by seed, as JSON.

    PYTHONPATH=tests python -m training.longanimation_reward CLIPS OUT.json [--seeds 0 1 2 3 4]

(`curves/longanimation-color.json` is of the project's 15 cartoon clips)

CLIPS is a folder of clips such as cartoon-dev; every third is held back. Toy networks are trained by the
first two stages, then by the third, from the same start for each seed. The reward varies by a quarter of
itself from noise to noise and a policy learns from chance, so a step has many films and they are small (9
frames, 32x16 pixels, 3 denoising steps). What is held back is judged by many films each, of noise that is
always the same: `error` is the standard error of the change, film by film.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from toonctl.core.reporter import SilentReporter
from toonctl.models.keymaps.longanimation import DGLM
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.spec.recipe_longanimation import (
    LongAnimationColorRecipe,
    LongAnimationDataRecipe,
    LongAnimationDglmRecipe,
    LongAnimationSketchRecipe,
)
from toonctl.training import longanimation_color as stage3
from toonctl.training import longanimation_data as data
from toonctl.training import longanimation_dglm as stage2
from toonctl.training import longanimation_sketch as stage1
from toonctl.training.longanimation_examples import ExampleSet
from training import longanimation_toyset as toyset

_QUIET = SilentReporter()
_FIRST_STEPS, _COLOR_STEPS = 25, 32
_DRAWS = 32
_SHARED = {
    "warmup_steps": 5,
    "device": "cpu",
    "precision": "float32",
    "saves_memory": False,
}


def main() -> int:
    """Writes the curves; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(root, options.clips)
        begin = judged(recipe(root, 0))
        curves = {seed: trained(root, seed, begin) for seed in options.seeds}
    found = {"steps": _COLOR_STEPS, "films_judged": len(begin), "seeds": curves}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def prepare(root: Path, clips: Path) -> None:
    """Examples in `train` and `held`, of clips apart, and networks that have gone through two stages."""
    toyset.write_models(root)
    toyset.write_texts(root / "texts.safetensors")
    for name, has_history, n_examples in (("short", False, 2), ("all", True, 3)):
        values = toyset.data_recipe(
            root,
            clips=str(clips),
            min_frames=20,
            max_frames=60,
            width=32,
            height=16,
            has_history=has_history,
            examples_per_clip=n_examples,
            out=str(root / name),
        )
        data.train(LongAnimationDataRecipe.model_validate(values), report=_QUIET)
    names = sorted({clip_of(path) for path in (root / "all").iterdir()})
    for path in sorted((root / "all").iterdir()):
        kind = "held" if not names.index(clip_of(path)) % 3 else "train"
        (root / kind).mkdir(exist_ok=True)
        shutil.copy(path, root / kind)
    torch.manual_seed(0)
    fresh = Dglm(DglmSizes(32, 2, 16, 8, (8, 8)))
    save_file(DGLM.to_published(dict(fresh.state_dict())), root / "fresh.safetensors")
    common = {**_SHARED, "base": str(root / "transformer"), "steps": _FIRST_STEPS, "learning_rate": 2e-3}
    common["examples_per_step"] = 2
    first = {
        "recipe": "longanimation_sketch",
        "data": str(root / "short"),
        "layers": 1,
        "out": str(root / "1"),
    }
    stage1.train(LongAnimationSketchRecipe.model_validate(common | first), report=_QUIET)
    second = {
        "recipe": "longanimation_dglm",
        "data": str(root / "train"),
        "control": str(root / "1/control_module.safetensors"),
        "memory_module": str(root / "fresh.safetensors"),
        "head_dim": 16,
        "out": str(root / "2"),
    }
    stage2.train(LongAnimationDglmRecipe.model_validate(common | second), report=_QUIET)


def clip_of(example: Path) -> str:
    """`duo_cross` of `duo_cross_002.safetensors`."""
    return example.stem.rpartition("_")[0]


def recipe(root: Path, seed: int, **changes: Any) -> LongAnimationColorRecipe:
    """The third stage from what the second left, or from other `changes`."""
    values = {
        "recipe": "longanimation_color",
        "base": str(root / "transformer"),
        "data": str(root / "train"),
        "control": str(root / "2/control_module.safetensors"),
        "memory_module": str(root / "2/glm_module.safetensors"),
        "head_dim": 16,
        "vae": str(root / "vae"),
        "long_video": str(root / "long_video"),
        "steps": _COLOR_STEPS,
        "learning_rate": 5e-4,
        "examples_per_step": 6,
        "films_per_example": 8,
        "denoising_steps": 3,
        "steps_with_gradient": 2,
        "guidance_scale": 1.0,
        "seed": seed,
        "out": str(root / f"3-{seed}"),
        **toyset.PROMPT,
    }
    return LongAnimationColorRecipe.model_validate(_SHARED | values | changes)


def trained(root: Path, seed: int, begin: list[float]) -> dict[str, object]:
    """Mean held-back reward before and after, and the change with its standard error."""
    first = recipe(root, seed)
    files = {path.name: str(path) for path in stage3.train(first, report=_QUIET)}
    names = {"control": "control_module.safetensors", "memory_module": "glm_module.safetensors"}
    end = judged(recipe(root, seed, **{key: files[name] for key, name in names.items()}))
    changes = [after - before for before, after in zip(begin, end, strict=True)]
    found = {
        "held_reward": [round(statistics.mean(rewards), 4) for rewards in (begin, end)],
        "change": round(statistics.mean(changes), 4),
        "error": round(statistics.stdev(changes) / len(changes) ** 0.5, 4),
    }
    sys.stderr.write(f"seed {seed}: {found}\n")
    return found


def judged(values: LongAnimationColorRecipe) -> list[float]:
    """The rewards of films of all held-back examples, several each, drawn with noise always the same."""
    policy, judge = stage3.load_policy(values)
    examples = ExampleSet(Path(values.data).with_name("held"), 0)
    rewards: list[float] = []
    for place in range(len(examples.paths)):
        example = policy.run.moved(examples.at(place))
        for draw in range(_DRAWS):
            film = policy.sample(example, torch.Generator().manual_seed(1_000 * draw + place))
            rewards.append(judge(film[-1].drawn, example))
    return rewards


if __name__ == "__main__":
    sys.exit(main())
