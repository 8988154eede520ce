"""LongAnimation's training: data depend on the recipe alone, each stage moves its figure the right way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.schedulers.scheduling_dpm_cogvideox import CogVideoXDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from goldens.values import normal
from toonctl.core.errors import ArtError, DeliveryError
from toonctl.core.reporter import SilentReporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.keymaps.longanimation import DGLM
from toonctl.models.longanimation.cogvideox import SketchDiT
from toonctl.models.longanimation.denoiser import Denoiser
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.diffusion import NoiseLevels, StepTaken
from toonctl.models.longanimation.published import load_base, load_dglm, load_sketch_dit
from toonctl.spec.recipe_longanimation import (
    LongAnimationColorRecipe,
    LongAnimationDataRecipe,
    LongAnimationDglmRecipe,
    LongAnimationSketchRecipe,
)
from toonctl.training import longanimation_data as data
from toonctl.training import longanimation_dglm as stage2
from toonctl.training import longanimation_sketch as stage1
from toonctl.training.longanimation_color import FilmPolicy, reward_step
from toonctl.training.longanimation_encoders import ColorJudge, load_encoders
from toonctl.training.longanimation_examples import (
    ClipFacts,
    Example,
    ExampleSet,
    choose_window,
    refusal,
)
from toonctl.training.longanimation_losses import (
    advantages,
    color_reward,
    policy_gradient_loss,
)
from toonctl.training.longanimation_run import SCHEDULER, Run, learners_of
from training import longanimation_toyset as toyset
from training.longanimation_stages import held_loss


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy checkpoints, clips, and the examples made of them, in `data` with a history, in `short` without."""
    folder = tmp_path_factory.mktemp("longanimation")
    toyset.write_models(folder)
    toyset.write_clips(folder / "clips")
    toyset.write_texts(folder / "texts.safetensors", "toy0", "toy1", "toy2")
    prepare(folder)
    prepare(folder, has_history=False, out=str(folder / "short"))
    return folder


def data_recipe(folder: Path, **changes: object) -> LongAnimationDataRecipe:
    return LongAnimationDataRecipe.model_validate(toyset.data_recipe(folder, **changes))


def prepare(folder: Path, **changes: object) -> None:
    data.train(data_recipe(folder, **changes), report=SilentReporter())


def stage(folder: Path, name: str, **changes: object) -> dict[str, object]:
    return {
        "recipe": f"longanimation_{name}",
        "data": str(folder / ("short" if name == "sketch" else "data")),
        "base": str(folder / "transformer"),
        "steps": 20,
        "warmup_steps": 0,
        "examples_per_step": 2,
        "learning_rate": 3e-3,
        "weight_decay": 0.0,
        "device": "cpu",
        "precision": "float32",
        "saves_memory": False,
        "out": str(folder / name),
        **changes,
    }


def sketch_recipe(folder: Path, **changes: object) -> LongAnimationSketchRecipe:
    return LongAnimationSketchRecipe.model_validate(stage(folder, "sketch", layers=1, **changes))


def dglm_recipe(folder: Path, **changes: object) -> LongAnimationDglmRecipe:
    values = {"head_dim": 16, "heads": 2, "trains_control": False} | changes
    return LongAnimationDglmRecipe.model_validate(stage(folder, "dglm", **values))


def toy_dglm() -> Dglm:
    torch.manual_seed(0)
    return Dglm(DglmSizes(32, 2, 16, 8, (8, 8)))


def color_recipe(folder: Path, **changes: object) -> LongAnimationColorRecipe:
    values = stage(folder, "color", control="-", memory_module="-", **changes)
    values |= {"vae": str(folder / "vae"), "long_video": str(folder / "long_video"), **toyset.PROMPT}
    return LongAnimationColorRecipe.model_validate(values)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def test_examples_hold_what_the_networks_are_given(toys: Path) -> None:
    example = ExampleSet(toys / "data", 0).at(0)
    assert example.clean.shape == (1, 4, 16, 4, 6)
    cond = example.cond
    assert cond.memory is not None
    assert cond.memory.whole.shape[:3] == (1, 2, 3)
    assert torch.equal(cond.image[:, :1], example.reference)
    assert not cond.image[:, 1:].any()
    torch.testing.assert_close(example.front, 0.7 * example.reference)
    assert ExampleSet(toys / "short", 0).at(0).cond.memory is None


def test_data_depend_on_the_recipe_alone_and_are_made_once(toys: Path, tmp_path: Path) -> None:
    prepare(toys, out=str(tmp_path))
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in (toys / "data").iterdir()}
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    prepare(toys, out=str(tmp_path))
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@settings(deadline=None)
@given(st.integers(163, 3000), st.integers(0, 50))
def test_a_window_has_its_whole_history_before_it(frames: int, number: int) -> None:
    recipe = LongAnimationDataRecipe(
        recipe="longanimation_data", clips="c", texts="t", vae="v", long_video="l", has_history=True
    )
    window = choose_window(ClipFacts("clip", frames, None, None), number, recipe)
    assert 81 <= window.start <= min(frames, 1000) - 81
    assert 0 <= window.reference < window.start


def test_earlier_references_are_likelier_without_a_history() -> None:
    recipe = LongAnimationDataRecipe(recipe="longanimation_data", clips="c", texts="t", vae="v")
    facts = ClipFacts("clip", 200, None, None)
    windows = [choose_window(facts, number, recipe) for number in range(200)]
    places = [window.reference - window.start for window in windows]
    assert min(places) >= 0
    assert max(places) < 81
    assert sum(place < 20 for place in places) > 2 * sum(place > 60 for place in places)


def test_clips_that_are_short_or_poor_are_left_out(toys: Path) -> None:
    recipe = data_recipe(toys, min_aesthetic=3.5, min_dynamic=1.0)
    assert [facts.name for facts in data.taken_clips(toys / "clips", recipe)] == ["toy0", "toy1"]
    reasons = [
        refusal(ClipFacts("a", frames, aesthetic, dynamic), recipe)
        for frames, aesthetic, dynamic in ((8, 5.0, 5.0), (16, 5.0, 5.0), (20, 3.0, 5.0), (20, 5.0, 0.5))
    ]
    assert reasons == [
        "8 frames, fewer than 9",
        "16 frames, window and history need 17",
        "aesthetic score 3.0, below 3.5",
        "dynamic score 0.5, below 1.0",
    ]
    with pytest.raises(ArtError, match="long and good enough"):
        data.taken_clips(toys / "clips", data_recipe(toys, min_frames=99))


def test_the_first_stage_lowers_its_loss_and_goes_on_where_it_stopped(toys: Path, tmp_path: Path) -> None:
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    control, *_ = stage1.train(sketch_recipe(toys, out=whole), report=SilentReporter())
    stage1.train(sketch_recipe(toys, out=parts, steps=3), report=SilentReporter())
    stage1.train(sketch_recipe(toys, out=parts, steps=6), report=SilentReporter())
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole")[:6], rel=1e-5)
    base = load_base(open_weights(toys / "transformer"), dtype=torch.float32)
    trained = load_sketch_dit(open_weights(control), dtype=torch.float32)
    fresh = SketchDiT.from_base(base, 1)
    before, after = (held_loss(Denoiser(net, None, base), toys / "short") for net in (fresh, trained))
    assert after < 0.9 * before


def test_the_second_stage_lowers_its_loss(toys: Path, tmp_path: Path) -> None:
    base = load_base(open_weights(toys / "transformer"), dtype=torch.float32)
    control, *_ = stage1.train(
        sketch_recipe(toys, out=str(tmp_path / "control"), steps=1), report=SilentReporter()
    )
    start = tmp_path / "start.safetensors"
    fresh = toy_dglm()
    save_file(DGLM.to_published(dict(fresh.state_dict())), start)
    recipe = dglm_recipe(
        toys, control=str(control), memory_module=str(start), steps=12, out=str(tmp_path / "dglm")
    )
    memory_module, *_ = stage2.train(recipe, report=SilentReporter())
    sketch_dit = load_sketch_dit(open_weights(control), dtype=torch.float32)
    trained = load_dglm(open_weights(memory_module), dtype=torch.float32, head_dim=16)
    before, after = (held_loss(Denoiser(sketch_dit, net, base), toys / "data") for net in (fresh, trained))
    assert after < 0.97 * before
    assert not (tmp_path / "dglm" / "control_module.safetensors").exists()


def test_a_new_memory_module_fits_the_memories_of_the_examples(toys: Path) -> None:
    module = stage2.memory_module(dglm_recipe(toys, control="-"), 32)
    assert module.sizes == DglmSizes(32, 2, 16, 8)
    assert not module.proj_out.any()


def test_the_third_stage_raises_its_reward(toys: Path) -> None:
    """With a reward one can compute by hand, since at this size no one can see colors: bright latents."""
    recipe = color_recipe(
        toys,
        denoising_steps=3,
        steps_with_gradient=2,
        films_per_example=6,
        guidance_scale=1.0,
        examples_per_step=1,
        learning_rate=1e-2,
    )
    base = load_base(open_weights(toys / "transformer"), dtype=torch.float32).requires_grad_(False)
    sketch_dit = SketchDiT.from_base(base, 1)
    networks = Denoiser(sketch_dit, toy_dglm(), base)
    run = Run(recipe, learners_of(networks, trains_control=True))
    step = reward_step(
        FilmPolicy(run, networks, recipe),
        ExampleSet(toys / "data", 0),
        lambda film, _example: float(film[:, 1:].mean()),
    )
    rewards: list[float] = []
    for _ in range(12):
        rewards.append(step()["reward"])
        run.finish_step()
    assert sum(rewards[-4:]) / 4 > sum(rewards[:4]) / 4 + 0.05


@torch.no_grad()
def test_the_closer_a_film_the_higher_its_reward(toys: Path) -> None:
    """The judge decodes a film, looks at it, and compares what it sees with the true film."""
    encoders = load_encoders(color_recipe(toys))
    judge = ColorJudge(encoders)
    example = ExampleSet(toys / "data", 0).at(0)
    seen = encoders.memory(encoders.features(encoders.coder.decode(example.film)))
    assert example.target is not None
    assert seen.shape == example.target.shape
    example = replace(example, target=seen)
    away = normal("away", example.clean.shape)
    near, far = (judge(example.clean + share * away, example) for share in (0.02, 1.0))
    assert judge(example.clean, example) == 0
    assert 0 > near > far


def test_color_reward_by_hand() -> None:
    true = torch.zeros(1, 2, 3, 4, 5)
    drawn = true.clone()
    drawn[:, 0, 0], drawn[:, 1, 2] = 1, 3
    assert color_reward(drawn, true) == -10
    assert color_reward(true, true) == 0


def test_advantages_by_hand() -> None:
    assert advantages([1.0, 3.0]) == [-1.0, 1.0]
    assert advantages([2.0, 2.0]) == [0.0, 0.0]


def test_the_policy_gradient_makes_good_draws_likelier() -> None:
    levels = NoiseLevels(SCHEDULER)
    latents, drawn = normal("latents", (1, 2, 16, 2, 2)), normal("drawn", (1, 2, 16, 2, 2))
    step = StepTaken(679, 699, normal("clean", latents.shape), latents, drawn)
    velocity = torch.zeros_like(latents).requires_grad_(True)
    before = levels.step_law(velocity, step, 50).log_density(drawn)
    loss = policy_gradient_loss(velocity, step, 1.0, levels=levels, n_steps=50)
    (direction,) = torch.autograd.grad(loss, velocity)
    assert levels.step_law(velocity - 0.1 * direction, step, 50).log_density(drawn) > before


def test_the_policy_gradient_is_the_one_worked_out_by_hand() -> None:
    """Two steps of a network that says the same number everywhere, rewarded for the film's own brightness.

    The first step starts from noise alone, so its mean is minus that number times the signal share s of the
    second; the second draws nothing and keeps the share s of what the first drew. The brightness thus falls
    by s squared for each one the number rises.
    """
    levels, number = NoiseLevels(SCHEDULER), torch.zeros((), requires_grad=True)
    first, second = levels.timesteps(2)
    generator = torch.Generator().manual_seed(0)
    n_films = 800
    for _ in range(n_films):
        latents, noise = torch.randn((2, 1, 1, 1, 1, 1), generator=generator)
        begin = StepTaken(first, None, None, latents, latents)
        with torch.no_grad():
            law = levels.step_law(number.expand_as(latents), begin, 2)
            drawn = law.mean + law.deviation * noise
            end = StepTaken(second, first, levels.denoised(number, latents, first), drawn, drawn)
            film = levels.step_law(number.expand_as(latents), end, 2).mean
        step = replace(begin, drawn=drawn)
        said = number.expand_as(latents)
        loss = policy_gradient_loss(said, step, float(film.mean()), levels=levels, n_steps=2)
        (loss / n_films).backward()
    assert number.grad is not None
    # What is learned by is minus the gradient.
    assert -float(number.grad) == pytest.approx(-float(levels.signal_power[second]), abs=0.04)


@pytest.mark.parametrize("place", [0, 1, 20, 48, 49])
def test_the_law_of_a_step_is_the_schedulers(place: int) -> None:
    levels, scheduler = NoiseLevels(SCHEDULER), CogVideoXDPMScheduler(**SCHEDULER)
    scheduler.set_timesteps(50)
    timesteps = levels.timesteps(50)
    assert timesteps == scheduler.timesteps.tolist()
    shape = (1, 2, 16, 2, 2)
    latents, velocity, clean = (normal(name, shape) for name in ("latents", "velocity", "clean"))
    before = timesteps[place - 1] if place else None
    theirs, believed = scheduler.step(
        velocity,
        clean if place else None,
        timesteps[place],
        before,
        latents,
        generator=torch.Generator().manual_seed(3),
        return_dict=False,
    )
    generator = torch.Generator().manual_seed(3)
    noise = [torch.randn(shape, generator=generator) for _ in range(2)]
    step = StepTaken(timesteps[place], before, clean if place else None, latents, latents)
    law = levels.step_law(velocity, step, 50)
    drawn = law.mean + law.deviation * noise[1 if 0 < place < 49 else 0]
    torch.testing.assert_close(drawn, theirs, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(levels.denoised(velocity, latents, timesteps[place]), believed)


def test_a_folder_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="no training examples"):
        ExampleSet(tmp_path, 0)
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(DeliveryError, match="is no training example"):
        ExampleSet(tmp_path, 0).at(0)


def test_an_example_without_history_cannot_be_rewarded(toys: Path) -> None:
    judge = ColorJudge(load_encoders(color_recipe(toys)))
    example: Example = ExampleSet(toys / "short", 0).at(0)
    with pytest.raises(ValueError, match="examples with a history"):
        judge(example.clean, example)
