"""Trains ToonComposer's adapter: sketches, position-aware residual, low-rank attention; Wan 2.1 stays frozen.

Command: toonctl train presets/train/tooncomposer-slra.toml
Several GPUs: accelerate launch -m toonctl train RECIPE; every process takes its share of each step's samples.
With `zero2 = true` they share the optimizer's state as well: `pip install 'toonctl[deepspeed]'`.

ToonComposer (arXiv 2508.10881): rectified flow with logit-normal timesteps, sketches drawn from the film's
own frames, random regions of them left free.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar, cast

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.models.checkpoint import open_tokenizer, open_weights
from toonctl.models.keymaps.tooncomposer import TRANSFORMER
from toonctl.models.tooncomposer.conditioning import SparseFrames, condition
from toonctl.models.tooncomposer.encoders import TEXT_TOKENS, encode_image, encode_prompt
from toonctl.models.tooncomposer.fresh import load_for_training
from toonctl.models.tooncomposer.published import (
    load_text_encoder,
    load_vae,
    load_vision_encoder,
    our_shapes,
    transformer_params,
)
from toonctl.models.tooncomposer.transformer import Sketches, TransformerParams
from toonctl.models.tooncomposer.vae import encode
from toonctl.spec.recipe_tooncomposer import ToonComposerSlraRecipe
from toonctl.training.card import card
from toonctl.training.losses import rectified_flow_mse
from toonctl.training.sharing import CLIP_NORM, share
from toonctl.training.sketch_data import Film, SampleOptions, SketchSample, SketchSamples, find_films
from toonctl.training.state import restore, state_of, stored

M = TypeVar("M", bound=nn.Module)

WEIGHTS = "tooncomposer.safetensors"
_STATE = "state.safetensors"
_LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class StepLog:
    """Figures of one optimizer step; `timestep` is the mean over its samples."""

    step: int
    loss: float
    timestep: float
    grad_norm: float
    learning_rate: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Example:
    """A sample as the network sees it, batch of one: clean latents, conditioning, text, image, sketches."""

    latents: Tensor
    video: Tensor
    text: Tensor
    image: Tensor
    sketches: Sketches


class Run:
    """The state of one training run: networks, moving average, optimizer, place on the schedule."""

    def __init__(self, recipe: ToonComposerSlraRecipe, films: tuple[Film, ...]) -> None:
        self.recipe = recipe
        self.accelerator = share(recipe.samples_per_step, on_cpu=recipe.device == "cpu", zero2=recipe.zero2)
        self.device = self.accelerator.device
        self.coder = _Coder(recipe, films, self.device)
        model = load_for_training(
            open_weights(Path(recipe.base)),
            arrangement(recipe),
            start=open_weights(Path(recipe.start)) if recipe.start else None,
            dtype=getattr(torch, recipe.precision),
            seed=recipe.seed,
        ).to(self.device)
        if recipe.checkpointing:
            model.enable_gradient_checkpointing()
        self.trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        optimizer = torch.optim.AdamW(
            self.trained.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.step = 0

    def learning_rate(self) -> float:
        """A straight rise over `warmup_steps`, then flat."""
        return self.recipe.learning_rate * min(1.0, (self.step + 1) / max(1, self.recipe.warmup_steps))

    def train_step(self, samples: SketchSamples) -> tuple[Tensor, float]:
        """Loss and timestep `[2]`, means over the samples of one optimizer step, and the gradient's norm."""
        rate = self.learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        figures, norm = torch.zeros(2, device=self.device), 0.0
        for index in self._own_samples():
            with self.accelerator.accumulate(self.model):
                loss, timestep = self.loss(self.coder.encode(samples[index]), index)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    norm = float(self.accelerator.clip_grad_norm_(self.trained.values(), CLIP_NORM) or 0)
                self.optimizer.step()
                self.optimizer.zero_grad()
            figures += torch.stack([loss.detach(), timestep]) / self._samples_each
        self.step += 1
        self._follow()
        return cast(Tensor, self.accelerator.reduce(figures, "mean")), norm

    def loss(self, example: Example, index: int) -> tuple[Tensor, Tensor]:
        """Loss and timestep of an example, scalars; noise and timestep follow from the sample's number."""
        generator = torch.Generator().manual_seed(zlib.crc32(f"{self.recipe.seed} {index}".encode()))
        sigma = draw_sigma(self.recipe, generator).to(self.device)
        noise = torch.randn(example.latents.shape, generator=generator).to(self.device)
        noisy = (1 - sigma) * example.latents + sigma * noise
        velocity = self.model(
            torch.cat([noisy, example.video], 1),
            1000 * sigma[None],
            example.text,
            example.image,
            example.sketches,
        )
        return rectified_flow_mse(velocity, example.latents, noise), 1000 * sigma

    def save(self, folder: Path) -> None:
        """Writes everything a later run needs to go on, and the adapter to ship under its published names.

        With ZeRO-2 the optimizer's moments lie in pieces on all GPUs: they are not kept and begin anew.
        """
        if not self.accelerator.is_main_process:
            return
        tensors = state_of(self.trained, None if self.recipe.zero2 else self.optimizer)
        tensors |= {f"average.{name}": p for name, p in self.average.items()}
        tensors["step"] = torch.tensor(self.step)
        write_whole(folder / _STATE, save(stored(tensors)))
        shipped = {name: p.to(torch.bfloat16) for name, p in TRANSFORMER.to_published(self.average).items()}
        facts = card(self.recipe, self.step)
        write_whole(folder / WEIGHTS, save(stored(shipped), facts))

    def resume(self, folder: Path) -> None:
        """Goes on where the run in `folder` stopped. Raises: DeliveryError when its state does not fit."""
        path = folder / _STATE
        tensors = load_file(path)
        restore(tensors, self.trained, self.optimizer, path=path)
        for name, average in self.average.items():
            average.copy_(tensors[f"average.{name}"])
        self.step = int(tensors["step"])

    @property
    def _samples_each(self) -> int:
        return self.recipe.samples_per_step // self.accelerator.num_processes

    def _own_samples(self) -> range:
        """Numbers of the samples this process takes in the coming step."""
        first = self.step * self.recipe.samples_per_step + self.accelerator.process_index
        return range(first, first + self.recipe.samples_per_step, self.accelerator.num_processes)

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
        for name, parameter in self.trained.items():
            self.average[name].lerp_(parameter, 1 - decay)


class _Coder:
    """The frozen encoders: samples in, what the transformer sees out."""

    def __init__(self, recipe: ToonComposerSlraRecipe, films: tuple[Film, ...], device: torch.device) -> None:
        dtype = getattr(torch, recipe.precision)
        self.device = device
        self.prompts = [film.prompt for film in films]
        self.texts = _encode_texts(recipe, {"", *self.prompts}, device, dtype)
        self.vae = _moved(load_vae(open_weights(Path(recipe.vae)), dtype=dtype), device)
        self.vision = _moved(load_vision_encoder(open_weights(Path(recipe.image)), dtype=dtype), device)

    @torch.no_grad()
    def encode(self, sample: SketchSample) -> Example:
        """The sample as the transformer sees it."""
        _, n_frames, height, width = sample.video.shape
        references = {place: sample.video[:, place] for place in sample.references}
        frames = SparseFrames(n_frames, (height, width), references, sample.sketches, sample.masks)
        given = condition(self.vae, frames)
        return Example(
            encode(self.vae, sample.video[None]),
            given.video.to(self.device),
            self.texts[self.prompts[sample.film] if sample.has_text else ""],
            encode_image(self.vision, given.first_color),
            Sketches(given.sketches.latents.to(self.device), given.sketches.indices),
        )


def train(
    recipe: ToonComposerSlraRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Adapter, state and log of the run, which goes on from the recipe's `out` folder when it holds one."""
    folder = Path(recipe.out)
    torch.set_num_threads(recipe.threads)
    films = find_films(Path(recipe.data), recipe.frames)
    samples = SketchSamples(films, _options(recipe), recipe.seed)
    run = Run(recipe, films)
    if (folder / _STATE).exists():
        run.resume(folder)
    report.start(recipe.steps, "train tooncomposer_slra")
    began = time.monotonic()
    while run.step < recipe.steps and not is_stopped():
        rate = run.learning_rate()
        figures, norm = run.train_step(samples)
        loss, timestep = figures.tolist()
        if run.accelerator.is_main_process:
            _append(folder / _LOG, StepLog(run.step, loss, timestep, norm, rate, time.monotonic() - began))
        report.step(
            done=run.step, frame=run.step, layer="tooncomposer_slra", note=f"loss {loss:.4f} norm {norm:.3f}"
        )
        if run.step % recipe.save_every == 0:
            run.save(folder)
    run.save(folder)
    return folder / WEIGHTS, folder / _STATE, folder / _LOG


def draw_sigma(recipe: ToonComposerSlraRecipe, generator: torch.Generator) -> Tensor:
    """A noise level 0..1, logit-normal (arXiv 2403.03206, eq. 19), moved by `shift`; a scalar."""
    normal = torch.randn((), generator=generator) * recipe.timestep_std + recipe.timestep_mean
    sigma = normal.sigmoid()
    return recipe.shift * sigma / (1 + (recipe.shift - 1) * sigma)


def arrangement(recipe: ToonComposerSlraRecipe) -> TransformerParams:
    """The kind of adapter and injection a recipe asks for; sizes come from the base."""
    return TransformerParams(
        rank=recipe.rank,
        adapter=recipe.adapter,
        position=recipe.position,
        injection=recipe.injection,
        has_residual=recipe.residual,
    )


def _encode_texts(
    recipe: ToonComposerSlraRecipe, texts: Iterable[str], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Features `[1, 512, D]` of every text; the encoder is gone afterwards."""
    ordered = sorted(texts)
    if not recipe.text:
        params = transformer_params(our_shapes(open_weights(Path(recipe.base)), TRANSFORMER))
        return dict.fromkeys(ordered, torch.zeros(1, TEXT_TOKENS, params.text_dim, device=device))
    encoder = _moved(load_text_encoder(open_weights(Path(recipe.text)), dtype=dtype), device)
    tokenizer = open_tokenizer(Path(recipe.tokenizer))
    return {text: encode_prompt(encoder, tokenizer, text) for text in ordered}


def _moved(model: M, device: torch.device) -> M:
    nn.Module.to(model, device)
    return model


def _options(recipe: ToonComposerSlraRecipe) -> SampleOptions:
    return SampleOptions(
        recipe.frames,
        (recipe.height, recipe.width),
        recipe.max_stride,
        recipe.max_references,
        recipe.max_sketches,
        recipe.mask_share,
        recipe.text_share,
        recipe.extractors,
    )


def _append(path: Path, log: StepLog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(log)) + "\n")
