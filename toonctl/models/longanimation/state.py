"""What a segment leaves to the next, as bytes of a safetensors file: a farm task or a resumed run goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from toonctl.models.longanimation.lvu import BeaconCache
from toonctl.models.longanimation.memory import Reading

_TAIL = "tail."


@dataclass(frozen=True, slots=True)
class FilmState:
    """After segment `segment` (0-based): the film's reading, and the tails by step that fusion needs next."""

    segment: int
    reading: Reading
    tails: Mapping[int, Tensor]


def save_state(state: FilmState) -> bytes:
    """The state exactly, in the precision it was computed in."""
    reading = state.reading
    tensors = {
        "segment": torch.tensor(state.segment),
        "keys": torch.stack(reading.cache.keys),
        "values": torch.stack(reading.cache.values),
        "counts": torch.tensor([reading.cache.n_video_tokens, reading.n_frames]),
        "windows": torch.tensor(reading.windows, dtype=torch.long),
        "recent": reading.recent.contiguous(),
    }
    tensors |= {f"{_TAIL}{step}": tail.contiguous() for step, tail in state.tails.items()}
    return save({name: tensor.cpu() for name, tensor in tensors.items()})


def load_state(data: bytes, *, segment: int, device: torch.device | None = None) -> FilmState | None:
    """The state after `segment`; None when the bytes are broken or of another segment."""
    try:
        tensors = {name: tensor.to(device) for name, tensor in load(data).items()}
        n_video_tokens, n_frames = tensors["counts"].tolist()
        cache = BeaconCache(
            tuple(tensors["keys"].unbind()), tuple(tensors["values"].unbind()), n_video_tokens
        )
        reading = Reading(cache, tuple(tensors["windows"].tolist()), tensors["recent"], n_frames)
        found = int(tensors["segment"])
        tails = {int(name.removeprefix(_TAIL)): t for name, t in tensors.items() if name.startswith(_TAIL)}
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
    return FilmState(found, reading, tails) if found == segment else None
