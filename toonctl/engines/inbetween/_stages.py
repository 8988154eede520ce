"""One network at a time: loaded, placed, used, let go; what it gave kept for a run that goes on later."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import torch
from diffusers.models.modeling_utils import ModelMixin
from safetensors.torch import save
from torch import Tensor, nn

from toonctl.core.errors import EngineError, OutOfMemory
from toonctl.core.types import Pixels
from toonctl.engines.base import StateStore
from toonctl.engines.diffusion.placing import need_of, place
from toonctl.engines.diffusion.plans import Plan, is_out_of_memory, plans_for, run_down
from toonctl.models.checkpoint import parse_safetensors

M = TypeVar("M", bound=nn.Module)
Transformer = TypeVar("Transformer", bound=ModelMixin)
T = TypeVar("T")

_CPU = torch.device("cpu")

Decode = Literal["auto", "whole", "tiles"]


@dataclass(frozen=True, slots=True)
class Host:
    """Where networks compute, the memory plan asked for, and who hears when it cannot be kept.

    `worked` remembers the plan under which a kind of network did its work: the next clip begins there.
    """

    device: torch.device
    memory: str
    tell: Callable[[str], object]
    worked: dict[str, Plan] = field(default_factory=dict[str, Plan])


def with_network(
    load: Callable[[], M], use: Callable[[M], T], host: Host, *, blocks: Sequence[str], activations: int = 0
) -> T:
    """What `use` gives of the network on the host's device, under the first memory plan that does.

    `blocks` are the attributes with its lists of blocks, `activations` the bytes a pass needs beside the
    weights. Raises: OutOfMemory when no plan did.
    """
    first: list[M] = [load()]
    kind = type(first[0]).__name__
    need = need_of(first[0], blocks=blocks, activations=activations)

    def attempt(plan: Plan) -> T:
        # A plan cannot be undone: each gets the network anew.
        network = first.pop() if first else load()
        found = use(place(network, plan, host.device, blocks=blocks))
        host.worked[kind] = plan
        return found

    memory = host.worked.get(kind, host.memory)
    return run_down(plans_for(memory, host.device, need), attempt, host.tell)


def with_encoder(load: Callable[[], M], use: Callable[[M], T], host: Host, *, what: str) -> T:
    """What `use` gives of an encoder that has no blocks to stream: on the device, else on the CPU, told."""
    try:
        return use(load().to(host.device))
    except RuntimeError as error:
        if host.device == _CPU or not is_out_of_memory(error):
            raise
    torch.cuda.empty_cache()
    host.tell(f"{what} does not fit the card; it runs on the CPU")
    return use(load())


def decoded(load: Callable[[], M], use: Callable[[M, bool], T], host: Host, *, how: Decode) -> T:
    """What `use(coder, is_tiled)` gives of a VAE: whole, or in tiles if these are wanted or all that fits.

    Raises: OutOfMemory when that does not fit either.
    """
    ways = {"auto": (False, True), "whole": (False,), "tiles": (True,)}[how]
    for number, is_tiled in enumerate(ways):
        try:
            return use(load().to(host.device), is_tiled)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        torch.cuda.empty_cache()
        if number + 1 < len(ways):
            host.tell("the film does not fit the card in one piece; it is decoded in tiles")
    hint = 'use `decode = "tiles"`' if how == "whole" else "use a smaller size or shorter clips"
    raise OutOfMemory("out of memory while the film was decoded", "engine.decode", hint)


def tuned(network: Transformer, *, attention: str, is_compiled: bool) -> Transformer:
    """A placed transformer of diffusers with its attention backend chosen and its blocks compiled, if wanted.

    Raises: EngineError for a backend that is not there.
    """
    if attention != "auto":
        try:
            network.set_attention_backend(attention)
        except (ValueError, RuntimeError, ImportError) as error:
            hint = "leave out `attention`, or name one that is installed"
            raise EngineError(
                f"attention backend `{attention}`: {error}", "engine.attention", hint
            ) from error
    if is_compiled:
        network.compile_repeated_blocks(fullgraph=True)
    return network


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
