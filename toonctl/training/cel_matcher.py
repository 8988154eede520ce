"""Trains the cel engine's region matcher on drawings made by chance.

Command: toonctl train presets/train/cel-matcher.toml
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from torch.utils.data import DataLoader

from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.core.stop import follow_parent
from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams
from toonctl.models.checkpoint import load_strict, read_weights
from toonctl.spec.recipe import CelMatcherRecipe
from toonctl.training.card import card
from toonctl.training.cel_data import PAIRS, DrawnShots, ShotBatch
from toonctl.training.losses import color_group_nll
from toonctl.training.muon import Muon
from toonctl.training.state import restore, state_of, stored

WEIGHTS = "cel_matcher.safetensors"
_STATE = "state.safetensors"
_LOG = "log.jsonl"
_EMA_DECAY = 0.998
_AVERAGE = "average."


@dataclass(frozen=True, slots=True)
class StepLog:
    """Figures of one optimizer step; `accuracy` is the share of region weight given the right color."""

    step: int
    loss: float
    accuracy: float
    learning_rate: float
    elapsed_s: float


class Run:
    """The state of one training run: weights, moving average, optimizer, place on the schedule."""

    def __init__(self, recipe: CelMatcherRecipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.model = CelMatcher(CelMatcherParams()).to(self.device)
        if recipe.start:
            path = Path(recipe.start)
            load_strict(self.model, read_weights(path), name=path.name)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.optimizer = Muon(
            self.model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0

    def learning_rate(self) -> float:
        """Warm-up, flat, then a straight fall to zero over the last `decay_steps`."""
        recipe = self.recipe
        rise = min(1.0, (self.step + 1) / max(1, recipe.warmup_steps))
        fall = min(1.0, (recipe.steps - self.step) / max(1, recipe.decay_steps))
        return recipe.learning_rate * min(rise, fall)

    def train_step(self, batch: ShotBatch) -> tuple[float, float]:
        """Loss and accuracy of one optimizer step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss, accuracy = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(_EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1 - decay)
        return loss.item(), accuracy.item()

    def loss(self, batch: ShotBatch) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy over all pairs of the batch, both directions; scalars."""
        dtype = getattr(torch, self.recipe.precision)
        batch = _to(batch, self.device)
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            tokens = self.model.tokens(
                batch.planes, batch.points, batch.geometry, batch.adjacency, batch.mask
            )
            first, second = _pair_index(len(tokens))
            to_second, to_first = self.model.match(
                tokens[first], tokens[second], batch.votes, batch.mask[first], batch.mask[second]
            )
        color, weight, mask = batch.color, batch.weight, batch.mask
        there = color_group_nll(to_second, color[first], color[second], weight[first], mask[second])
        back = color_group_nll(to_first, color[second], color[first], weight[second], mask[first])
        return (there[0] + back[0]) / 2, (there[1] + back[1]) / 2

    def save(self, folder: Path) -> None:
        """Writes everything a later run needs to go on, and the weights to ship."""
        tensors = state_of(dict(self.model.named_parameters()), self.optimizer)
        tensors |= {f"{_AVERAGE}{name}": tensor for name, tensor in self.average.items()}
        write_whole(folder / _STATE, save(stored(tensors), {"step": str(self.step)}))
        facts = {**card(self.recipe, self.step), "generator": generator_digest()}
        write_whole(folder / WEIGHTS, save(stored(self.average, torch.float16), facts))

    def resume(self, folder: Path) -> None:
        """Goes on where the run in `folder` stopped. Raises: DeliveryError when its state does not fit."""
        path = folder / _STATE
        tensors = load_file(path)
        restore(tensors, dict(self.model.named_parameters()), self.optimizer, path=path)
        self.average = {name: tensors[f"{_AVERAGE}{name}"].to(self.device) for name in self.average}
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])


def train(
    recipe: CelMatcherRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Weights, state and log of the run, which goes on from the recipe's `out` folder when it holds one."""
    folder = Path(recipe.out)
    torch.set_num_threads(recipe.threads)
    run = Run(recipe)
    if (folder / _STATE).exists():
        run.resume(folder)
    report.start(recipe.steps, "train cel_matcher")
    began = time.monotonic()
    for batch in _batches(recipe, run.step):
        if run.step >= recipe.steps or is_stopped():
            break
        rate = run.learning_rate()
        loss, accuracy = run.train_step(batch)
        log = StepLog(run.step, loss, accuracy, rate, time.monotonic() - began)
        _append(folder / _LOG, log)
        report.step(
            done=run.step, frame=run.step, layer="cel_matcher", note=f"loss {loss:.3f} right {accuracy:.3f}"
        )
        if run.step % recipe.save_every == 0:
            run.save(folder)
    run.save(folder)
    return folder / WEIGHTS, folder / _STATE, folder / _LOG


def generator_digest() -> str:
    """SHA-256 over the sources of the drawing generator: which drawings the weights learned from."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parent / "drawings").glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _batches(recipe: CelMatcherRecipe, first_batch: int) -> Iterator[ShotBatch]:
    shots = DrawnShots(recipe.seed, shots_per_batch=recipe.shots_per_step, first_batch=first_batch)
    yield from DataLoader(
        shots,
        batch_size=None,
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        worker_init_fn=_start_worker,
    )


def _start_worker(_number: int) -> None:
    """A signal to the whole process group must not take the drawings away before the state is saved."""
    follow_parent()


def _pair_index(n_frames: int) -> tuple[Tensor, Tensor]:
    """Indices of the first and the second frame of every pair in a batch of whole shots."""
    frames_per_shot = 1 + max(max(pair) for pair in PAIRS)
    pairs = torch.tensor(PAIRS)
    offsets = torch.arange(0, n_frames, frames_per_shot)
    both = (offsets[:, None, None] + pairs[None]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _to(batch: ShotBatch, device: torch.device) -> ShotBatch:
    return ShotBatch(*(getattr(batch, name).to(device) for name in ShotBatch.__slots__))


def _append(path: Path, log: StepLog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(log)) + "\n")
