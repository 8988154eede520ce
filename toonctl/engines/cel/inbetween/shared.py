"""One motion for all layers: what the flattened picture says of each layer's regions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.inbetween.way import Way
from toonctl.regions.motion import Motions

_LEAST_SEEN = 0.25


@dataclass(frozen=True, slots=True)
class Shared:
    """Motions `[n]` for the regions of one layer's key, and which of them the flattened picture knows."""

    motions: Motions
    is_known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Flat:
    """A flattened key: its thinned label map `lookup` `[h, w]`, `colors` uint8 `[n, 4]`, and motions."""

    lookup: NDArray[np.uint16]
    colors: Pixels
    motions: Motions
    matched: NDArray[np.int32]

    @classmethod
    def of(cls, key: KeyMap, way: Way) -> "Flat":
        """What is needed of a flattened key and its way."""
        return cls(key.view.lookup, key.colors[key.color], way.motions, way.matched)

    def shared(self, key: KeyMap) -> Shared:
        """The motions of the regions of `key`, a layer of this key, where enough of them is seen."""
        height, width = self.lookup.shape
        scale = np.array([width, height]) / np.array(key.view.size)
        at = np.minimum((key.view.samples * scale).astype(np.int64), [width - 1, height - 1])
        label = self.lookup[at[..., 1], at[..., 0]].astype(np.int64)  # [n, P]
        own = key.colors[key.color][:, None]
        is_seen = (self.colors[label - 1] == own).all(-1) & (own[..., 3] > 0)
        counts = np.zeros((key.n, len(self.colors) + 1), np.int64)
        rows = np.broadcast_to(np.arange(key.n)[:, None], label.shape)
        np.add.at(counts, (rows[is_seen], label[is_seen]), 1)
        region = counts.argmax(1) - 1
        is_known = counts.max(1) >= _LEAST_SEEN * label.shape[1]
        region = np.where(is_known, region, 0)
        return Shared(self.motions.of(region), is_known & (self.matched[region] > 0))
