"""Training ToonComposer's adapter at toy size: it learns, resumes, ships; its comparisons run."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.utils import DeepSpeedPlugin
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from toonctl.core.errors import ArtError, DeliveryError, EngineError, SpecError
from toonctl.core.reporter import SilentReporter
from toonctl.models.checkpoint import open_weights
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.tooncomposer import encoders
from toonctl.models.tooncomposer.published import load_transformer
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams, is_adapter
from toonctl.models.tooncomposer.vae import build_vae
from toonctl.spec.recipe import load_recipe
from toonctl.spec.recipe_tooncomposer import ToonComposerSlraRecipe
from toonctl.training.line_extractors import EXTRACTORS
from toonctl.training.losses import rectified_flow_mse
from toonctl.training.sharing import CLIP_NORM, zero2_config
from toonctl.training.sketch_data import SampleOptions, SketchSamples, find_films, random_mask
from toonctl.training.tooncomposer_slra import Run, draw_sigma, train

ROOT = Path(__file__).parents[2]
SIZE = (32, 48)
TOY = TransformerParams(
    n_heads=1,
    ffn_dim=128,
    n_layers=2,
    text_dim=16,
    freq_dim=32,
    image_dim=80,
    rank=None,
    sketch_channels=None,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy weights under their published names, and two films of a ball that rolls."""
    folder = tmp_path_factory.mktemp("world")
    torch.manual_seed(5)
    parts = {
        "base": (ToonComposerTransformer(TOY), TRANSFORMER),
        "vae": (build_vae(8), VAE),
        "image": (encoders.build_vision_encoder(encoders.VisionParams(80, 1, 2, 80)), CLIP_VISION),
        "text": (encoders.build_text_encoder(encoders.TextParams(20, 16, 16, 24, 2, 1)), UMT5),
    }
    for name, (model, key_map) in parts.items():
        tensors = key_map.to_published(dict(model.named_parameters()))
        save_file({k: t.detach().contiguous() for k, t in tensors.items()}, folder / f"{name}.safetensors")
    for film, color in (("one", (220, 60, 40)), ("two", (40, 90, 200))):
        place = folder / "films" / film / "color"
        place.mkdir(parents=True)
        (folder / "films" / film / "prompt.txt").write_text(f"a ball {film}")
        for i in range(9):
            picture(color, i).save(place / f"{film}.{i + 1:04d}.png")
    words = {"<pad>": 0, "a": 1, "ball": 2, "one": 3, "two": 4, "<unk>": 5, "</s>": 6}
    tokens = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 6)])
    PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="<pad>", unk_token="<unk>").save_pretrained(
        folder / "tokenizer"
    )
    return folder


def picture(color: tuple[int, int, int], index: int) -> Image.Image:
    """A ball with an outline over transparent paper, further right with every frame."""
    y, x = np.mgrid[: 2 * SIZE[0], : 2 * SIZE[1]]
    distance = np.hypot(y - 32, x - 14 - 8 * index)
    art = np.zeros((2 * SIZE[0], 2 * SIZE[1], 4), np.uint8)
    art[distance < 18] = (*color, 255)
    art[abs(distance - 18) < 1.5] = (0, 0, 0, 255)
    return Image.fromarray(art)


def recipe(world: Path, out: Path, **changes: object) -> ToonComposerSlraRecipe:
    values: dict[str, object] = {
        "recipe": "tooncomposer_slra",
        "data": str(world / "films"),
        **{name: str(world / f"{name}.safetensors") for name in ("base", "vae", "image")},
        "steps": 2,
        "warmup_steps": 0,
        "samples_per_step": 2,
        "frames": 9,
        "height": SIZE[0],
        "width": SIZE[1],
        "rank": 24,
        "learning_rate": 2e-3,
        "seed": 3,
        "device": "cpu",
        "precision": "float32",
        "out": str(out),
    }
    return ToonComposerSlraRecipe.model_validate({**values, **changes})


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in log(folder)]


def test_the_loss_falls(world: Path, tmp_path: Path) -> None:
    """The same eight samples before and after: their mean loss, noise and timesteps alike."""
    toy = recipe(world, tmp_path, steps=8, learning_rate=2e-2)
    films = find_films(Path(toy.data), toy.frames)
    run = Run(toy, films)
    samples = SketchSamples(films, OPTIONS, toy.seed)
    examples = [(run.coder.encode(samples[i]), i) for i in range(900, 908)]

    def mean() -> float:
        with torch.no_grad():
            return sum(float(run.loss(example, i)[0]) for example, i in examples) / len(examples)

    before = mean()
    for _ in range(toy.steps):
        run.train_step(samples)
    assert mean() < 0.9 * before


OPTIONS = SampleOptions(9, SIZE, 1, 1, 2, 0.2, 0.9, tuple(EXTRACTORS))


def test_a_run_goes_on_where_it_stopped(world: Path, tmp_path: Path) -> None:
    train(recipe(world, tmp_path / "whole", steps=3), report=SilentReporter())
    train(recipe(world, tmp_path / "parts", steps=1), report=SilentReporter())
    train(recipe(world, tmp_path / "parts", steps=3), report=SilentReporter())
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    first, second = ((tmp_path / name / "state.safetensors").read_bytes() for name in ("whole", "parts"))
    assert first == second
    other = recipe(world, tmp_path / "parts", steps=4, rank=48)
    with pytest.raises(DeliveryError, match="another network"):
        train(other, report=SilentReporter())


def test_what_is_shipped_loads_as_the_published_adapter(world: Path, tmp_path: Path) -> None:
    train(recipe(world, tmp_path, steps=1), report=SilentReporter())
    base = open_weights(world / "base.safetensors")
    loaded = load_transformer(base, open_weights(tmp_path / "tooncomposer.safetensors"), dtype=torch.float32)
    assert loaded.params.rank == 24
    frozen = {name: p for name, p in loaded.named_parameters() if not is_adapter(name)}
    assert all(frozen[TRANSFORMER.our_names(k)[0]].equal(base.read(k)) for k in base.shapes)
    assert any(p.any() for name, p in loaded.named_parameters() if name.endswith("up.weight"))


def test_training_can_begin_with_an_adapter(world: Path, tmp_path: Path) -> None:
    train(recipe(world, tmp_path / "first", steps=1), report=SilentReporter())
    start = str(tmp_path / "first" / "tooncomposer.safetensors")
    train(recipe(world, tmp_path / "next", steps=1, start=start), report=SilentReporter())
    assert losses(tmp_path / "next") != losses(tmp_path / "first")


@pytest.mark.parametrize(
    "changes",
    [
        {"adapter": "temporal"},
        {"adapter": "lora"},
        {"position": "appended", "residual": False},
        {"injection": "channels"},
        {"precision": "bfloat16"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_the_papers_comparisons_train(changes: dict[str, object], world: Path, tmp_path: Path) -> None:
    train(recipe(world, tmp_path, steps=2, **changes), report=SilentReporter())
    assert [row["grad_norm"] > 0 for row in log(tmp_path)] == [True, True]
    assert all(np.isfinite(losses(tmp_path)))


def test_words_are_encoded_once_and_seen(world: Path, tmp_path: Path) -> None:
    words = {"text": str(world / "text.safetensors"), "tokenizer": str(world / "tokenizer")}
    toy = recipe(world, tmp_path, text_share=1.0, **words)
    films = find_films(Path(toy.data), toy.frames)
    texts = Run(toy, films).coder.texts
    assert set(texts) == {"", "a ball one", "a ball two"}
    assert not texts["a ball one"].equal(texts["a ball two"])
    assert texts["a ball one"][:, 4:].eq(0).all()


def test_samples_depend_on_seed_and_number_alone(world: Path) -> None:
    films = find_films(world / "films", 9)
    first, again = (SketchSamples(films, OPTIONS, 11)[7] for _ in range(2))
    assert first.video.equal(again.video)
    assert first.references == again.references
    assert all(first.sketches[i].equal(again.sketches[i]) for i in first.sketches)
    found = [SketchSamples(films, OPTIONS, 11)[i] for i in range(30)]
    assert {len(sample.sketches) for sample in found} == {1, 2}
    assert {sample.film for sample in found} == {0, 1}
    assert any(sample.masks for sample in found)
    for sample in found:
        assert sample.references[0] == 0
        for place, mask in sample.masks.items():
            hidden = sample.sketches[place][:, mask == 0]
            assert hidden.eq(-1).all(), "a free region shows no sketch"


def test_films_without_enough_frames_are_left_out(world: Path) -> None:
    with pytest.raises(ArtError, match="no film of 13"):
        find_films(world / "films", 13)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_extractor_draws_the_outline(name: str) -> None:
    art = np.full((64, 96, 3), 255, np.uint8)
    y, x = np.mgrid[:64, :96]
    distance = np.hypot(y - 32, x - 48)
    art[distance < 20] = (230, 120, 60)
    art[abs(distance - 20) < 1.2] = 10
    lines = EXTRACTORS[name](art)
    assert lines.shape == (64, 96)
    near, far = abs(distance - 20) < 2.5, abs(distance - 20) > 6
    assert lines[near].min() < 128
    assert lines[far].min() > 200
    assert EXTRACTORS[name](np.full((64, 96, 3), 90, np.uint8)).min() > 200, "flat paint is paper"


def test_masks_leave_something_and_hide_something() -> None:
    rng = np.random.default_rng(0)
    shares = [random_mask(rng, (40, 60)).mean() for _ in range(50)]
    assert 0 <= min(shares) < max(shares) < 1


def test_timesteps_are_logit_normal(world: Path, tmp_path: Path) -> None:
    """Half of all levels lie below the middle, and 68 % within one deviation of the logit."""
    generator = torch.Generator().manual_seed(0)
    draw = partial(draw_sigma, recipe(world, tmp_path))
    sigmas = torch.stack([draw(generator) for _ in range(4000)])
    assert float((sigmas < 0.5).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert float((sigmas.logit().abs() < 1).float().mean()) == pytest.approx(0.683, abs=0.03)
    moved = draw_sigma(recipe(world, tmp_path, shift=5.0), torch.Generator().manual_seed(0))
    assert float(moved) == pytest.approx(float(5 * sigmas[0] / (1 + 4 * sigmas[0])))


def test_flow_loss_by_hand() -> None:
    data, noise = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 2.0])
    assert float(rectified_flow_mse(torch.tensor([3.0, 0.0]), data, noise)) == 0
    assert float(rectified_flow_mse(torch.tensor([1.0, 1.0]), data, noise)) == (4 + 1) / 2


def test_zero2_names_its_package(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", None)  # whether it is installed here or not
    toy = recipe(world, tmp_path, zero2=True)
    with pytest.raises(EngineError, match="needs the package `deepspeed`") as raised:
        train(toy, report=SilentReporter())
    assert raised.value.problems[0].hint == "pip install 'toonctl[deepspeed]'"


def test_zero2_is_set_up_without_anything_left_open() -> None:
    plugin = DeepSpeedPlugin(hf_ds_config=dict(zero2_config(4)))
    assert plugin.zero_stage == 2
    assert plugin.deepspeed_config["train_micro_batch_size_per_gpu"] == 1
    assert plugin.gradient_accumulation_steps == 4
    assert plugin.gradient_clipping == CLIP_NORM
    assert plugin.deepspeed_config["bf16"] == {"enabled": False}
    assert "auto" not in json.dumps({**plugin.deepspeed_config, "steps_per_print": 0})


def test_samples_that_do_not_fall_evenly_are_refused(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(EngineError, match="do not fall evenly on 3 GPUs"):
        train(recipe(world, tmp_path, samples_per_step=4), report=SilentReporter())


def test_recipes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    text = (ROOT / "presets/train/tooncomposer-slra.toml").read_text("utf-8")
    assert isinstance(load_recipe(ROOT / "presets/train/tooncomposer-slra.toml"), ToonComposerSlraRecipe)
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace("frames = 61", "frames = 60").replace("tokenizer =", "# "), "utf-8")
    with pytest.raises(SpecError, match="60 is not 4 n") as caught:
        load_recipe(path)
    assert len(caught.value.problems) == 2
