"""A colored sketch as it is kept in the state: color indices and lines, from which its picture is made."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, Doubt, Pixels
from toonctl.engines.base import KeyPicture, StateStore


@dataclass(frozen=True, slots=True)
class ColoredKey:
    """A colored sketch: color-model `index` uint16 `[H, W]`, line `coverage` uint8 `[H, W]`.

    `ink` uint8 `[H, W]` says which of `inks` `[I, 3]` a line is drawn with. `color_regions` counts its
    regions by color, `doubts` are those the matcher is not sure of.
    """

    index: NDArray[np.uint16]
    coverage: Pixels
    inks: Pixels
    ink: Pixels
    color_regions: Mapping[int, int]
    doubts: tuple[Doubt, ...]

    def to_bytes(self) -> bytes:
        """The key as `from_bytes` takes it."""
        facts = {"regions": dict(self.color_regions), "doubts": [asdict(doubt) for doubt in self.doubts]}
        told = np.frombuffer(json.dumps(facts, default=float).encode(), np.uint8)
        file = BytesIO()
        planes = {"index": self.index, "coverage": self.coverage, "inks": self.inks, "ink": self.ink}
        np.savez_compressed(file, told=told, **planes)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "ColoredKey":
        """The key that `to_bytes` gave."""
        with np.load(BytesIO(data), allow_pickle=False) as stored:
            facts = json.loads(stored["told"].tobytes())
            doubts = tuple(replace(Doubt(**doubt), box=tuple(doubt["box"])) for doubt in facts["doubts"])
            regions = {int(index): count for index, count in facts["regions"].items()}
            index, coverage, inks, ink = (stored[name] for name in ("index", "coverage", "inks", "ink"))
            return cls(index, coverage, inks, ink, regions, doubts)

    def planes(self, model: ColorModel) -> tuple[Pixels, Pixels, Pixels]:
        """Picture, paint and line of the key, RGBA `[H, W, 4]`."""
        paint = model.colors[self.index]
        line = np.zeros_like(paint)
        is_line = self.coverage > 0
        line[is_line, :3] = self.inks[self.ink[is_line]]
        line[..., 3] = self.coverage
        return over(paint, line), paint, line


def load_colored(state: StateStore, name: str) -> ColoredKey | None:
    """The colored sketch `name`, None when it has not been colored."""
    data = state.get(f"key_{name}")
    return None if data is None else ColoredKey.from_bytes(data)


def load_stored(state: StateStore, name: str, model: ColorModel) -> KeyPicture:
    """The picture of the colored sketch `name`. Raises: KeyError when it has not been colored."""
    key = load_colored(state, name)
    if key is None:
        raise KeyError(name)
    picture, _, line = key.planes(model)
    return KeyPicture(picture, line)


def over(below: Pixels, above: Pixels) -> Pixels:
    """`above` laid over `below`, straight alpha, RGBA `[H, W, 4]`; the color of what is clear is 0."""
    top, bottom = above.astype(np.int32), below.astype(np.int32)
    alpha = top[..., 3:]
    rest = bottom[..., 3:] * (255 - alpha)
    weight = np.maximum(alpha * 255 + rest, 1)
    color = (top[..., :3] * alpha * 255 + bottom[..., :3] * rest + weight // 2) // weight
    whole = alpha + (rest + 127) // 255
    return np.concatenate([np.where(whole > 0, color, 0), whole], -1).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Compartment:
    """One compartment of a state store: equal names in another do not meet."""

    state: StateStore
    name: str

    def get(self, name: str) -> bytes | None:
        return self.state.get(f"{self.name}.{name}")

    def put(self, name: str, data: bytes) -> None:
        self.state.put(f"{self.name}.{name}", data)
