"""The step cache: exact where it serves what was computed, injection and all, and never across segments."""

import pytest
import torch
from diffusers.hooks.mag_cache import MagCacheConfig, apply_mag_cache
from torch import Tensor

from models import tooncomposer_toys
from toonctl.engines.diffusion.step_cache import States, StepCache, always_computed, skipped_steps
from toonctl.models.tooncomposer.transformer import Sketches

RATIOS = (1.0, 0.98, 0.97, 0.99, 1.01, 0.96, 0.9, 0.95, 0.8, 0.7)


@torch.no_grad()
def film(
    cache: StepCache | None, *, sketches: Sketches | None, inputs: list[tuple[Tensor, ...]], seed: int = 0
) -> list[Tensor]:
    """What the toy gives at each step, through the cache when there is one."""
    model = tooncomposer_toys.transformer(seed)

    def step(number: int) -> Tensor:
        def through(tokens: Tensor, stack: object) -> Tensor:
            assert cache is not None
            assert callable(stack)
            [out] = cache.through("cond", number, (tokens,), lambda tokens: (stack(tokens),))
            return out

        return model(*inputs[number], sketches, through if cache is not None else None)

    return [step(number) for number in range(len(inputs))]


def changing(n_steps: int) -> list[tuple[Tensor, ...]]:
    """Inputs as in sampling: latents and time change a little from step to step."""
    latents, _, text, image = tooncomposer_toys.inputs()
    return [
        (latents * (1 - 0.03 * step), torch.tensor([900.0 - 60 * step]), text, image)
        for step in range(n_steps)
    ]


def test_without_skipped_steps_nothing_changes() -> None:
    inputs = changing(4)
    sketches = tooncomposer_toys.sketches(0, 2)
    cached = film(StepCache((), n_steps=4), sketches=sketches, inputs=inputs)
    assert all(map(torch.equal, cached, film(None, sketches=sketches, inputs=inputs)))


def test_a_repeated_input_is_served_exactly_with_injection_between_the_blocks() -> None:
    inputs = [tooncomposer_toys.inputs()] * 6
    sketches = tooncomposer_toys.sketches(0, 2)
    cache = StepCache((2, 3, 4), n_steps=6)
    served = film(cache, sketches=sketches, inputs=inputs)
    assert cache.n_served == 3
    for got in served[1:]:
        torch.testing.assert_close(got, served[0], rtol=0, atol=1e-6)


def test_a_changed_input_is_served_from_the_last_computed_residual() -> None:
    inputs = changing(5)
    exact, served = (
        film(None, sketches=None, inputs=inputs),
        film(StepCache((2,), n_steps=5), sketches=None, inputs=inputs),
    )
    assert [torch.equal(a, b) for a, b in zip(exact, served, strict=True)] == [True, True, False, True, True]
    assert float((exact[2] - served[2]).norm() / exact[2].norm()) < 0.1


def test_a_new_segment_is_never_served_from_the_last() -> None:
    cache = StepCache((1, 2, 3), n_steps=5)
    film(cache, sketches=None, inputs=changing(5))
    served = cache.n_served
    other = [tuple(x + 1 for x in step) for step in changing(5)]
    cache.reset()
    again = film(cache, sketches=None, inputs=other, seed=7)
    fresh = film(StepCache((1, 2, 3), n_steps=5), sketches=None, inputs=other, seed=7)
    assert all(map(torch.equal, again, fresh))
    assert cache.n_served == 2 * served


def test_halves_have_residuals_of_their_own() -> None:
    cache = StepCache((2,), n_steps=4)

    def run(half: str, step: int, value: float) -> float:
        def stack(x: Tensor) -> States:
            return (x + value,)

        return float(cache.through(half, step, (torch.zeros(1),), stack)[0])

    for step in (0, 1):
        assert (run("cond", step, 1.0), run("uncond", step, 2.0)) == (1.0, 2.0)
    assert (run("cond", 2, 9.0), run("uncond", 2, 9.0)) == (1.0, 2.0)


def test_several_states_and_a_stack_that_writes_into_its_input() -> None:
    cache = StepCache((2,), n_steps=4)

    def stack(a: Tensor, b: Tensor) -> States:
        return a.add_(1), b * 3

    for step in range(3):
        a, b = cache.through("cond", step, (torch.full((2,), 4.0), torch.full((3,), 5.0)), stack)
    assert (float(a[0]), float(b[0])) == (5.0, 15.0)
    assert cache.n_served == 1


def test_another_size_is_computed_not_served() -> None:
    cache = StepCache((2, 3), n_steps=5)
    for step, size in ((1, 2), (2, 3), (3, 3)):
        cache.through("cond", step, (torch.zeros(size),), lambda x: (x + 1,))
    assert cache.n_served == 1


def test_the_first_fifth_and_the_last_step_are_always_computed() -> None:
    assert always_computed(10) == {0, 1, 9}
    assert always_computed(15) == {0, 1, 2, 14}
    assert StepCache(range(10), n_steps=10).skipped == set(range(2, 9))


@pytest.mark.parametrize(("threshold", "longest"), [(0.06, 3), (0.035, 3), (0.2, 1), (0.5, 8), (0.0, 3)])
def test_a_table_decides_as_magcache_does(threshold: float, longest: int) -> None:
    """The oracle is diffusers' MagCache on the same network over ten steps, compared film for film."""
    inputs = changing(len(RATIOS))
    # The published rule may skip the last step; ours never does.
    ratios = [*RATIOS[:-1], 1e3]
    skipped = skipped_steps(ratios, threshold=threshold, longest=longest)
    ours = film(StepCache(skipped, n_steps=len(ratios)), sketches=None, inputs=inputs)
    model = tooncomposer_toys.transformer()
    config = MagCacheConfig(
        threshold=threshold,
        max_skip_steps=longest,
        retention_ratio=0.2,
        num_inference_steps=len(ratios),
        mag_ratios=ratios,
    )
    apply_mag_cache(model, config)
    with torch.no_grad(), model.cache_context("cond"):
        theirs = [model(*each) for each in inputs]
    exact = film(None, sketches=None, inputs=inputs)
    assert [torch.equal(a, b) for a, b in zip(ours, exact, strict=True)] == [
        step not in skipped for step in range(len(ratios))
    ]
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)
