"""ToonCrafter's trainings at toy size: data, losses that fall, adapters, students, runs that go on."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from goldens.tooncrafter import filled, tiny_params
from toonctl.core.errors import ArtError, CheckFailed, CheckpointError, DeliveryError
from toonctl.core.reporter import SilentReporter
from toonctl.models.checkpoint import empty_model
from toonctl.models.keymaps.tooncrafter import tooncrafter_map
from toonctl.models.lpips import Lpips
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.models.tooncrafter.params import UNetParams
from toonctl.models.tooncrafter.sampler import Step
from toonctl.models.tooncrafter.schedule import Noising, grid
from toonctl.models.tooncrafter.student import student_params, warm_start
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.watch import CLEAN_DEVIATION, LatentWatch
from toonctl.spec.recipe import load_recipe
from toonctl.spec.recipe_tooncrafter import (
    ToonCrafterKdRecipe,
    ToonCrafterLoraRecipe,
    ToonCrafterSweepRecipe,
)
from toonctl.training import tooncrafter_kd, tooncrafter_lora, tooncrafter_sweep
from toonctl.training.tooncrafter_data import find_clips, in_turn, read_fit
from toonctl.training.tooncrafter_examples import Encoder, choose_dropped, load_frozen
from toonctl.training.tooncrafter_losses import edge_pyramid, min_snr_weight, picture_loss, velocity_loss

SIZES = tiny_params({"nrb": 2, "t_layers": 2, "v_layers": 1, "rs_depth": 1})
PRESETS = Path(__file__).parents[2] / "presets" / "train"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file of ToonCrafter at toy size."""
    empty = empty_model(lambda: ToonCrafter(SIZES)).state_dict()
    shapes = tooncrafter_map(SIZES.text.n_layers).to_published(empty)
    tensors = {key: filled(key, tuple(x.shape), "fan") for key, x in shapes.items()}
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_file(tensors, path, {"toonctl.params": SIZES.to_json()})
    return path


@pytest.fixture(scope="module")
def atd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Triplets as ATD-12K keeps them: a disk that crosses the picture."""
    root = tmp_path_factory.mktemp("atd")
    for number in range(6):
        folder = root / "train_10k" / f"clip{number}"
        folder.mkdir(parents=True)
        for i in (1, 2, 3):
            draw_disk(folder / f"frame{i}.png", 4 + 7 * i, number)
    tags = root / "train_10k_annotations" / "clip0"
    tags.mkdir(parents=True)
    (tags / "clip0.json").write_text(json.dumps({"general_motion_type": "a disk rolls"}))
    return root


def draw_disk(path: Path, x: int, number: int) -> None:
    picture = Image.new("RGB", (40, 24), (40 * number, 200, 255 - 30 * number))
    ImageDraw.Draw(picture).ellipse((x - 6, 6, x + 6, 18), fill=(230, 20 * number, 40))
    picture.save(path)


def values(toy: Path, data: Path, out: Path) -> dict[str, object]:
    return {
        "weights": str(toy),
        "data": str(data),
        "width": 32,
        "height": 16,
        "steps": 2,
        "clips_per_step": 1,
        "learning_rate": 5e-3,
        "validation_share": 0.4,
        "pixel_below": 500,
        "pixel_crop": 2,
        "saves_memory": False,
        "seed": 3,
        "device": "cpu",
        "precision": "float32",
        "out": str(out),
    }


def lora(toy: Path, data: Path, out: Path, **changes: object) -> ToonCrafterLoraRecipe:
    own = {"recipe": "tooncrafter_lora", "rank": 4, "alpha": 4, "dropout": 0.0}
    return ToonCrafterLoraRecipe.model_validate({**values(toy, data, out), **own, **changes})


def kd(toy: Path, data: Path, out: Path, **changes: object) -> ToonCrafterKdRecipe:
    return ToonCrafterKdRecipe.model_validate(
        {**values(toy, data, out), "recipe": "tooncrafter_kd", "learning_rate": 1e-3, **changes}
    )


def log(out: Path) -> list[Mapping[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]


def test_triplets_are_found_with_their_tags(toy: Path, atd: Path, tmp_path: Path) -> None:
    clips = find_clips(lora(toy, atd, tmp_path), 16)
    both = {clip.name: clip for clip in (*clips.taught, *clips.held_back)}
    assert sorted(both) == [f"clip{i}" for i in range(6)]
    assert both["clip0"].prompt == "a disk rolls"
    assert both["clip1"].prompt == "a cartoon animation frame"
    assert clips.held_back
    assert find_clips(lora(toy, atd, tmp_path), 16) == clips
    places = {both["clip0"].places(16, torch.Generator().manual_seed(i)) for i in range(8)}
    assert places == {(0, 7, 15), (0, 8, 15)}


def test_sequences_are_cut_into_windows_that_share_their_ends(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips" / "walk"
    folder.mkdir(parents=True)
    for i in range(8):
        draw_disk(folder / f"{i:04}.png", 4 + 3 * i, 1)
    recipe = lora(toy, tmp_path / "clips", tmp_path, layout="sequences", validation_share=0.0)
    names = [[path.stem for path in clip.paths] for clip in find_clips(recipe, 4).taught]
    assert names == [["0000", "0001", "0002", "0003"], ["0003", "0004", "0005", "0006"]]


def test_an_empty_folder_is_refused(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtError, match="no triplets to learn from"):
        find_clips(lora(toy, tmp_path, tmp_path), 16)


def test_pictures_cover_the_size(atd: Path) -> None:
    picture = read_fit(atd / "train_10k" / "clip1" / "frame1.png", (32, 16))
    assert picture.shape == (3, 16, 32)
    assert -1 <= float(picture.min()) < float(picture.max()) <= 1


def test_every_clip_comes_before_any_comes_again(toy: Path, atd: Path, tmp_path: Path) -> None:
    clips = find_clips(lora(toy, atd, tmp_path, validation_share=0.0), 16).taught
    seen = [clip.name for step in range(3) for clip in in_turn(clips, step, 2, 7)]
    assert sorted(seen) == sorted(clip.name for clip in clips)


def test_only_known_frames_are_judged() -> None:
    velocity, target = torch.zeros(1, 4, 5, 2, 2), torch.zeros(1, 4, 5, 2, 2)
    target[:, :, 1] = 9
    known = torch.tensor([True, False, True, False, True])
    assert float(velocity_loss(velocity, target, known)) == 0
    assert float(velocity_loss(velocity, target, ~known)) == pytest.approx(40.5)
    assert float(velocity_loss(velocity, target, ~known, is_l1=True)) == pytest.approx(4.5)


def test_bright_steps_count_less() -> None:
    noising = Noising.published()
    weights = [min_snr_weight(noising, torch.tensor([t]), 5.0) for t in (0, 50, 150, 999)]
    assert weights[0] < weights[1] < weights[2]
    assert 0 < weights[3] < weights[2]
    assert min_snr_weight(noising, torch.tensor([0]), 0) == 1


def test_edges_are_compared_at_several_sizes() -> None:
    frames = torch.zeros(1, 3, 16, 16)
    line = frames.clone()
    line[..., 8:] = 1
    assert float(edge_pyramid(frames, frames)) == 0
    assert float(edge_pyramid(frames + 0.5, frames)) == pytest.approx(0, abs=1e-6)
    assert float(edge_pyramid(frames, line)) > 0.02


def test_pictures_are_compared_by_lpips_where_its_weights_are(toy: Path, atd: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Lpips("vgg")
    features = {key: x for key, x in network.state_dict().items() if key.startswith("features.")}
    heads = {
        f"lin{i}.model.1.weight": x.abs()
        for i, x in enumerate(x for key, x in network.state_dict().items() if key.startswith("heads."))
    }
    save_file(features, tmp_path / "vgg16.safetensors")
    save_file(heads, tmp_path / "heads.safetensors")
    named = {"lpips_features": str(tmp_path / "vgg16.safetensors"), "pixel_crop": 8}
    recipe = lora(toy, atd, tmp_path, **named, lpips_heads=str(tmp_path / "heads.safetensors"))
    compare, frames = picture_loss(recipe), torch.rand(1, 3, 64, 64, requires_grad=True)
    loss = compare(frames, torch.zeros(1, 3, 64, 64))
    loss.backward()
    assert float(loss.detach()) > 0
    assert frames.grad is not None
    assert float(frames.grad.abs().max()) > 0
    with pytest.raises(ValidationError, match="features and its heads"):
        lora(toy, atd, tmp_path, **named)


def test_conditions_are_dropped_by_their_shares(toy: Path, atd: Path, tmp_path: Path) -> None:
    recipe = lora(toy, atd, tmp_path, drop_text=0.2, drop_image=0.3, drop_both=0.1)
    generator = torch.Generator().manual_seed(0)
    seen = [choose_dropped(recipe, generator) for _ in range(2000)]
    assert seen.count("text") / 2000 == pytest.approx(0.2, abs=0.03)
    assert seen.count("image") / 2000 == pytest.approx(0.3, abs=0.03)
    assert seen.count("both") / 2000 == pytest.approx(0.1, abs=0.03)


def test_an_example_is_as_the_network_was_trained(toy: Path, atd: Path, tmp_path: Path) -> None:
    recipe = lora(toy, atd, tmp_path)
    encoder = Encoder(load_frozen(recipe), recipe)
    clip = find_clips(recipe, 4).taught[0]
    example = encoder.example(clip, torch.Generator().manual_seed(1))
    assert example.known.sum() == 3
    assert bool((example.beside[:, :, 1:3] == 0).all())
    torch.testing.assert_close(example.beside[:, :, 0], example.latents[:, :, 0])
    shown = encoder.noised(example, 900, torch.Generator().manual_seed(2))
    torch.testing.assert_close(shown.clean, example.latents * 0.7)
    seen = encoder.noising.denoised(shown.noisy, shown.target, shown.timestep)
    torch.testing.assert_close(seen, shown.clean, atol=1e-4, rtol=1e-3)
    bare = encoder.example(clip, torch.Generator().manual_seed(1), "both")
    assert not torch.equal(bare.context, example.context)
    torch.testing.assert_close(bare.latents, example.latents)


def test_an_adapter_learns_and_leaves_peft_files(toy: Path, atd: Path, tmp_path: Path) -> None:
    recipe = lora(toy, atd, tmp_path, steps=12, validate_every=6, targets="image", drop_text=0, snr_limit=0)
    files = tooncrafter_lora.train(recipe, report=SilentReporter())
    lines = log(tmp_path)
    held_back = [line["validation"] for line in lines if "validation" in line]
    assert held_back[-1] < held_back[0]
    assert sum(line["latent"] for line in lines[-6:]) < sum(line["latent"] for line in lines[:6])
    assert any(line.get("pixel", 0) > 0 for line in lines)
    assert all(path.exists() for path in files)
    tensors, config = load_file(files[0]), json.loads(files[1].read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 4)
    assert all(".attn2." in name and ".lora_" in name for name in tensors)
    assert {"temopral_conv", "init_attn"}.isdisjoint("".join(tensors).split("."))


def test_a_run_goes_on_where_it_stopped(toy: Path, atd: Path, tmp_path: Path) -> None:
    tooncrafter_lora.train(lora(toy, atd, tmp_path / "whole", steps=2), report=SilentReporter())
    tooncrafter_lora.train(lora(toy, atd, tmp_path / "parts", steps=1), report=SilentReporter())
    tooncrafter_lora.train(lora(toy, atd, tmp_path / "parts", steps=2), report=SilentReporter())
    whole, parts = (
        load_file(tmp_path / "whole" / "state.safetensors"),
        load_file(tmp_path / "parts" / "state.safetensors"),
    )
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=1e-6, rtol=1e-5)
    with pytest.raises(DeliveryError, match="of another network"):
        tooncrafter_lora.train(lora(toy, atd, tmp_path / "parts", rank=2), report=SilentReporter())


def test_recomputed_stages_change_no_gradient(toy: Path, atd: Path, tmp_path: Path) -> None:
    for name, saves in (("a", False), ("b", True)):
        recipe = lora(toy, atd, tmp_path / name, steps=1, saves_memory=saves)
        tooncrafter_lora.train(recipe, report=SilentReporter())
    a, b = (load_file(tmp_path / name / "adapter_model.safetensors") for name in "ab")
    for name, tensor in a.items():
        torch.testing.assert_close(b[name], tensor, atol=1e-6, rtol=1e-4)


def test_strengths_are_tried_out(toy: Path, atd: Path, tmp_path: Path) -> None:
    tooncrafter_lora.train(lora(toy, atd, tmp_path / "lora"), report=SilentReporter())
    shared = {
        key: value
        for key, value in values(toy, atd, tmp_path / "sweep").items()
        if key in ToonCrafterSweepRecipe.model_fields
    }
    own = {"recipe": "tooncrafter_sweep", "adapter": str(tmp_path / "lora"), "scales": [0.0, 1.0]}
    recipe = ToonCrafterSweepRecipe.model_validate({**shared, **own, "num_inference_steps": 2})
    (table,) = tooncrafter_sweep.train(recipe, report=SilentReporter())
    rows = list(csv.reader(table.read_text("utf-8").splitlines()))
    assert rows[0] == ["scale", "psnr_db"]
    assert [row[0] for row in rows[1:]] == ["0.0", "1.0"]
    assert rows[1][1] != rows[2][1]
    with pytest.raises(CheckpointError, match="holds no adapter"):
        tooncrafter_sweep.train(
            recipe.model_copy(update={"adapter": str(tmp_path / "none")}), report=SilentReporter()
        )


def test_a_student_takes_over_what_it_can() -> None:
    torch.manual_seed(0)
    teacher = UNet(SIZES.unet)
    student = UNet(student_params(SIZES.unet, "thin"))
    assert set(warm_start(student, teacher)) == set(student.state_dict())
    assert torch.equal(
        student.state_dict()["output_blocks.1.2.proj_in.weight"],
        teacher.state_dict()["output_blocks.2.2.proj_in.weight"],
    )
    with pytest.raises(ValueError, match="two blocks a level"):
        student_params(student_params(SIZES.unet, "thin"), "thin")


@pytest.mark.parametrize(("kind", "n_numbers", "n_copied"), [("v1", 238_804_132, 1), ("v2", 374_246_180, 22)])
def test_narrow_students_are_as_stated(kind: str, n_numbers: int, n_copied: int) -> None:
    with torch.device("meta"):
        teacher, student = UNet(UNetParams()), UNet(student_params(UNetParams(), kind))
    assert sum(parameter.numel() for parameter in student.parameters()) == n_numbers
    assert len(warm_start(student, teacher)) == n_copied


def test_a_student_comes_nearer_to_its_teacher(toy: Path, atd: Path, tmp_path: Path) -> None:
    recipe = kd(toy, atd, tmp_path, steps=12, validate_every=4)
    weights, copied, _ = tooncrafter_kd.train(recipe, report=SilentReporter())
    lines = log(tmp_path)
    assert all(min(line[name] for line in lines) > 0 for name in ("rgb", "perceptual", "latent", "noise"))
    for name in ("velocity", "latent", "noise"):
        held_back = [line[f"validation_{name}"] for line in lines if f"validation_{name}" in line]
        assert held_back[-1] < held_back[0]
    assert len(json.loads(copied.read_text())["copied"]) == len(load_file(weights))


def test_one_step_can_be_worth_two(toy: Path, atd: Path, tmp_path: Path) -> None:
    recipe = kd(toy, atd, tmp_path, steps_from=8)
    encoder = Encoder(load_frozen(recipe), recipe)
    example = encoder.example(find_clips(recipe, 4).taught[0], torch.Generator().manual_seed(1))
    steps = grid(8, eta=0.0)
    for upper in (1, 3, 7):
        shown = encoder.noised(example, int(steps.timesteps[upper]), torch.Generator().manual_seed(2))
        with torch.no_grad():
            told = shown.say(encoder.model.unet)
            taught = tooncrafter_kd.two_steps_as_one(shown, told, encoder, (steps, upper))
            twice = two_ddim_steps(encoder, shown.noisy, example, upper)
        signal, after = steps.signal[upper], steps.signal_before[upper - 1]
        clean = encoder.noising.denoised(shown.noisy, taught, shown.timestep)
        noise = encoder.noising.noise(shown.noisy, taught, shown.timestep)
        rescale = float(steps.rescale[upper] * steps.rescale[upper - 1])
        once = after.sqrt() * rescale * clean + (1 - after).sqrt() * noise
        torch.testing.assert_close(once, twice, atol=2e-4, rtol=1e-3)
        assert float(signal) < 1


def two_ddim_steps(encoder: Encoder, noisy: Tensor, example: object, upper: int) -> Tensor:
    steps = grid(8, eta=0.0)
    for index in (upper, upper - 1):
        at = steps.timesteps[index].expand(1)
        seen = torch.cat([noisy, example.beside], 1)  # type: ignore[attr-defined]  # an Example
        velocity = encoder.model.unet(
            seen,
            at,
            example.context,  # type: ignore[attr-defined]
            frame_stride=example.frame_stride,  # type: ignore[attr-defined]
        )
        clean = encoder.noising.denoised(noisy, velocity, at) * steps.rescale[index]
        noise = encoder.noising.noise(noisy, velocity, at)
        before = steps.signal_before[index]
        noisy = before.sqrt() * clean + (1 - before).sqrt() * noise
    return noisy


@pytest.mark.parametrize("name", ["lora", "sweep", "kd"])
def test_presets_are_recipes(name: str) -> None:
    path = PRESETS / f"tooncrafter-{name}.toml"
    assert path.read_text().startswith(f"# toonctl train presets/train/tooncrafter-{name}.toml\n")
    assert load_recipe(path)


def watched(denoised: Tensor, timestep: int = 200) -> Step:
    return Step(3, timestep, denoised.clone(), denoised, denoised)


def test_a_collapse_is_noticed() -> None:
    generator = torch.Generator().manual_seed(0)
    good = CLEAN_DEVIATION * torch.randn(1, 4, 6, 8, 8, generator=generator)
    watch = LatentWatch(good)
    seen = watch.look(watched(good))
    assert seen.denoised_std == pytest.approx(CLEAN_DEVIATION, rel=0.1)
    assert len(seen.frames_std) == 6
    with pytest.raises(CheckFailed, match=r"a picture's is near 0\.7"):
        watch.look(watched(0.1 * good))
    assert watch.look(watched(0.1 * good, timestep=900)).timestep == 900
    with pytest.raises(CheckFailed, match="nothing moves"):
        watch.look(watched(good[:, :, :1].expand(-1, -1, 6, -1, -1)))
    broken = good.clone()
    broken[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckFailed, match="are no numbers"):
        watch.look(watched(broken))
    assert len(watch.figures) == 5
