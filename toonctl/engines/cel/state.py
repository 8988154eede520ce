"""Colored anchors on disk, so that the chunks of a shot need not match them again."""

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from toonctl.engines.base import StateStore
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.view import View

_ORDER = "order"


def save_anchors(store: StateStore, name: str, anchors: Mapping[int, MemoryItem]) -> None:
    """Keeps what is believed of every anchor, exactly and in the order of coloring, under `name`."""
    tensors = {_ORDER: np.array(list(anchors), np.int64)}
    for place, item in anchors.items():
        tensors[f"{place}.belief"] = np.ascontiguousarray(item.belief)
        tensors[f"{place}.doubt"] = np.stack([item.confidence, item.unseen])
    store.put(name, save(tensors))


def load_anchors(store: StateStore, name: str, views: Mapping[int, View]) -> dict[int, MemoryItem] | None:
    """The anchors kept under `name`, joined with their views, in the order they were colored in.

    None when there are none, or when they are not of these drawings.
    """
    data = store.get(name)
    if data is None:
        return None
    try:
        tensors = load(data)
        order = [int(place) for place in tensors[_ORDER]]
        if sorted(order) != sorted(views):
            return None
        anchors = {
            place: MemoryItem(views[place], tensors[f"{place}.belief"], *tensors[f"{place}.doubt"])
            for place in order
        }
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
    return anchors if all(len(item.belief) == item.view.n for item in anchors.values()) else None
