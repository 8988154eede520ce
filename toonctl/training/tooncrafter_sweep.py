"""Draws the held-back clips with an adapter at several strengths, to see which one serves.

Command: toonctl train presets/train/tooncrafter-sweep.toml
An adapter trained as the network was needs no strength but 1; the table shows whether that is so.
"""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from toonctl.core.errors import ArtError
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.metrics.pixel import psnr_of
from toonctl.models.tooncrafter.lora import set_lora_scale
from toonctl.models.tooncrafter.sampler import Contexts, Guidance, drawn_noise
from toonctl.models.tooncrafter.window import Keys, Sampling, Window
from toonctl.spec.recipe_tooncrafter import ToonCrafterSweepRecipe
from toonctl.training.tooncrafter_data import TrainingClip, find_clips, read_fit
from toonctl.training.tooncrafter_examples import Encoder, load_frozen, wear_adapter

TABLE = "sweep.csv"


def train(
    recipe: ToonCrafterSweepRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """A table with one row per strength: PSNR in dB of the known frames between the keys.

    Raises: CheckpointError, ArtError, DeliveryError.
    """
    model = load_frozen(recipe)
    encoder = Encoder(model, recipe)
    clips = find_clips(recipe, encoder.n_frames).held_back
    if not clips:
        raise ArtError("no clip is held back", recipe.data, "raise `validation_share`")
    wear_adapter(model.unet, Path(recipe.adapter))
    model.unet.eval()
    report.start(len(recipe.scales) * len(clips), "sweep")
    rows: list[tuple[float, float]] = []
    done = 0
    for scale in recipe.scales:
        set_lora_scale(model.unet, scale)
        scores: list[float] = []
        for clip in clips:
            if is_stopped():
                return ()
            scores += list(_scores(encoder, clip, recipe))
            done += 1
            report.step(done=done, frame=done, layer="sweep", note=f"scale {scale:g} {scores[-1]:.2f} dB")
        rows.append((scale, sum(scores) / len(scores)))
    path = Path(recipe.out) / TABLE
    text = io.StringIO()
    csv.writer(text).writerows([("scale", "psnr_db"), *((scale, f"{psnr:.4f}") for scale, psnr in rows)])
    write_whole(path, text.getvalue().encode())
    return (path,)


@torch.no_grad()
def _scores(encoder: Encoder, clip: TrainingClip, recipe: ToonCrafterSweepRecipe) -> Iterator[float]:
    """PSNR of every known frame between the keys of one clip; the noise depends on the clip alone."""
    generator = torch.Generator().manual_seed(recipe.seed)
    model, size = encoder.model, (recipe.width, recipe.height)
    example = encoder.example(clip, generator)
    empty = encoder.example(clip, torch.Generator().manual_seed(recipe.seed), "both")
    ends = torch.stack([read_fit(clip.paths[0], size), read_fit(clip.paths[-1], size)]).to(recipe.device)
    references = model.vae.encode(ends.to(model.vae.dtype)).references(2)
    guidance = Guidance(recipe.guidance_scale)
    sampling = Sampling(recipe.num_inference_steps, guidance=guidance, frame_stride=recipe.frame_stride)
    window = Window(model.unet, model.vae, sampling)
    start = torch.randn(example.latents.shape, generator=generator)
    keys, contexts = Keys(example.beside, references), Contexts(example.context, empty.context)
    draw = drawn_noise(start.shape, generator)
    *_, last = window.steps(start.to(recipe.device), keys=keys, contexts=contexts, draw=draw)
    frames = (window.frames(last.latents, keys)[0].transpose(0, 1).clamp(-1, 1) + 1) / 2  # [F, 3, H, W]
    places = [int(place) for place in example.known.nonzero()[:, 0]]
    for place, path in list(zip(places, clip.paths, strict=True))[1:-1]:
        truth: Tensor = (read_fit(path, size) + 1) / 2
        yield psnr_of(float((frames[place].cpu() - truth).pow(2).mean()))
