"""Color ids for the parts of figures, and the RGB palette that goes with them."""

import colorsys

import numpy as np
from numpy.typing import NDArray


class Palette:
    """Hands out the color ids of a shot; id 0 is the background."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rgb: list[tuple[int, int, int]] = []
        self.add(float(rng.random()), float(rng.uniform(0, 0.3)), float(rng.uniform(0.8, 1)))

    def add(self, hue: float, saturation: float, value: float) -> int:
        """A new id with this HSV color (each 0..1)."""
        r, g, b = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
        rgb = (round(r * 255), round(g * 255), round(b * 255))
        while rgb in self.rgb:
            rgb = (*rgb[:2], (rgb[2] + 1) % 256)
        self.rgb.append(rgb)
        return len(self.rgb) - 1

    def random(self) -> int:
        """A new id with a color of any kind."""
        rng = self.rng
        return self.add(rng.random(), rng.uniform(0, 0.9) ** 0.7, rng.uniform(0.1, 1.0) ** 0.5)

    def table(self) -> NDArray[np.uint8]:
        """RGB by color id, [K, 3]."""
        return np.array(self.rgb, dtype=np.uint8)


class Paints:
    """The colors of one figure by role; look-alike figures run the same build with other `Paints`."""

    def __init__(self, palette: Palette, *, thrift: float, bare: float) -> None:
        self.palette = palette
        self.thrift = thrift  # chance that a role shares the id of an earlier one
        self.bare = bare  # chance that a role is left in the background id
        self.by_role: dict[str, int] = {}

    def pick(self, role: str) -> int:
        """The id of a role, stable once given."""
        if role not in self.by_role:
            roll = self.palette.rng.random()
            if roll < self.bare:
                self.by_role[role] = 0
            elif roll < self.bare + self.thrift and self.by_role:
                self.by_role[role] = int(self.palette.rng.choice(list(self.by_role.values())))
            else:
                self.by_role[role] = self.palette.random()
        return self.by_role[role]

    def shadows(self, share: float) -> dict[int, int]:
        """A shadow color by color, for about `share` of the figure's colors; the background id has none."""
        colors = sorted(set(self.by_role.values()) - {0})
        return {color: self.palette.random() for color in colors if self.palette.rng.random() < share}
