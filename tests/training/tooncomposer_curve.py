"""The loss of toy trainings of ToonComposer's adapter on a folder of films, one per arrangement, as JSON.

Command: python -m tests.training.tooncomposer_curve FILMS OUT.json
(`curves/tooncomposer-slra.json` is of the project's 15 cartoon clips)

Random toy networks stand for Wan: the curves show that each arrangement learns, not which is better. The loss
is measured on eight samples no training step sees, always with the same noise and timesteps.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, VAE
from toonctl.models.tooncomposer import encoders
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams
from toonctl.models.tooncomposer.vae import build_vae
from toonctl.spec.recipe_tooncomposer import ToonComposerSlraRecipe
from toonctl.training.sketch_data import SampleOptions, SketchSamples, find_films
from toonctl.training.tooncomposer_slra import Run

_TOY = TransformerParams(n_heads=1, ffn_dim=256, n_layers=3, text_dim=16, freq_dim=64, image_dim=80)
_STEPS, _EVERY, _HELD_OUT = 32, 8, 8
_FIRST_HELD_OUT = 1_000_000
_ARRANGEMENTS: dict[str, dict[str, object]] = {
    "published": {},
    "temporal adapter": {"adapter": "temporal"},
    "LoRA": {"adapter": "lora"},
    "no position mapping": {"position": "appended", "residual": False},
    "channel concatenation": {"injection": "channels"},
}


def main(arguments: Sequence[str]) -> None:
    """Writes the curves."""
    films, out = Path(arguments[0]), Path(arguments[1])
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_networks(Path(folder))
        curves = {name: curve(Path(folder), films, changes) for name, changes in _ARRANGEMENTS.items()}
    steps = list(range(0, _STEPS + 1, _EVERY))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"steps": steps, "held_out_loss": curves}, indent=1) + "\n", "utf-8")


def write_networks(folder: Path) -> None:
    """Random toy networks in the published layout."""
    torch.manual_seed(5)
    parts = {
        "base": (ToonComposerTransformer(replace(_TOY, rank=None, sketch_channels=None)), TRANSFORMER),
        "vae": (build_vae(8), VAE),
        "image": (encoders.build_vision_encoder(encoders.VisionParams(80, 1, 2, 80)), CLIP_VISION),
    }
    for name, (model, key_map) in parts.items():
        tensors = key_map.to_published(dict(model.named_parameters()))
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, folder / f"{name}.safetensors")


def curve(networks: Path, films: Path, changes: dict[str, object]) -> list[float]:
    """Mean loss on the held-out samples, before training and after every few steps."""
    recipe = ToonComposerSlraRecipe.model_validate(
        {
            "recipe": "tooncomposer_slra",
            "data": str(films),
            **{name: str(networks / f"{name}.safetensors") for name in ("base", "vae", "image")},
            "steps": _STEPS,
            "warmup_steps": 0,
            "samples_per_step": 2,
            "frames": 9,
            "height": 48,
            "width": 80,
            "rank": 24,
            "learning_rate": 5e-3,
            "device": "cpu",
            "precision": "float32",
            "checkpointing": False,
            **changes,
        }
    )
    found = find_films(films, recipe.frames)
    options = SampleOptions(
        recipe.frames, (recipe.height, recipe.width), 1, 1, 2, 0.2, 0.0, recipe.extractors
    )
    samples = SketchSamples(found, options, recipe.seed)
    run = Run(recipe, found)
    numbers = range(_FIRST_HELD_OUT, _FIRST_HELD_OUT + _HELD_OUT)
    held_out = [(run.coder.encode(samples[number]), number) for number in numbers]

    @torch.no_grad()
    def loss() -> float:
        return sum(float(run.loss(example, number)[0]) for example, number in held_out) / len(held_out)

    losses = [loss()]
    for step in range(1, recipe.steps + 1):
        run.train_step(samples)
        if step % _EVERY == 0:
            losses.append(round(loss(), 4))
    sys.stderr.write(f"{changes}: {losses}\n")
    return [round(value, 4) for value in losses]


if __name__ == "__main__":
    main(sys.argv[1:])
