"""The engine's global-local memory: references, colored drawings, and a bank of those that differ most.

LongAnimation's idea of a dynamic global-local memory, on regions instead of latents.
Letters: n regions of the drawing in hand, K colors, G figures of the cast (`cast.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.view import View

_BANK_DISTANCE = 12.0


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """A drawing whose colors are known or believed.

    `belief` float32 `[n, K]` is the probability of each color, `confidence` `[n]` how far all evidence agrees
    on the likeliest one, `unseen` `[n]` how likely the region is in no item that was asked. `figures` float32
    `[n, G]` is how likely a region belongs to each figure of the cast; what a row lacks to 1 is unknown.
    """

    view: View
    belief: NDArray[np.float32]
    confidence: NDArray[np.float32]
    unseen: NDArray[np.float32]
    figures: NDArray[np.float32]

    @property
    def colors(self) -> NDArray[np.uint16]:
        """The likeliest color of each region, `[n]`."""
        return self.belief.argmax(1).astype(np.uint16)


def certain(view: View, colors: NDArray[np.uint16], n_colors: int) -> MemoryItem:
    """The memory of a painted reference, `colors` `[n]`; of no cast as yet."""
    belief = np.zeros((view.n, n_colors), np.float32)
    belief[np.arange(view.n), colors] = 1
    nobody = np.zeros((view.n, 0), np.float32)
    return MemoryItem(view, belief, np.ones(view.n, np.float32), np.zeros(view.n, np.float32), nobody)


def thumb_distance(a: View, b: View) -> float:
    """How different two drawings look, mean absolute difference of their thumbnails, 0..255."""
    if a.thumb.shape != b.thumb.shape:
        return 255.0
    return float(np.abs(a.thumb.astype(np.int16) - b.thumb).mean())


class Bank:
    """Colored drawings that look different from each other and from the references."""

    def __init__(self, references: Sequence[MemoryItem], limit: int) -> None:
        self._references = tuple(references)
        self._limit = limit
        self.kept: list[MemoryItem] = []

    def offer(self, item: MemoryItem) -> None:
        """Takes `item` in when it is unlike everything known and there is room."""
        known = (*self._references, *self.kept)
        if len(self.kept) < self._limit and all(
            thumb_distance(item.view, other.view) > _BANK_DISTANCE for other in known
        ):
            self.kept.append(item)

    def revise(self, items: Sequence[MemoryItem]) -> None:
        """Takes what is believed of drawings by now in place of what was when they came in."""
        believed = {id(item.view): item for item in items}
        self.kept = [believed.get(id(item.view), item) for item in self.kept]

    def nearest(self, view: View, count: int) -> list[MemoryItem]:
        """Up to `count` of the kept drawings that look most like `view`; ties by age."""
        order = sorted(range(len(self.kept)), key=lambda i: (thumb_distance(view, self.kept[i].view), i))
        return [self.kept[i] for i in order[:count]]
