"""What a route's segment leaves to the next, on disk: other chunks and a resumed run go on from there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from toonctl.engines.base import StateStore
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.view import View

_PLACES = "places"


@dataclass(frozen=True, slots=True)
class Heritage:
    """The `last` drawing of a segment, and the `bank` in the order its drawings came in."""

    last: MemoryItem
    bank: tuple[MemoryItem, ...]


def save_heritage(store: StateStore, name: str, heritage: Heritage, places: Mapping[str, int]) -> None:
    """Keeps what is believed of these drawings, exactly; `places` gives their positions by name."""
    items = (heritage.last, *heritage.bank)
    tensors: dict[str, NDArray[Any]] = {
        _PLACES: np.array([places[item.view.name] for item in items], np.int64)
    }
    for i, item in enumerate(items):
        tensors[f"{i}.belief"] = np.ascontiguousarray(item.belief)
        tensors[f"{i}.figures"] = np.ascontiguousarray(item.figures)
        tensors[f"{i}.doubt"] = np.stack([item.confidence, item.unseen])
    store.put(name, save(tensors))


def load_heritage(store: StateStore, name: str, look: Callable[[int], View]) -> Heritage | None:
    """What was kept under `name`, its drawings looked at again by `look`; None when nothing usable was."""
    data = store.get(name)
    if data is None:
        return None
    try:
        tensors = load(data)
        places: list[int] = tensors[_PLACES].tolist()
        items: dict[int, MemoryItem] = {}
        for i, place in enumerate(places):
            # The last drawing may be in the bank too, and is then one item, as it was to who left it.
            if place not in items:
                items[place] = MemoryItem(
                    look(place),
                    tensors[f"{i}.belief"],
                    *tensors[f"{i}.doubt"],
                    figures=tensors[f"{i}.figures"],
                )
    except (SafetensorError, LookupError, ValueError, TypeError):
        return None
    if not items or any(len(item.belief) != item.view.n for item in items.values()):
        return None
    last, *bank = (items[place] for place in places)
    return Heritage(last, tuple(bank))
