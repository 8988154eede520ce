"""What the `fast` presets lose against every step computed, and what the same cost of plain sampling loses.

Command: PYTHONPATH=tests python -m tests.bench.fast_presets

On toy networks with random weights, on the CPU: this shows that the ways of saving do what they say, and how
they stand to the control row beside them, not how good a film of published weights is. Likeness is the
signal-to-error ratio in dB of what is drawn (ToonComposer: its latents) to the run with every step computed.
"""

import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.longanimation.layer import options as film_options
from engines.longanimation.layer import painted, request
from engines.longanimation.weights import toy_weights
from engines.tooncrafter.test_tooncrafter_parts import JOB, silent
from engines.tooncrafter.toycrafter import published
from models.tooncomposer_toys import inputs, sketches, transformer
from toonctl.engines.diffusion.plans import Plan
from toonctl.engines.diffusion.step_cache import StepCache
from toonctl.engines.postkey._tooncomposer_film import around
from toonctl.engines.tooncrafter.clips import ClipDrawer
from toonctl.engines.tooncrafter.networks import Networks
from toonctl.engines.tooncrafter.options import Options
from toonctl.models.tooncomposer.conditioning import Conditioning
from toonctl.models.tooncomposer.system import Inputs, Prompt, RunSettings, denoise
from toonctl.spec.engine_tooncrafter import ToonCrafter
from toonctl.spec.preset import list_presets

Film = NDArray[Any]
Row = tuple[str, int, Film]
"""What is drawn how, passes of the network for it, and what came of it."""


def main() -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    sys.stdout.write(
        "| engine, way | passes of the network | likeness to all steps, dB |\n| --- | --- | --- |\n"
    )
    for engine in (composer, longanimation, crafter):
        (_, n_whole, whole), *rows = engine()
        for name, n_passes, film in rows:
            sys.stdout.write(f"| {name} | {n_passes} of {n_whole} | {likeness(film, whole):.1f} |\n")
            sys.stdout.flush()


def likeness(film: Film, whole: Film) -> float:
    """Signal-to-error ratio in dB."""
    error = np.mean((film.astype(np.float64) - whole) ** 2)
    return float(10 * np.log10(np.var(whole.astype(np.float64)) / max(error, 1e-12)))


def preset(command: str, name: str) -> dict[str, Any]:
    """The `[engine]` table of a shipped preset."""
    found = next(each for each in list_presets(command) if each.name == name)
    return tomllib.loads(found.path.read_text("utf-8"))["engine"]


@torch.no_grad()
def composer() -> Iterator[Row]:
    """Steps served from the cache, beside fewer steps."""
    table = preset("postkey", "tooncomposer-fast")
    steps, skipped = table["steps"], [step - 1 for step in table["cached_steps"]]
    model = transformer()
    _, _, text, image = inputs()
    conditioning = Conditioning(torch.zeros(1, 20, 3, 4, 6), sketches(1), torch.zeros(1, 3, 32, 48))
    prompt = Prompt(text, -text, image)

    def row(name: str, n_steps: int, cached: list[int]) -> Row:
        settings = RunSettings(n_steps, table["guidance"], table["shift"])
        run, cache = Inputs(conditioning, prompt, settings), StepCache(cached, n_steps=n_steps)
        latents = run.noise()
        for index in range(n_steps):
            latents = denoise(model, latents, run, index, through=partial(around, cache))
        return f"ToonComposer, {name}", 2 * n_steps - cache.n_served, latents.numpy()

    yield row("every step", steps, [])
    yield row(f"`tooncomposer-fast`: {len(skipped)} of {steps} steps from the cache", steps, skipped)
    n_left = steps - len(skipped)
    yield row(f"control: {n_left} steps", n_left, [])


def longanimation() -> Iterator[Row]:
    """Fewer steps, both halves of guidance at once."""
    whole = preset("colorize-long", "longanimation-final")
    fast = preset("colorize-long", "longanimation-fast")
    with tempfile.TemporaryDirectory() as folder:
        weights = toy_weights(Path(folder))

        def row(name: str, table: dict[str, Any]) -> Row:
            chosen = film_options(
                weights, steps=table["steps"], guidance=table["guidance"], halves=table["halves"]
            )
            pictures = painted(request(4, chosen))
            return f"LongAnimation, {name}", 2 * table["steps"], np.stack([*pictures.values()])

        yield row("every step", whole)
        yield row("`longanimation-fast`: half the steps", fast)
        yield row("halves of guidance at once alone", {**whole, "halves": "together"})


def crafter() -> Iterator[Row]:
    """Fewer steps, the last of them without their unguided half."""
    whole, fast = preset("inbetween", "tooncrafter-final"), preset("inbetween", "tooncrafter-fast")
    with tempfile.TemporaryDirectory() as folder:
        model = published(Path(folder))

        def row(name: str, n_steps: int, share: float) -> Row:
            toy: dict[str, Any] = {
                "device": "cpu",
                "width": 48,
                "height": 32,
                "weights": {"model": str(model)},
            }
            table = ToonCrafter.model_validate({**toy, "steps": n_steps, "guided_share": share})
            options = Options.of(table.model_dump())
            networks = Networks(options, torch.device("cpu"), Plan.RESIDENT)
            n_passes = counted(networks)
            frames = ClipDrawer(networks, options).draw(JOB, silent)
            return f"ToonCrafter, {name}", n_passes(), frames

        yield row("every step", whole["steps"], 1.0)
        share = fast["guided_share"]
        yield row(f"`tooncrafter-fast`: {fast['steps']} steps, {share:.0%} guided", fast["steps"], share)
        yield row("control: 18 steps, all guided", 18, 1.0)


def counted(networks: Networks) -> Callable[[], int]:
    """How many passes the denoiser has made since."""
    passes: list[int] = []
    networks.unet.register_forward_hook(lambda _unet, inputs, _output: passes.append(len(inputs[0])))
    return lambda: sum(passes)


if __name__ == "__main__":
    main()
