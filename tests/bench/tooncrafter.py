"""ToonCrafter's floor: operations of a window and bytes on the card, counted without computing.

Command: python -m tests.bench.tooncrafter

Nothing is timed: seconds are operations over a card's peak in dense half precision as its data sheet states
it, so no run can be faster, and measured runs belong beside them. Bytes are those of the tensors that live at
one time; attention counts as kernels do it that never hold its matrix, and what cuDNN takes comes on top.
"""

import sys
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from toonctl.engines.diffusion.placing import need_of
from toonctl.engines.diffusion.plans import Plan
from toonctl.models.checkpoint import empty_model
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.models.tooncrafter.params import ToonCrafterParams
from toonctl.models.tooncrafter.precision import precision

_SIZES = ((512, 320), (448, 256), (320, 192))
_FRAMES = 16
_PRESETS = (("published", 50, 1.0), ("fast", 20, 0.75))
_CARDS = {"H200": 989e12, "A100": 312e12, "RTX 4090": 165e12}
_PLANS = (Plan.RESIDENT, Plan.STREAMED, Plan.INT8, Plan.STREAMED_INT8)
_GB = 1e9


class LiveBytes(TorchDispatchMode):
    """The most bytes that tensors made while it is on hold at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._live = 0
        self._users: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return out

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._users:
            self._live += size
            self.peak = max(self.peak, self._live)
        self._users[key] = self._users.get(key, 0) + 1
        weakref.finalize(tensor, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            self._live -= size


@contextmanager
def without_matrix() -> Generator[None]:
    """Attention that makes its result alone, as flash kernels do."""
    whole = F.scaled_dot_product_attention
    F.scaled_dot_product_attention = lambda q, k, v, **rest: q.new_empty(*q.shape[:-1], v.shape[-1])
    try:
        yield
    finally:
        F.scaled_dot_product_attention = whole


def empty_networks(half: torch.dtype = torch.float16) -> ToonCrafter:
    """The published networks on the meta device, in the precision they compute in."""
    model = empty_model(lambda: ToonCrafter(ToonCrafterParams())).eval()
    of = precision(half)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(of(name))
    return model


def stages(model: ToonCrafter, size: tuple[int, int]) -> dict[str, Callable[[], object]]:
    """What a window goes through at a size, each to be run on the meta device."""
    width, height = size
    h, w = height // 8, width // 8
    latents = torch.empty(1, 4, _FRAMES, h, w, device="meta")
    seen = torch.empty(1, 8, _FRAMES, h, w, device="meta", dtype=torch.float16)
    context = torch.empty(1, 77 + 16 * _FRAMES, 1024, device="meta", dtype=torch.float16)
    timestep = torch.empty(1, dtype=torch.long, device="meta")
    keys = torch.empty(2, 3, height, width, device="meta")
    maps = key_maps(size)
    return {
        "encode two keys": lambda: model.vae.encode(keys),
        "denoise, one pass": lambda: model.unet(seen, timestep, context, frame_stride=timestep),
        "decode": lambda: model.vae.decode(latents, maps),
    }


def key_maps(size: tuple[int, int]) -> list[Tensor]:
    """What is kept of a window's two keys until it is decoded."""
    width, height = size
    return [torch.empty(1, c, 2, height // s, width // s, device="meta") for c, s in _MAPS]


_MAPS = ((128, 1), (256, 2), (512, 4), (512, 8), (128, 1))
"""Channels and shrinkage of the encoder's maps."""


def measured(work: Callable[[], object]) -> tuple[int, int]:
    """Operations of `work`, and the most bytes it holds beside weights and inputs."""
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            work()
        with without_matrix(), LiveBytes() as live:
            work()
    return counter.get_total_flops(), live.peak


def weights_of(module: nn.Module) -> int:
    """Bytes of its parameters."""
    return sum(parameter.nbytes for parameter in module.parameters())


def main() -> None:
    """Prints three Markdown tables."""
    out = sys.stdout.write
    model = empty_networks()
    found = {size: {name: measured(work) for name, work in stages(model, size).items()} for size in _SIZES}
    out("| stage | " + " | ".join(f"{w}x{h}: TFLOP | GB" for w, h in _SIZES) + " |\n")
    out("|" + " --- |" * (1 + 2 * len(_SIZES)) + "\n")
    for name in found[_SIZES[0]]:
        cells = [f"{found[size][name][0] / 1e12:.1f} | {found[size][name][1] / _GB:.2f}" for size in _SIZES]
        out(f"| {name} | {' | '.join(cells)} |\n")
    need, coder = need_of(model.unet, blocks=("input_blocks", "output_blocks")), weights_of(model.vae)
    towers = weights_of(model.clip[0]) + weights_of(model.clip[1]) + weights_of(model.resampler)
    out(f"\nCLIP towers and image projection, before the denoiser: {towers / _GB:.2f} GB\n")
    out("\n| memory plan | " + " | ".join(f"{w}x{h}: GB on the card" for w, h in _SIZES) + " |\n")
    out("|" + " --- |" * (1 + len(_SIZES)) + "\n")
    for plan in _PLANS:
        peaks = [
            need.weights_on_card(plan)
            + sum(maps.nbytes for maps in key_maps(size))
            + max(coder + found[size]["decode"][1], found[size]["denoise, one pass"][1])
            for size in _SIZES
        ]
        out(f"| {plan} | {' | '.join(f'{peak / _GB:.1f}' for peak in peaks)} |\n")
    out("\n| settings, 512x320 | passes | PFLOP a window | " + ", s | ".join(_CARDS) + ", s |\n")
    out("|" + " --- |" * (3 + len(_CARDS)) + "\n")
    stage = {name: flop for name, (flop, _) in found[_SIZES[0]].items()}
    for name, n_steps, guided in _PRESETS:
        passes = n_steps + round(guided * n_steps)
        total = passes * stage["denoise, one pass"] + stage["encode two keys"] + 2 * stage["decode"]
        seconds = " | ".join(f"{total / peak:.1f}" for peak in _CARDS.values())
        out(f"| {name}: {n_steps} steps, {guided:.0%} guided | {passes} | {total / 1e15:.2f} | {seconds} |\n")


if __name__ == "__main__":
    main()
