"""Where a network too big for the card lies while it draws: plans, their bytes, the way down through them.

Free of torch until something runs, so that `--dry-run` can print the numbers.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from toonctl.core.errors import OutOfMemory

if TYPE_CHECKING:
    import torch

    from toonctl.engines.diffusion.peaks import Peaks

T = TypeVar("T")

INT8_SHARE = 33 / 64
"""Bytes of an int8 weight in groups of 64 with a bfloat16 scale, to those of a bfloat16 one."""

FP8_SHARE = 1 / 2
"""The same of fp8; its scale, one for a row of thousands, is left out."""

NF4_SHARE = 9 / 32
"""The same of nf4: half a byte, and a float32 scale for 64."""

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")

_HEADROOM = 0.95
"""Share of the free memory a plan may need; the rest goes to kernels and to gaps between tensors."""


class Plan(StrEnum):
    """How the weights of a network's blocks are kept, from no loss and most memory downwards.

    `fp8` is taken by name alone: it saves the scales of int8, 3 %, and rounds by 13 dB more.
    """

    RESIDENT = "resident"
    STREAMED = "streamed"
    INT8 = "int8"
    FP8 = "fp8"
    STREAMED_INT8 = "streamed-int8"
    NF4 = "nf4"

    @property
    def is_streamed(self) -> bool:
        """Whether blocks wait in host memory, two of them at a time on the card."""
        return self in (Plan.STREAMED, Plan.STREAMED_INT8)

    @property
    def storage(self) -> str | None:
        """The packed form of the weights of the blocks, None for their own."""
        return _STORAGE.get(self)


_STORAGE = {Plan.INT8: "int8", Plan.FP8: "fp8", Plan.STREAMED_INT8: "int8", Plan.NF4: "nf4"}

LADDER = tuple(plan for plan in Plan if plan is not Plan.FP8)
"""The plans that may be taken without being named, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of one network as it is loaded: weights outside and inside its blocks, and the largest block.

    `activations` is what a forward pass needs beside the weights. `packed` tells by storage what inside and
    largest block become; without it all of the blocks are taken to be packed.
    """

    outside: int
    inside: int
    largest_block: int
    activations: int = 0
    packed: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def weights_on_card(self, plan: Plan) -> int:
        """Bytes of weights that lie on the card at one time."""
        inside, largest = self._blocks(plan)
        return self.outside + (min(2 * largest, inside) if plan.is_streamed else inside)

    def on_card(self, plan: Plan) -> int:
        """Bytes on the card, activations included."""
        return self.weights_on_card(plan) + self.activations

    def on_host(self, plan: Plan) -> int:
        """Bytes of host memory that cannot be given back while it draws."""
        return self._blocks(plan)[0] if plan.is_streamed else 0

    def _blocks(self, plan: Plan) -> tuple[int, int]:
        """Bytes of all blocks and of the largest, as the plan stores them."""
        if plan.storage is not None and plan.storage in self.packed:
            return self.packed[plan.storage]
        share = {"int8": INT8_SHARE, "fp8": FP8_SHARE, "nf4": NF4_SHARE}.get(plan.storage or "", 1.0)
        return round(share * self.inside), round(share * self.largest_block)


def plans_for(
    memory: str, device: "torch.device", need: Need, peaks: "Peaks | None" = None
) -> tuple[Plan, ...]:
    """The plans to try in their order: the one named, or with `auto` the first that fits, then smaller ones.

    What a plan took in earlier runs counts for more than what is reckoned. Each plan needs less of the card
    than the one before. On a CPU nothing is streamed unless it is named.
    """
    plans, order = LADDER, list(Plan)
    if memory != "auto":
        first = Plan(memory)
    elif device.type == "cpu":
        first, plans = Plan.RESIDENT, tuple(plan for plan in LADDER if not plan.is_streamed)
    else:
        room = _Room(_free_on_card(device), _reserved_on_card(device), free_on_host())
        first = _first_that_fits(need, room, peaks.known() if peaks else {})
    chosen = [first]
    for plan in plans:
        is_after = order.index(plan) > order.index(first)
        if is_after and need.weights_on_card(plan) < need.weights_on_card(chosen[-1]):
            chosen.append(plan)
    return tuple(chosen)


def run_down(
    plans: Sequence[Plan],
    attempt: Callable[[Plan], T],
    tell: Callable[[str], object],
    peaks: "Peaks | None" = None,
) -> T:
    """What `attempt` gives under the first of `plans` that does not run out of memory.

    `attempt` loads and places the network itself: a plan cannot be undone. Every step down is told, and what
    each plan took of the card is kept in `peaks`. Raises: OutOfMemory when the last plan ran out too.
    """
    for number, plan in enumerate(plans):
        reason = ""
        try:
            with peaks.watched(plan) if peaks else nullcontext():
                return attempt(plan)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).strip().partition("\n")[0]
        # Past the handler nothing holds the frames of the attempt any more, nor the tensors in them.
        _release()
        if number + 1 < len(plans):
            tell(f"memory plan `{plan}` ran out of memory; going on with `{plans[number + 1]}` ({reason})")
    tried = ", ".join(f"`{plan}`" for plan in plans)
    hint = "use a card with more memory, a smaller size, or fewer frames at a time"
    raise OutOfMemory(f"out of memory under every memory plan: {tried}", "engine.memory", hint)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the card, or page-locked host memory, is full."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # What is not torch's allocator of the card (cuBLAS, page-locked or ordinary memory) has words alone.
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


@dataclass(frozen=True, slots=True)
class _Room:
    """Bytes free on the card, those this process holds of it already, and bytes free on the host."""

    on_card: int
    reserved: int
    on_host: int | None

    def holds(self, plan: Plan, need: Need, measured: int | None) -> bool:
        """Whether the plan fits; `measured` is all that a process took with it, what it held included."""
        if self.on_host is not None and need.on_host(plan) > _HEADROOM * self.on_host:
            return False
        if measured is not None:
            return measured <= _HEADROOM * (self.on_card + self.reserved)
        return need.on_card(plan) <= _HEADROOM * self.on_card


def _first_that_fits(need: Need, room: _Room, known: Mapping[Plan, int]) -> Plan:
    """The first plan in order that fits card and host, else the one that needs least of the card."""
    fitting = (plan for plan in LADDER if room.holds(plan, need, known.get(plan)))
    return next(fitting, min(LADDER, key=lambda plan: known.get(plan, need.on_card(plan))))


def _free_on_card(device: "torch.device") -> int:
    import torch

    return torch.cuda.mem_get_info(device)[0]


def _reserved_on_card(device: "torch.device") -> int:
    import torch

    return torch.cuda.memory_reserved(device)


def free_on_host() -> int | None:
    """Bytes of host memory a process may still take, None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _release() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
