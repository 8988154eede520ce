"""ToonComposer's floor: operations and bytes a run needs at least, computed from the configuration.

Command: python -m tests.bench.tooncomposer

Nothing is timed: seconds are operations over a card's peak in dense bfloat16 as its data sheet states it, so
no run can be faster, and measured runs belong beside them. Bytes are those of weights and of the fullest
block; kernels that keep more, and the VAE's own peak while it decodes, come on top.
"""

import sys
import tomllib

import torch
from torch.utils.flop_counter import FlopCounterMode

from toonctl.engines.diffusion.numbers import NETWORKS
from toonctl.engines.diffusion.plans import Plan
from toonctl.engines.diffusion.step_cache import StepCache
from toonctl.models.tooncomposer.conditioning import latent_count
from toonctl.models.tooncomposer.cost import VideoSize, block_activation_bytes, forward_flop
from toonctl.models.tooncomposer.transformer import TransformerParams
from toonctl.models.tooncomposer.vae import build_vae, decode
from toonctl.spec.engine_tooncomposer import ToonComposer
from toonctl.spec.preset import list_presets

_SIZES = {"480p": (480, 832), "608p": (608, 1088)}
_RUNS = (("480p", 61, 1), ("480p", 61, 3), ("480p", 81, 3), ("608p", 61, 1), ("608p", 81, 3))
_STEPS, _HALVES = 15, 2
_CARDS = {"H200": 989e12, "A100": 312e12, "RTX 4090": 165e12}
_COPY_BYTES_A_SECOND = 25e9
"""Host to card over PCIe 4 x16, as measured by others; see gpu-engines.md, chapter 2."""


def main() -> None:
    """Prints three Markdown tables."""
    out = sys.stdout.write
    params = TransformerParams()
    out("| size, frames, sketches | tokens | PFLOP a forward | PFLOP a run | activations of a block |")
    out(f" {' | '.join(f'{card}, s a step' for card in _CARDS)} | decode, TFLOP |\n")
    out("|" + " --- |" * (6 + len(_CARDS)) + "\n")
    for name, n_frames, n_sketches in _RUNS:
        size = VideoSize(n_frames, *_SIZES[name], n_sketches)
        flop = forward_flop(params, size)
        step = [f"{_HALVES * flop / peak:.2f}" for peak in _CARDS.values()]
        cells = [
            f"{name}, {n_frames}, {n_sketches}",
            f"{size.tokens:,}",
            f"{flop / 1e15:.2f}",
            f"{_STEPS * _HALVES * flop / 1e15:.1f}",
            f"{block_activation_bytes(params, size) / 1e9:.2f} GB",
            *step,
            f"{decode_flop(n_frames, *_SIZES[name]) / 1e12:.0f}",
        ]
        out(f"| {' | '.join(cells)} |\n")
    print_plans()
    print_presets(params)


def print_plans() -> None:
    """What each memory plan takes of card and host."""
    out = sys.stdout.write
    need = NETWORKS["tooncomposer"].need
    out("\n| memory plan, 480p, 61, 1 | weights on the card, GB | with activations, GB | host memory, GB |")
    out(" copied, s a forward |\n|" + " --- |" * 5 + "\n")
    for plan in Plan:
        card, whole, host = (
            n / 1e9 for n in (need.weights_on_card(plan), need.on_card(plan), need.on_host(plan))
        )
        copied = need.on_host(plan) / _COPY_BYTES_A_SECOND
        out(f"| {plan} | {card:.1f} | {whole:.1f} | {host:.1f} | {copied:.2f} |\n")


def print_presets(params: TransformerParams) -> None:
    """What a segment of each shipped preset costs at least, with one sketch."""
    out = sys.stdout.write
    out("\n| preset | size, frames | forwards computed | PFLOP a segment |")
    out(
        f" {' | '.join(f'{card}, s a segment' for card in _CARDS)} |\n|" + " --- |" * (4 + len(_CARDS)) + "\n"
    )
    for preset in list_presets("postkey"):
        if not preset.name.startswith("tooncomposer"):
            continue
        engine = ToonComposer(**tomllib.loads(preset.path.read_text("utf-8"))["engine"])
        width, height = engine.size
        skipped = StepCache([step - 1 for step in engine.cached_steps], n_steps=engine.steps).skipped
        forwards = (engine.steps - (len(skipped) if engine.cache == "steps" else 0)) * (
            1 + (engine.guidance != 1)
        )
        flop = forwards * forward_flop(params, VideoSize(engine.segment_frames, height, width, 1))
        seconds = " | ".join(f"{flop / peak:.0f}" for peak in _CARDS.values())
        size = f"{width}x{height}, {engine.segment_frames}"
        out(f"| {preset.name} | {size} | {forwards} | {flop / 1e15:.1f} | {seconds} |\n")


def decode_flop(n_frames: int, height: int, width: int) -> int:
    """Operations of decoding a whole video at once, counted on the network itself without computing it."""
    with torch.device("meta"):
        vae = build_vae().eval()
        latents = torch.empty(1, 16, latent_count(n_frames), height // 8, width // 8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        decode(vae, latents)
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
