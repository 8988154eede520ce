"""Steps that are not computed: exact where nothing has changed, the sketches' part counted once."""

from functools import partial

import torch
from torch import Tensor

from models.tooncomposer_toys import inputs, sketches, transformer
from toonctl.engines.diffusion.step_cache import StepCache
from toonctl.engines.postkey._tooncomposer_film import around
from toonctl.models.tooncomposer.conditioning import Conditioning
from toonctl.models.tooncomposer.system import Inputs, Prompt, RunSettings, denoise


@torch.no_grad()
def test_a_step_served_from_the_cache_is_exact_on_the_same_input() -> None:
    model, at = transformer(), sketches(0, 2)
    cache = StepCache([2], n_steps=5)
    plain = model(*inputs(), at)
    for index in (0, 1, 2):
        served = model(*inputs(), at, around(cache, True, index))
        torch.testing.assert_close(served, plain, atol=1e-5, rtol=1e-5)
    assert cache.n_served == 1


def test_nothing_stands_around_the_blocks_when_every_step_is_computed() -> None:
    assert around(StepCache(n_steps=5), True, 2) is None


def test_both_halves_are_served_by_what_they_gave_themselves() -> None:
    model = transformer()
    _, _, text, image = inputs()
    conditioning = Conditioning(torch.zeros(1, 20, 3, 4, 6), sketches(1), torch.zeros(1, 3, 32, 48))
    run = Inputs(conditioning, Prompt(text, -text, image), RunSettings(num_inference_steps=5))

    def film(*skipped: int) -> tuple[Tensor, int]:
        cache = StepCache(skipped, n_steps=5)
        latents = run.noise()
        for index in range(5):
            latents = denoise(model, latents, run, index, through=partial(around, cache))
        return latents, cache.n_served

    whole, n_whole = film()
    some, n_some = film(2, 3)
    assert (n_whole, n_some) == (0, 4)
    # Skipped steps come near the computed ones, nearer than no steps at all would.
    assert 0 < (some - whole).norm() < 0.5 * (run.noise() - whole).norm()
