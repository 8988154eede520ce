"""Keys made small for the way between processes: flat pictures as runs."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.view import Tokens

_MAPS = ("labels", "coverage", "ink", "codes", "texture")


@dataclass(frozen=True, slots=True)
class Runs:
    """A picture `[H, W]` of few values: each run's value and length, row by row."""

    values: NDArray[Any]
    lengths: NDArray[np.uint32]
    shape: tuple[int, int]

    @classmethod
    def of(cls, picture: NDArray[Any]) -> "Runs":
        """The runs of `picture`."""
        flat = picture.ravel()
        is_start = np.empty(flat.size, bool)
        is_start[:1] = True
        np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
        starts = np.flatnonzero(is_start)
        height, width = picture.shape
        return cls(flat[starts], np.diff(starts, append=flat.size).astype(np.uint32), (height, width))

    def picture(self) -> NDArray[Any]:
        """The picture `[H, W]`."""
        return np.repeat(self.values, self.lengths).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class PackedKey:
    """A key with its maps as runs, that of its view too; `rest` holds the other fields of `KeyMap`."""

    maps: dict[str, Runs]
    lookup: Runs
    rest: dict[str, Any]

    @classmethod
    def of(cls, key: KeyMap) -> "PackedKey":
        """The key, packed."""
        values = {f.name: getattr(key, f.name) for f in fields(key)}
        lookup = Runs.of(key.view.lookup)
        values["view"] = replace(key.view, lookup=np.zeros((0, 0), np.uint16))
        return cls({name: Runs.of(values.pop(name)) for name in _MAPS}, lookup, values)

    def with_tokens(self, tokens: Tokens) -> "PackedKey":
        """The same key with what a matcher keeps of it."""
        return replace(self, rest=self.rest | {"view": replace(self.rest["view"], tokens=tokens)})

    def key(self) -> KeyMap:
        """The key as it was."""
        view = replace(self.rest["view"], lookup=self.lookup.picture())
        maps = {name: runs.picture() for name, runs in self.maps.items()}
        return KeyMap(**maps, **(self.rest | {"view": view}))
