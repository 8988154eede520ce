"""Puppets nobody has a name for: trees of parts with shapes, joints and patterns drawn by chance."""

from dataclasses import dataclass, field

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, blob, box, cloud, egg, ellipse, lock, shifted, star
from toonctl.training.drawings.faces import Face
from toonctl.training.drawings.motion import Channel, Mover
from toonctl.training.drawings.paints import Paints

SHAPES = ("egg", "blob", "tube", "box", "wedge", "star", "leaf", "cloud", "wave")


@dataclass(slots=True)
class Part:
    """One part; its own space has the joint at the origin and the part below it, `long` units down."""

    shape: str
    long: float
    wide: float
    color: int
    mark_color: int
    weight: float
    radii: Points
    mark: str
    marks: int
    joint: tuple[float, float]  # where it hangs on its parent, in the parent's half width and length
    rest: float  # angle at rest
    swing: Channel
    bend: Channel
    grow: Channel
    front: Channel  # drawn before its parent where positive
    side: int  # -1 = mirrored twin
    open_start: bool
    children: list["Part"] = field(default_factory=list)
    face: Face | None = None


class Puppet:
    """A tree of parts around the origin, about 260 tall."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.build, self.mover, self.paints = build, mover, paints
        self.left = int(np.exp(build.uniform(np.log(4), np.log(30))))
        self.root = self._grow(130.0, 0, None)

    def draw(self, brush: Brush, time: float) -> None:
        """The puppet at `time`."""
        with brush.moved(0, -180):
            self._draw(brush, time, self.root)

    def _grow(self, size: float, depth: int, parent: Part | None) -> Part:
        build, mover = self.build, self.mover
        self.left -= 1
        shape = str(build.choice(SHAPES if depth else SHAPES[:4]))
        slim = {"tube": 0.12, "leaf": 0.16, "wave": 0.2}.get(shape, 0.38)
        name = f"part {int(build.integers(14))}"
        color = self.paints.pick(name)
        merged = parent is not None and shape == "tube" and build.random() < 0.3
        if merged and parent is not None:
            color = parent.color
        part = Part(
            shape=shape,
            long=size,
            wide=size * slim * float(build.uniform(0.6, 1.5)),
            color=color,
            mark_color=self.paints.pick(f"mark {int(build.integers(5))}"),
            weight=float(build.uniform(0.7, 1.1)),
            radii=build.uniform(0.75, 1.25, int(build.integers(7, 13))),
            mark=str(
                build.choice(
                    ["none", "stripes", "spots", "core", "shade", "cap"], p=[0.45, 0.12, 0.1, 0.13, 0.1, 0.1]
                )
            ),
            marks=int(build.integers(2, 6)),
            joint=(float(build.uniform(-0.9, 0.9)), float(build.uniform(0.0, 1.0))),
            rest=float(build.uniform(-1.6, 1.6)),
            swing=mover.channel(-0.7, 0.7),
            bend=mover.channel(-0.5, 0.5),
            grow=mover.channel(0.85, 1.15),
            front=mover.channel(-1.5, 0.8, speed=0.2) if build.random() < 0.2 else mover.steady(-1, 1),
            side=1,
            open_start=bool(merged),
        )
        if shape in ("egg", "blob", "box", "cloud") and build.random() < (0.5 if depth == 0 else 0.15):
            part.face = Face(build, mover, self.paints, tall=1.0)
        limbs = int(build.integers(2, 6)) if depth == 0 else int(build.integers(0, 3)) if depth < 4 else 0
        for _ in range(limbs):
            if self.left <= 0:
                break
            child = self._grow(size * float(build.uniform(0.35, 0.8)), depth + 1, part)
            part.children.append(child)
            if depth < 2 and build.random() < 0.5 and self.left > 0:
                part.children.append(self._twin(child))
        return part

    def _twin(self, part: Part) -> Part:
        """The same part on the other side, with a swing of its own."""
        self.left -= 1
        color = (
            part.color
            if part.open_start or self.build.random() < 0.7
            else self.paints.pick(f"part {int(self.build.integers(14))}")
        )
        children = [self._twin(child) for child in part.children]
        return Part(
            part.shape,
            part.long,
            part.wide,
            color,
            part.mark_color,
            part.weight,
            part.radii,
            part.mark,
            part.marks,
            (-part.joint[0], part.joint[1]),
            -part.rest,
            self.mover.channel(-0.7, 0.7),
            part.bend,
            part.grow,
            part.front if self.build.random() < 0.7 else self.mover.channel(-1, 1, speed=0.3),
            -part.side,
            part.open_start,
            children,
            part.face,
        )

    def _draw(self, brush: Brush, time: float, part: Part) -> None:
        before = [child for child in part.children if child.front(time) > 0]
        for child in before:
            self._hang(brush, time, part, child)
        self._draw_part(brush, time, part)
        for child in part.children:
            if child not in before:
                self._hang(brush, time, part, child)

    def _hang(self, brush: Brush, time: float, part: Part, child: Part) -> None:
        grow = child.grow(time)
        x, y = child.joint[0] * part.wide * 0.8, child.joint[1] * part.long
        with brush.moved(x, y, turn=child.rest + child.swing(time), sx=grow, sy=2 - grow):
            self._draw(brush, time, child)

    def _outline(self, part: Part, bend: float) -> tuple[Points, bool]:
        w, long, middle = part.wide, part.long, part.long / 2
        sag = bend * long * 0.3
        match part.shape:
            case "egg":
                return egg(0, middle, w, middle * 1.05), True
            case "blob":
                return shifted(blob(part.radii, w, middle), 0, middle), True
            case "box":
                return box(0, middle, 2 * w, long), False
            case "wedge":
                return np.array([[-w * 0.5, 0], [w * 0.5, 0], [w + sag, long], [-w + sag, long]]), False
            case "star":
                return star(0, middle, middle, 0.5, part.marks + 2), False
            case "leaf":
                return lock(np.zeros(2), np.array([sag, long]), w, sag), True
            case "cloud":
                return cloud(0, middle, w, middle, part.marks + 5), False
            case _:
                steps = np.linspace(0, 1, 6)
                edge = np.stack(
                    [np.where(np.arange(6) % 2 == 0, 0.7, 1.2) * w + sag * steps, steps * long], axis=1
                )
                return np.concatenate(
                    [edge, edge[::-1] * (-1, 1) + (2 * sag * steps[::-1, None] * (1, 0))]
                ), True

    def _draw_part(self, brush: Brush, time: float, part: Part) -> None:
        bend = part.bend(time) * part.side
        w, long = part.wide, part.long
        if part.shape == "tube":
            sag = bend * long * 0.4
            spine = np.array([[0, 0], [sag * 0.6, long * 0.5], [sag * 0.2, long]])
            outline = brush.tube(
                spine, (w, w * 0.9, w * 0.7), part.color, open_start=part.open_start, weight=part.weight
            )
        else:
            controls, smooth = self._outline(part, bend)
            outline = brush.fill(controls, part.color, smooth=smooth, weight=part.weight)
        if part.mark == "stripes":
            for number in range(part.marks):
                y = long * (number + 0.5) / part.marks
                brush.inside(
                    outline, box(0, y, 4 * w, long * 0.4 / part.marks), part.mark_color, smooth=False
                )
        elif part.mark == "spots":
            for number in range(part.marks):
                x = w * (0.5 if number % 2 else -0.5) * float(part.radii[number])
                brush.inside(
                    outline,
                    ellipse(x, long * (number + 0.5) / part.marks, w * 0.25, w * 0.25, 8),
                    part.mark_color,
                )
        elif part.mark == "core":
            brush.inside(outline, ellipse(0, long * 0.55, w * 0.55, long * 0.28), part.mark_color)
        elif part.mark == "cap":
            brush.inside(outline, box(0, long, 6 * w, long * 0.5), part.mark_color, smooth=False)
        elif part.mark == "shade":
            border: Border = "trace" if part.marks % 2 else "ink"
            brush.inside(
                outline,
                ellipse(-w * (0.9 + 0.4 * bend), long * 0.6, w * 0.9, long * 0.7),
                part.mark_color,
                border=border,
            )
        if part.face is not None:
            with brush.moved(0, long * 0.45, sx=w * 0.85, sy=min(w, long * 0.5) * 0.85):
                part.face.draw(brush, time, outline, bend, 0.0)
