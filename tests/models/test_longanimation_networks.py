"""LongAnimation's networks: what they share with diffusers' classes, and what each part is for."""

import pytest
import torch
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXTransformer3DModel

from goldens.values import normal
from models import longanimation_toys as toys
from toonctl.models.longanimation.cogvideox import SketchDiT
from toonctl.models.longanimation.denoiser import FilmMemory, SegmentCond
from toonctl.models.longanimation.dglm import N_LAYERS
from toonctl.models.longanimation.line_extractor import LineExtractor, sketch_of
from toonctl.models.longanimation.vision import FrameReader, VisionSizes, clip_pixels

TIMESTEP = torch.tensor([519])


@torch.no_grad()
def test_without_a_signal_the_base_is_diffusers_own() -> None:
    ours = toys.base()
    stock = CogVideoXTransformer3DModel(**toys.TOY, num_layers=3).eval()
    stock.load_state_dict(ours.state_dict(), strict=True)
    video, text = normal("video", (1, 4, 32, 4, 6)), toys.texts()[1]
    rotary = ours.rotary(4, 4, 6)
    theirs = stock(video, text, TIMESTEP, ofs=torch.tensor([2.0]), image_rotary_emb=rotary).sample
    assert torch.equal(ours(video, text=text, timestep=TIMESTEP, rotary=rotary), theirs)


def test_the_signal_comes_in_after_every_second_block() -> None:
    signal = torch.ones(1, 12, 32)
    assert [extra is not None for extra in toys.base(5).skip_layers(signal, 0.5)] == [
        True,
        False,
        True,
        False,
        True,
    ]


@torch.no_grad()
def test_a_fresh_control_network_changes_nothing() -> None:
    """Its last layer starts at zero, so training starts from the base model's own film."""
    fresh = SketchDiT(**toys.TOY, num_layers=1).eval()
    given = toys.cond()
    signal = fresh(
        given.sketch, given.image, text=toys.texts()[1], timestep=TIMESTEP, rotary=fresh.rotary(4, 4, 6)
    )
    assert signal.shape == (1, 12, 32)
    assert not signal.any()


def test_a_model_with_an_ofs_embedding_must_be_given_one() -> None:
    with pytest.raises(ValueError, match="give ofs"):
        toys.base().embed(normal("video", (1, 4, 32, 4, 6)), toys.texts()[1], TIMESTEP, ofs=None)


@torch.no_grad()
def test_gradient_checkpointing_changes_no_value() -> None:
    given, model = toys.cond(), toys.sketch_dit()
    arguments = {"text": toys.texts()[1], "timestep": TIMESTEP, "rotary": model.rotary(4, 4, 6)}
    plain = model(given.sketch, given.image, **arguments)
    model.enable_gradient_checkpointing()
    with torch.enable_grad():
        saved = model(given.sketch, given.image, **arguments)
    assert torch.equal(plain, saved)


@torch.no_grad()
def test_memory_is_projected_once_for_both_guidance_halves_and_all_steps() -> None:
    dglm = toys.dglm()
    memory = toys.cond(has_memory=True).memory
    assert memory is not None
    projected = dglm.project(memory.whole, memory.recent)
    assert [keys.shape for keys, _ in projected.layers] == [(1, 2, 14, 16)] * N_LAYERS
    signal = normal("signal", (2, 12, 32))
    both = dglm(signal, projected)
    one = torch.cat([dglm(half, projected) for half in signal.split(1)])
    torch.testing.assert_close(both, one)


@torch.no_grad()
def test_it_does_not_matter_which_part_of_the_memory_comes_first() -> None:
    dglm, memory = toys.dglm(), toys.cond(has_memory=True).memory
    assert memory is not None
    signal = normal("signal", (1, 12, 32))
    there = dglm(signal, dglm.project(memory.whole, memory.recent))
    back = dglm(signal, dglm.project(memory.recent, memory.whole))
    torch.testing.assert_close(there, back, atol=1e-5, rtol=1e-5)


def test_a_memory_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a memory is \[1, 2, 3, L, C\], not \[1, 2, 2, 9, 16\]"):
        toys.dglm().project(normal("two layers", (1, 2, 2, 9, 16)))


@torch.no_grad()
def test_the_memory_matters_to_the_velocity() -> None:
    networks, noisy = toys.denoiser(), normal("noisy", (1, 4, 16, 4, 6))
    with_memory = toys.cond(has_memory=True)
    without = SegmentCond(with_memory.image, with_memory.sketch)
    first, later = (
        networks.bind(given)(noisy, TIMESTEP, toys.texts()[1]) for given in (without, with_memory)
    )
    assert (first - later).abs().max() > 0.1


@torch.no_grad()
def test_a_sketch_has_lines_at_one_and_paper_at_minus_one() -> None:
    drawings = torch.tensor([0.0, 0.5, 0.78, 0.79, 1.0]).reshape(1, 1, 1, 5)
    assert sketch_of(drawings)[0, :, 0].tolist() == [[1, 1, 1, -1, -1]] * 3


@torch.no_grad()
def test_the_line_extractor_keeps_size_and_range() -> None:
    drawings = LineExtractor(width=4).eval()(
        torch.rand(2, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    )
    assert drawings.shape == (2, 1, 20, 32)
    assert drawings.min() >= 0
    assert drawings.max() <= 1


@torch.no_grad()
def test_a_frame_becomes_a_quarter_of_its_patches() -> None:
    reader = FrameReader(VisionSizes(16, 32, 3, 2, 56, 14, 24)).eval()
    frames = torch.rand(2, 3, 40, 72, generator=torch.Generator().manual_seed(0))
    assert reader(frames).shape == (2, reader.sizes.tokens_per_frame, 24) == (2, 4, 24)
    assert VisionSizes().tokens_per_frame == 144


def test_clip_sees_the_middle_square() -> None:
    frames = torch.zeros(1, 3, 40, 80)
    frames[:, :, :, 20:60] = 1
    pixels = clip_pixels(frames, 40)
    assert pixels.shape == (1, 3, 40, 40)
    torch.testing.assert_close(
        pixels[0, :, 20, 20], torch.tensor([1.9303, 2.0749, 2.1459]), atol=1e-3, rtol=0
    )
    assert pixels[0, 0].std() < 1e-4


@torch.no_grad()
def test_bfloat16_stays_close_to_float32() -> None:
    given, (_, text) = toys.cond(has_memory=True), toys.texts()
    noisy = normal("noisy", given.image.shape)
    truth = toys.denoiser().bind(given)(noisy, TIMESTEP, text)
    networks = toys.denoiser()
    for network in (networks.sketch_dit, networks.dglm, networks.base):
        assert network is not None
        torch.nn.Module.to(network, torch.bfloat16)
    assert given.memory is not None
    memory = FilmMemory(given.memory.whole.bfloat16(), given.memory.recent.bfloat16())
    halved = SegmentCond(given.image.bfloat16(), given.sketch.bfloat16(), memory)
    seen = networks.bind(halved)(noisy.bfloat16(), TIMESTEP, text.bfloat16()).float()
    assert float(10 * torch.log10(truth.pow(2).mean() / (seen - truth).pow(2).mean())) > 28
