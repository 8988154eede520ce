"""One network at a time on the device, each read once; what it gave kept for a run that goes on later."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from toonctl.core.errors import EngineError, OutOfMemory
from toonctl.core.types import Pixels
from toonctl.engines.base import StateStore
from toonctl.engines.diffusion.attention import KERNELS, NATIVE, Attention, choose
from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.placing import need_of, place
from toonctl.engines.diffusion.plans import Need, Plan, is_out_of_memory, plans_for, run_down
from toonctl.engines.diffusion.turns import Guest
from toonctl.models.checkpoint import parse_safetensors

M = TypeVar("M", bound=nn.Module)
T = TypeVar("T")

_CPU = torch.device("cpu")

CODER = "the picture coder"
"""What the VAE is called: it encodes keys and decodes films."""

Decode = Literal["auto", "whole", "tiles"]


@dataclass(slots=True)
class Stay:
    """A network that was read: who it is on a device, its bytes, and the plan it was placed by, if it was."""

    guest: Guest[Any]
    need: Need
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """Where networks compute, the memory plan asked for, and who hears when it cannot be kept.

    Networks are on the device for their turns only. `stays` are those that were read, by what they are: the
    next clip finds them there, under the plan that worked.
    """

    device: torch.device
    memory: str
    tell: Callable[[str], object]
    stays: dict[str, Stay] = field(default_factory=dict[str, Stay])

    def read(self, what: str, load: Callable[[], nn.Module], blocks: Sequence[str] = ()) -> Stay:
        """The network `what`, loaded if it is not there."""
        if what not in self.stays:
            network = load()
            self.stays[what] = Stay(Guest(network), need_of(network, blocks=blocks))
        return self.stays[what]


@dataclass(frozen=True, slots=True)
class Work:
    """What a network with blocks is to do: `blocks` are the attributes with its lists of them.

    `activations` are the bytes that a pass needs beside the weights.
    """

    what: str
    blocks: Sequence[str]
    activations: int = 0


def with_network(load: Callable[[], M], use: Callable[[M], T], host: Host, work: Work) -> T:
    """What `use` gives of the network on the host's device, under the first memory plan that does.

    Raises: OutOfMemory when no plan did.
    """
    stay = host.read(work.what, load, work.blocks)
    need = replace(stay.need, activations=work.activations)
    peaks = Peaks(work.what, need, host.device)

    def attempt(plan: Plan) -> T:
        is_new = stay.plan is not plan
        if is_new and stay.plan is not None:
            # A plan cannot be undone: the next gets the network anew, when the last is gone.
            stay.guest = Guest(nn.Module())
            stay.guest = Guest(load())
        stay.plan = plan
        with stay.guest.turn() as network:
            return use(place(network, plan, host.device, blocks=work.blocks) if is_new else network)

    return run_down(plans_for(stay.plan or host.memory, host.device, need, peaks), attempt, host.tell, peaks)


def with_encoder(load: Callable[[], M], use: Callable[[M], T], host: Host, *, what: str) -> T:
    """What `use` gives of an encoder that has no blocks to stream: on the device, else on the CPU, told."""
    stay = host.read(what, load)
    try:
        with stay.guest.turn() as network:
            return use(network.to(host.device))
    except RuntimeError as error:
        if host.device == _CPU or not is_out_of_memory(error):
            raise
    torch.cuda.empty_cache()
    host.tell(f"{what} does not fit the card; it runs on the CPU")
    return use(stay.guest.network)


def decoded(load: Callable[[], M], use: Callable[[M, bool], T], host: Host, *, how: Decode) -> T:
    """What `use(coder, is_tiled)` gives of a VAE: whole, or in tiles if these are wanted or all that fits.

    Raises: OutOfMemory when that does not fit either.
    """
    stay = host.read(CODER, load)
    ways = {"auto": (False, True), "whole": (False,), "tiles": (True,)}[how]
    for number, is_tiled in enumerate(ways):
        try:
            with stay.guest.turn() as network:
                return use(network.to(host.device), is_tiled)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        torch.cuda.empty_cache()
        if number + 1 < len(ways):
            host.tell("the film does not fit the card in one piece; it is decoded in tiles")
    hint = 'use `decode = "tiles"`' if how == "whole" else "use a smaller size or shorter clips"
    raise OutOfMemory("out of memory while the film was decoded", "engine.decode", hint)


def kernel_of(name: str, of: Callable[[], Attention], host: Host) -> str:
    """The attention kernel that `name` means, told when it is not torch's own choice.

    Raises: EngineError for one that is not there.
    """
    if name not in ("auto", NATIVE, *KERNELS):
        known = ", ".join(("auto", NATIVE, *KERNELS))
        raise EngineError(f"there is no attention `{name}`", "engine.attention", f"choose one of: {known}")
    kernel = choose(name, of, host.device)
    if name == "auto" and kernel != NATIVE:
        host.tell(f"attention is computed by the kernel `{kernel}`")
    return kernel


def name_of(kind: str, *parts: object) -> str:
    """A name for what follows from `parts` alone: text, numbers, tables, pictures."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.tobytes() if isinstance(part, np.ndarray) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"{kind}-{digest.hexdigest()[:24]}"


def kept(state: StateStore, name: str, make: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors under `name`, made and put there when they are not; on the CPU, the same either way."""
    stored = state.get(name)
    if stored is None:
        stored = save({key: tensor.contiguous().cpu() for key, tensor in make().items()})
        state.put(name, stored)
    return parse_safetensors(stored, name=name)


def as_tensor(picture: Pixels) -> Tensor:
    """A picture RGB `[H, W, 3]` as `[1, 3, H, W]` float32 in -1..1."""
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def as_picture(film: Tensor, index: int) -> Pixels:
    """Frame `index` of a film `[1, 3, F, H, W]` in -1..1 as a picture RGB `[H, W, 3]`."""
    levels = ((film[0, :, index] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().numpy()
