"""How long torch's attention kernels take at the published networks' longest attentions, and which is taken.

Command: python -m tests.bench.attention [--device cuda] [--share 1]

Medians of three calls after one try, as the engines choose (`toonctl/engines/diffusion/attention.py`
states the rule). On a CPU this shows that the choice can be made; give it a small `--share` of the tokens
there, such as .02. Engines on a CPU always leave the choice to torch.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace

import torch

from toonctl.engines.diffusion.attention import NATIVE, Attention, fastest, timed

_HALF = torch.bfloat16
LONGEST: Mapping[str, Attention] = {
    "ToonComposer, 832x480, 61 frames, one sketch": Attention(1, 40, 26_520, 128, _HALF),
    "LongAnimation, 81 frames, one half": Attention(1, 48, 25_570, 64, _HALF),
    "ToonCrafter, 512x320, 16 frames": Attention(16, 5, 2_560, 64, torch.float16),
    "FramePack, 832x480, 9 latent frames": Attention(1, 24, 19_000, 128, _HALF),
    "Wan first-last-frame, 832x480, 81 frames": Attention(1, 40, 32_760, 128, _HALF),
}
"""FramePack's tokens with its history and text are rounded."""


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--share", type=float, default=1.0)
    options = parser.parse_args()
    device = torch.device(options.device)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    sys.stdout.write(
        f"torch {torch.__version__}, {card}\n\n| attention | ms by kernel | taken |\n| --- | --- | --- |\n"
    )
    for name, attention in LONGEST.items():
        shown = replace(attention, n_tokens=max(16, round(options.share * attention.n_tokens)))
        timings = timed(shown, device)
        figures = ", ".join(f"{kernel} {1000 * seconds:.2f}" for kernel, seconds in timings.items())
        taken = fastest(timings) if device.type == "cuda" else NATIVE
        sys.stdout.write(f"| {name}: {shown.n_tokens} tokens | {figures} | {taken} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
