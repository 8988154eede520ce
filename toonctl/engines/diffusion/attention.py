"""Which of torch's attention kernels a network is drawn with: named, or timed on its own shape.

The rule of `auto`: on a card, each kernel but `math` computes the network's longest attention three times
after one try; the one with the least median is taken if it saves a twentieth of the time of torch's own
choice and says the same; else torch chooses. The winner is kept in the cache folder by card, torch and shape,
so that a shot is drawn with one kernel throughout. On a CPU torch always chooses: what is drawn there depends
on no clock.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from toonctl.models.cache import Notebook

NATIVE = "native"
"""torch's own choice."""

KERNELS: Mapping[str, SDPBackend] = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}

_CALLS = 3
_LEAST_GAIN = 0.95
_APART = 0.02
"""Greatest mean difference to torch's own choice, by the deviation of its answer."""

_NOTES = Notebook("attention_kernels", version=1)


@dataclass(frozen=True, slots=True)
class Attention:
    """The longest attention of a network: rows, heads, tokens and the width of a head."""

    rows: int
    n_heads: int
    n_tokens: int
    head_dim: int
    dtype: torch.dtype

    def drawn(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values `[rows, heads, tokens, width]`, always the same."""
        generator = torch.Generator(device).manual_seed(0)
        shape = (self.rows, self.n_heads, self.n_tokens, self.head_dim)
        q, k, v = (torch.randn(shape, device=device, generator=generator, dtype=self.dtype) for _ in range(3))
        return q, k, v


def choose(name: str, of: Callable[[], Attention], device: torch.device) -> str:
    """The kernel that `name` means; `auto` is decided by the rule above, and asks for the shape only then."""
    if name != "auto":
        return name
    if device.type != "cuda":
        return NATIVE
    attention = of()
    card = torch.cuda.get_device_name(device)
    key = f"{card}, torch {torch.__version__}, {attention}"
    known = _NOTES.get(key).get("kernel")
    if known in (NATIVE, *KERNELS):
        return str(known)
    timings = timed(attention, device)
    torch.cuda.empty_cache()
    kernel = fastest(timings)
    _NOTES.put(key, {"kernel": kernel, "ms": {each: 1000 * timings[each] for each in timings}})
    return kernel


@torch.no_grad()
def timed(attention: Attention, device: torch.device) -> dict[str, float]:
    """Median seconds of every kernel that can compute this attention and says the same, torch's own first."""
    q, k, v = attention.drawn(device)
    truth = F.scaled_dot_product_attention(q, k, v)
    limit = _APART * float(truth.float().std())
    found: dict[str, float] = {}
    # `math` keeps every pair of tokens: at real size that alone fills a card.
    for name in (NATIVE, *(each for each in KERNELS if each != "math")):
        try:
            with warnings.catch_warnings(), _only(name):
                warnings.simplefilter("ignore")  # why a kernel cannot be taken; it is left out
                said = F.scaled_dot_product_attention(q, k, v)
                if float((said - truth).float().abs().mean()) > limit:
                    continue
                found[name] = statistics.median(_seconds(q, k, v) for _ in range(_CALLS))
        except RuntimeError:
            continue  # not for this card or shape, or without room for it
    return found


def fastest(timings: Mapping[str, float]) -> str:
    """The kernel to take by the rule, of median seconds by name."""
    best = min(timings, key=lambda name: timings[name])
    return best if timings[best] < _LEAST_GAIN * timings[NATIVE] else NATIVE


@contextmanager
def computing(kernel: str) -> Generator[None]:
    """While the block runs, `kernel` computes attention wherever it can, the others what is left."""
    if kernel in (NATIVE, "math"):
        with _only(kernel):
            yield
        return
    others = [each for name, each in KERNELS.items() if name != kernel]
    with sdpa_kernel([KERNELS[kernel], *others], set_priority=True):
        yield


@contextmanager
def _only(name: str) -> Generator[None]:
    if name == NATIVE:
        yield
        return
    with sdpa_kernel(KERNELS[name]):
        yield


def _seconds(q: Tensor, k: Tensor, v: Tensor) -> float:
    _wait(q.device)
    began = time.perf_counter()
    F.scaled_dot_product_attention(q, k, v)
    _wait(q.device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
