"""A video engine at toy size, and what it draws between keys that tests give it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artkit import ball
from engines.toys import AtOnce, Memory
from toonctl.core.types import Between, Pixels
from toonctl.engines import load
from toonctl.engines.base import DrawnInbetween, InbetweenRequest, Key, KeyPicture
from toonctl.spec.engine_diffusion import DiffusionTable

SIZE = (64, 48)
TIMES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Video:
    """An engine by name, its table of options, and what makes it small."""

    name: str
    table: DiffusionTable
    small: Mapping[str, Any]

    def options(self, **changes: object) -> dict[str, object]:
        """Every option, small, with `changes`."""
        return {**self.table.model_dump(), **self.small, **changes}

    @property
    def toml(self) -> str:
        """What makes it small, as the lines of a shot file."""
        roles = ", ".join(f'{role} = "{path}"' for role, path in self.small["weights"].items())
        others = {key: value for key, value in self.small.items() if key != "weights"}
        lines = [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
            for key, value in others.items()
        ]
        return "\n".join([f'[engine]\nname = "{self.name}"', f"weights = {{ {roles} }}", *lines, ""])

    def draw(
        self,
        keys: Sequence[Mapping[str, Pixels]],
        *,
        wanted: Sequence[Between] | None = None,
        state: Memory | None = None,
        tell: Callable[[str], object] = lambda _text: None,
        prompt: str = "a ball, rolling",
        **changes: object,
    ) -> dict[str, DrawnInbetween]:
        """What lies between keys eight frames apart, by name; all of `planned(keys)` unless named."""
        layers = tuple(dict.fromkeys(name for key in keys for name in key))
        everything = planned(keys)
        request = InbetweenRequest(
            size=SIZE,
            layers=layers,
            keys=tuple(
                Key(8 * i, {name: lambda p=pixels: KeyPicture(p, None) for name, pixels in key.items()})
                for i, key in enumerate(keys)
            ),
            wanted=tuple(everything if wanted is None else wanted),
            options=dict.fromkeys(layers, self.options(**changes)),
            deliver=lambda drawing: drawing,
            executor=AtOnce(),
            state=state or Memory(),
            prompt=prompt,
            planned=tuple(everything),
            tell=tell,
        )
        drawn = load("inbetween", self.name).Engine().draw(request)
        return {each.name: each for each in drawn if isinstance(each, DrawnInbetween)}


def planned(keys: Sequence[Mapping[str, Pixels]]) -> list[Between]:
    """Three drawings between any two keys, for every layer that one of them has."""
    return [
        Between(layer, f"{layer}{first}+{time}", first, time)
        for first in range(len(keys) - 1)
        for layer in sorted({*keys[first], *keys[first + 1]})
        for time in TIMES
    ]


def painted(x: float, *, is_opaque: bool = True) -> Pixels:
    """A ball at `x`, on white or on nothing."""
    picture = ball(x, 24, 12, size=SIZE).painted
    return picture if not is_opaque else opaque(picture)


def opaque(picture: Pixels) -> Pixels:
    """A picture laid on white."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    color = np.rint(picture[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.concatenate([color, np.full_like(picture[..., 3:], 255)], -1)
