"""Sampling a segment: guidance, fusion, slots, draws, and the clean seam an engine calls."""

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import AutoencoderKLCogVideoX
from torch import Tensor

from goldens.values import normal
from models import longanimation_toys as toys
from toonctl.models.longanimation.coder import LatentCoder
from toonctl.models.longanimation.denoiser import SegmentCond
from toonctl.models.longanimation.film import (
    PreparedSegment,
    SegmentPast,
    draw_segment,
    film_latents,
    n_slots,
    place_reference,
    with_front,
)
from toonctl.models.longanimation.sampling import (
    Fusion,
    Keep,
    SampledSegment,
    Schedule,
    SegmentTask,
    guided,
    sample_segment,
)
from toonctl.models.longanimation.segments import plan_segments

SCHEDULE = Schedule(toys.SCHEDULER, steps=4)
NOISE = normal("noise", (1, 6, 16, 4, 6))


def still(noisy: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
    """A network that says the same whatever it is asked."""
    return 0.1 * noisy + text.mean((1, 2))[:, None, None, None, None]


def task(**changes: object) -> SegmentTask:
    values: dict[str, object] = {"generator": torch.Generator().manual_seed(1), "texts": toys.texts()}
    return SegmentTask(NOISE, **(values | changes))  # type: ignore[arg-type]


@torch.no_grad()
def test_guidance_halves_together_are_halves_in_turn() -> None:
    velocity = toys.denoiser().bind(toys.cond(6, has_memory=True))
    together, in_turn = (
        guided(velocity, NOISE, 519, toys.texts(), Schedule(toys.SCHEDULER, guides_together=is_together))
        for is_together in (True, False)
    )
    torch.testing.assert_close(together, in_turn, atol=1e-5, rtol=1e-5)


def test_guidance_by_hand() -> None:
    negative, positive = (torch.full((1, 2, 2), value) for value in (1.0, 3.0))
    schedule = Schedule(toys.SCHEDULER, guidance_scale=6.0)
    zero = torch.zeros_like(NOISE)
    assert guided(still, zero, 5, (negative, positive), schedule).unique().tolist() == [13.0]
    alone = Schedule(toys.SCHEDULER, guidance_scale=1.0)
    assert guided(still, zero, 5, (negative, positive), alone).unique().tolist() == [3.0]
    with pytest.raises(ValueError, match="negative and a positive"):
        guided(still, zero, 5, (positive,), schedule)


def test_dynamic_guidance_follows_the_published_cosine() -> None:
    schedule = Schedule(toys.SCHEDULER, steps=50, guidance_scale=6.0, is_guidance_dynamic=True)
    assert schedule.guidance_at(50) == 1.0
    assert schedule.guidance_at(0) == pytest.approx(7.0)
    assert schedule.guidance_at(25) == pytest.approx(1.0144, abs=1e-4)


def test_fusion_by_hand() -> None:
    latents, tail = torch.zeros(1, 8, 1, 1, 1), torch.ones(1, 4, 1, 1, 1)
    fused = Fusion({31: tail}).apply(latents, 31).flatten()
    torch.testing.assert_close(fused, torch.tensor([0, 0, 0.8, 0.6, 0.4, 0.2, 0, 0]))
    assert Fusion({31: tail}).apply(latents, 30) is latents


def test_fused_latents_are_kept_for_the_segment_after() -> None:
    """The tail of a segment is its state after its own fusion."""
    tails = {step: normal(f"tail{step}", (1, 1, 16, 4, 6)) for step in (2, 3)}
    seen: dict[int, Tensor] = {}
    sampled = sample_segment(
        still,
        task(fusion=Fusion(tails), keep=Keep(range(2, 4), 2)),
        SCHEDULE,
        on_step=lambda step, latents: seen.update({step: latents.clone()}),
    )
    assert list(sampled.tails) == [2, 3]
    assert all(torch.equal(tail, seen[step][:, 2:4]) for step, tail in sampled.tails.items())
    assert torch.equal(sampled.latents, seen[3])


def test_the_same_seed_gives_the_same_film() -> None:
    one, again = (sample_segment(still, task(), SCHEDULE).latents for _ in range(2))
    other = sample_segment(still, task(generator=torch.Generator().manual_seed(2)), SCHEDULE).latents
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_draws_are_one_at_both_ends_and_two_between() -> None:
    """A seed gives the published film only if the noise the scheduler throws away is drawn too."""
    generator = torch.Generator().manual_seed(1)
    sample_segment(still, task(generator=generator), SCHEDULE)
    fresh = torch.Generator().manual_seed(1)
    for _ in range(2 * SCHEDULE.steps - 2):
        torch.randn(NOISE.shape, generator=fresh)
    assert torch.equal(generator.get_state(), fresh.get_state())


def test_the_reference_has_a_slot_of_its_own_before_an_odd_number_of_latents() -> None:
    film, front = normal("film", (1, 21, 16, 1, 1)), normal("front", (1, 1, 16, 1, 1))
    assert (n_slots(21), n_slots(20)) == (22, 20)
    slots = with_front(film, front)
    assert torch.equal(slots[:, :1], front)
    assert torch.equal(film_latents(slots, 21), film)
    assert with_front(film[:, :20], front).shape[1] == 20
    image = place_reference(front, 22)
    assert torch.equal(image[:, :1], front)
    assert not image[:, 1:].any()


@torch.no_grad()
def test_a_film_goes_on_from_segment_to_segment() -> None:
    """Every input of the seam reaches the film: sketch, reference, memory, fusion, text."""
    networks = toys.denoiser()
    first, second = plan_segments(82)
    shape = (1, 16, 4, 6)

    def prepared(**changes: Tensor) -> PreparedSegment:
        values = {"noise": normal("noise", (1, 22, 16, 4, 6))}
        values |= {name: normal(name, (1, *shape)) for name in ("reference", "front_sketch")}
        values |= {"sketch": normal("sketch", (1, 21, 16, 4, 6))} | changes
        generator = torch.Generator().manual_seed(42)
        return PreparedSegment(**values, texts=toys.texts(), generator=generator)

    def draw(given: PreparedSegment, past: SegmentPast | None) -> SampledSegment:
        segment = second if past else first
        return draw_segment(networks.bind, segment, prepared=given, past=past, schedule=SCHEDULE)

    before = draw(prepared(), None)
    assert list(before.tails) == [2, 3]
    assert before.tails[3].shape == (1, 4, 16, 4, 6)
    assert torch.equal(before.tails[3], before.latents[:, first.kept_slots.start : first.kept_slots.stop])
    memory = toys.cond(has_memory=True).memory
    assert memory is not None
    later = draw(prepared(), SegmentPast(memory, Fusion(before.tails)))
    assert not later.tails
    others = [
        draw(prepared(sketch=-prepared().sketch), SegmentPast(memory, Fusion(before.tails))),
        draw(prepared(reference=-prepared().reference), SegmentPast(memory, Fusion(before.tails))),
        draw(prepared(), SegmentPast(memory, Fusion({}))),
        draw(prepared(), None),
    ]
    assert all((later.latents - other.latents).abs().max() > 1e-3 for other in others)


@torch.no_grad()
def test_pictures_become_latents_at_the_trained_scale() -> None:
    torch.manual_seed(0)
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        layers_per_block=1,
        scaling_factor=0.7,
        latent_channels=16,
        invert_scale_latents=True,
    ).eval()
    coder, frames = LatentCoder(vae), normal("frames", (9, 3, 16, 24)).clamp(-1, 1)
    film = coder.encode_film(frames)
    assert film.shape == (1, 3, 16, 2, 3)
    assert torch.equal(film, coder.encode_film(frames))
    torch.testing.assert_close(coder.encode_film(frames[:1]), 0.7 * coder.encode_reference(frames[0]))
    sampled = coder.encode_film(frames, torch.Generator().manual_seed(3))
    assert not torch.equal(film, sampled)
    assert coder.decode(film).shape == (9, 3, 16, 24)


def test_a_segment_without_memory_is_bound_without_it() -> None:
    velocity = toys.denoiser().bind(SegmentCond(*(normal(name, (1, 4, 16, 4, 6)) for name in "ab")))
    assert velocity.memory is None
    assert velocity.rotary[0].shape == (12, 16)
