"""Who is in a shot and where: figures with their colors, places, paths and ground shadows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from toonctl.training.drawings.animals import Beast, Bird
from toonctl.training.drawings.brush import Border, Brush, CelShade
from toonctl.training.drawings.closeups import CloseUp
from toonctl.training.drawings.curves import ellipse
from toonctl.training.drawings.machines import Crane, Hanger, Vehicle
from toonctl.training.drawings.motion import Channel, Mover
from toonctl.training.drawings.paints import Paints, Palette
from toonctl.training.drawings.people import Person
from toonctl.training.drawings.puppets import Puppet
from toonctl.training.drawings.things import Mascot
from toonctl.training.drawings.turning import Turning
from toonctl.training.drawings.uprights import Upright
from toonctl.training.drawings.walkers import Walker


class Figure(Protocol):
    """Something that can be drawn at any time, in its own space: x to the right, y down, feet near (0, 0)."""

    def draw(self, brush: Brush, time: float) -> None:
        """The figure at `time` (drawings)."""
        ...


class Bust:
    """A person seen from near, the head in the middle, as in a portrait."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.person = Person(build, mover, paints)
        self.person.head_size = float(build.uniform(70, 100))

    def draw(self, brush: Brush, time: float) -> None:
        """The portrait: the upper part of a person, moved down so that the head is in the middle."""
        person = self.person
        reach = 2 * person.leg + person.thick + person.torso + person.head_size
        with brush.moved(0, reach - 120):
            person.draw(brush, time)


KINDS: tuple[Callable[[np.random.Generator, Mover, Paints], Figure], ...] = (
    Person,
    Bust,
    Mascot,
    Upright,
    Bird,
    Beast,
    Puppet,
    Vehicle,
    Crane,
    Hanger,
    Walker,
    Turning,
    CloseUp,
)
BORDERS: tuple[Border, ...] = ("trace", "ink", "none")
ROAM_ODDS = (0.28, 0.38, 0.27, 0.07)
ODDS = (0.11, 0.06, 0.09, 0.07, 0.05, 0.05, 0.09, 0.02, 0.02, 0.02, 0.28, 0.08, 0.06)


@dataclass(frozen=True, slots=True)
class Actor:
    """A figure in the frame: world units are pixels of a 960x540 frame around its center."""

    figure: Figure
    x: Channel
    y: Channel
    turn: Channel
    scale: Channel
    mirror: Channel
    flat: bool  # turns around like a sheet of paper: narrow, then mirrored
    heft: float  # weight of its lines
    tone: int  # coverage of its lines, 255 = black
    shadow: int | None  # color id of a shadow on the ground below
    pairs: dict[int, int]  # shadow color by color where the figure is cel-shaded, else empty
    border: Border  # of those shadows
    light: Channel  # direction the light comes from, radians

    def draw(self, brush: Brush, time: float) -> None:
        """The figure where it is at `time`."""
        scale = self.scale(time)
        side = self.mirror(time)
        flip = math.copysign(max(0.2, min(1.0, abs(side))) if self.flat else 1.0, side)
        x, y = self.x(time), self.y(time)
        shown = scale * brush.scale() / brush.unit
        # Nobody draws a small figure with a broad pen: its parts would run together.
        finest = (1.0 + 2.5 * shown) / brush.look.weight
        brush.heft = min(finest, self.heft * min(1.5, math.sqrt(max(0.25, scale))))
        brush.tone = self.tone
        if self.shadow is not None:
            brush.fill(ellipse(x, y + 6 * scale, 85 * scale, 11 * scale), self.shadow, weight=0.7)
        if self.pairs:
            angle = self.light(time)
            brush.shade = CelShade(self.pairs, (0.16 * math.cos(angle), 0.16 * math.sin(angle)), self.border)
        with brush.moved(x, y, turn=self.turn(time), sx=scale * flip, sy=scale):
            self.figure.draw(brush, time)
        brush.heft, brush.tone, brush.shade = 1.0, 255, None


def choose_actors(rng: np.random.Generator, mover: Mover, palette: Palette) -> list[Actor]:
    """The figures of a shot; in half of the shots with several they share one build.

    Half of those change places again and again: where a figure stands must not say who it is.
    """
    count = int(rng.choice([1, 2, 3, 4, 6], p=[0.52, 0.27, 0.1, 0.07, 0.04]))
    alike = count > 1 and rng.random() < 0.5
    crowd = alike and rng.random() < 0.15
    passing = alike and rng.random() < 0.5
    thrift = float(rng.choice([0.03, 0.15, 0.35, 0.7], p=[0.35, 0.35, 0.2, 0.1]))
    bare = float(rng.choice([0.0, 0.03, 0.1], p=[0.5, 0.3, 0.2]))
    zoom = float(np.exp(rng.uniform(math.log(0.55), math.log(4.2)))) / count**0.4
    roam = float(rng.uniform(250, 450) if passing else rng.choice([15, 100, 350, 700], p=ROAM_ODDS))
    grows = rng.random() < 0.15  # comes near and goes far
    shaded = rng.random() < 0.22
    border = BORDERS[int(rng.choice(len(BORDERS), p=(0.66, 0.31, 0.03)))]
    apart = rng.random() < 0.4  # each figure moves in a pace of its own
    spins = rng.random() < 0.12
    kind, build_seed, paints = (
        rng.choice(len(KINDS), p=ODDS),
        int(rng.integers(1 << 31)),
        Paints(palette, thrift=thrift, bare=bare),
    )
    actors: list[Actor] = []
    for number in range(count):
        if not alike:
            kind, build_seed = rng.choice(len(KINDS), p=ODDS), int(rng.integers(1 << 31))
        if not crowd:
            paints = Paints(palette, thrift=thrift, bare=bare)
        temper = Mover(rng, mover.pace * float(rng.uniform(0.5, 1.8))) if apart else mover
        figure = KINDS[kind](np.random.default_rng(build_seed), temper, paints)
        spot = 0.0 if passing else ((number + 0.5) / count * 2 - 1) * 430
        size = zoom * float(rng.uniform(0.97, 1.03) if passing else rng.uniform(0.8, 1.2))
        ground = size * (170.0 if passing else float(rng.uniform(105, 240))) + float(rng.uniform(-30, 50))
        rise = 12.0 if passing else 0.25 * roam
        actors.append(
            Actor(
                figure,
                mover.channel(spot - roam, spot + roam, speed=0.3),
                mover.channel(ground - rise, ground + rise, speed=0.4),
                mover.channel(-3, 3, speed=0.3) if spins else mover.channel(-0.12, 0.12, speed=0.4),
                mover.channel(size * (0.35 if grows else 0.85), size * (1.9 if grows else 1.15), speed=0.3),
                mover.channel(-1.2, 1.2, speed=0.2) if rng.random() < 0.2 else mover.steady(1, 1),
                bool(rng.random() < 0.4),
                float(rng.uniform(0.8, 1.25)),
                int(rng.integers(150, 256)) if rng.random() < 0.12 else 255,
                palette.random() if rng.random() < 0.2 else None,
                paints.shadows(float(rng.uniform(0.4, 1.0))) if shaded else {},
                border,
                mover.channel(-3.0, 0.0, speed=0.2),
            )
        )
    return actors
