"""ToonComposer's floor: operations and bytes a run needs at least, computed from the configuration.

Command: python -m tests.bench.tooncomposer

Nothing is timed: seconds are operations over a card's peak in dense bfloat16 as its data sheet states it, so
no run can be faster, and measured runs belong beside them.
"""

import sys
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from toonctl.models.checkpoint import empty_model
from toonctl.models.tooncomposer.conditioning import latent_count
from toonctl.models.tooncomposer.cost import VideoSize, block_activation_bytes, forward_flop
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams, keeps_float32
from toonctl.models.tooncomposer.vae import build_vae, decode

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
    blocks, rest = weight_bytes(params)
    streamed, copied = 2 * blocks / params.n_layers + rest, blocks / _COPY_BYTES_A_SECOND
    out("\n| weights on the card | GB | from host memory, s a forward |\n| --- | --- | --- |\n")
    out(f"| bf16, all | {(blocks + rest) / 1e9:.1f} | 0 |\n")
    out(f"| bf16, two blocks at a time | {streamed / 1e9:.1f} | {copied:.2f} |\n")


def weight_bytes(params: TransformerParams) -> tuple[int, int]:
    """Bytes of the blocks, and of everything else, in the precisions the transformer is loaded with."""
    model = empty_model(partial(ToonComposerTransformer, params))
    sizes = {name: p.numel() * (4 if keeps_float32(name) else 2) for name, p in model.named_parameters()}
    blocks = sum(size for name, size in sizes.items() if name.startswith("blocks."))
    return blocks, sum(sizes.values()) - blocks


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
