"""Training the region matcher: it learns, it resumes, and its data depends on the seed alone."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from toonctl.core.reporter import SilentReporter
from toonctl.spec.recipe import CelMatcherRecipe
from toonctl.training.cel_data import DrawnShots
from toonctl.training.cel_matcher import Run, train
from toonctl.training.losses import color_group_nll


def recipe(folder: Path, **changes: object) -> CelMatcherRecipe:
    values: dict[str, object] = {
        "recipe": "cel_matcher",
        "steps": 30,
        "decay_steps": 0,
        "warmup_steps": 3,
        "shots_per_step": 1,
        "learning_rate": 2e-3,
        "seed": 3,
        "workers": 0,
        "precision": "float32",
        "out": str(folder),
    }
    return CelMatcherRecipe.model_validate({**values, **changes})


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_thirty_steps_lower_the_loss_on_drawings_not_trained_on(tmp_path: Path) -> None:
    """The held-out loss fell to about .86 of its start on four other sets of drawings."""
    shots = DrawnShots(99, shots_per_batch=2)
    held_out = [shots.batch(i) for i in range(3)]

    def loss(start: str) -> float:
        run = Run(recipe(tmp_path, start=start))
        with torch.no_grad():
            return sum(run.loss(batch)[0].item() for batch in held_out)

    train(recipe(tmp_path), report=SilentReporter())
    assert loss(str(tmp_path / "cel_matcher.safetensors")) < 0.95 * loss("")


@pytest.fixture(scope="module")
def one_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that ended after its first step."""
    folder = tmp_path_factory.mktemp("one")
    train(recipe(folder, steps=1), report=SilentReporter())
    return folder


def test_a_run_goes_on_where_it_stopped(one_step: Path, tmp_path: Path) -> None:
    train(recipe(tmp_path / "whole", steps=2), report=SilentReporter())
    shutil.copytree(one_step, tmp_path / "parts")
    train(recipe(tmp_path / "parts", steps=2), report=SilentReporter())
    assert len(losses(tmp_path / "parts")) == 2
    assert losses(tmp_path / "whole") == pytest.approx(losses(tmp_path / "parts"), rel=1e-3)


def test_a_run_can_begin_with_finished_weights(one_step: Path, tmp_path: Path) -> None:
    start = one_step / "cel_matcher.safetensors"
    train(recipe(tmp_path, steps=1, start=str(start)), report=SilentReporter())
    assert losses(tmp_path) != losses(one_step)


def test_batches_depend_on_seed_and_number_alone() -> None:
    shots = DrawnShots(11, shots_per_batch=1)
    later, again = DrawnShots(11, shots_per_batch=1, first_batch=2), shots.batch(2)
    first = next(iter(later))
    assert torch.equal(first.planes, again.planes)
    assert torch.equal(first.votes, again.votes)


def test_color_group_loss_by_hand() -> None:
    """Two regions of color 5 and one of color 6 in the other drawing: probabilities of equal color add up."""
    log_match = torch.log(torch.tensor([[[0.3, 0.4, 0.2, 0.1]]]))
    color, other = torch.tensor([[5]]), torch.tensor([[5, 5, 6]])
    mask, weight = torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 1)
    loss, right = color_group_nll(log_match, color, other, weight, mask)
    assert float(loss) == pytest.approx(-torch.log(torch.tensor(0.7)).item())
    assert float(right) == 1
    loss, right = color_group_nll(log_match, torch.tensor([[9]]), other, weight, mask)
    assert float(loss) == pytest.approx(-torch.log(torch.tensor(0.1)).item())
    assert float(right) == 0
