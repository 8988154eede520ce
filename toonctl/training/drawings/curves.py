"""Outlines made of few control points: splines, ellipses, tubes, stars, locks; all [N, 2] float64 (x, y)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@lru_cache(maxsize=512)
def _spline_basis(count: int, steps: int, closed: bool) -> NDArray[np.float64]:
    """Matrix [M, count] that turns control points into points on their Catmull-Rom spline."""
    segments = count if closed else count - 1
    u = np.arange(steps) / steps
    weights = (
        np.stack(
            [-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, u**3 - u**2], axis=1
        )
        / 2
    )
    basis = np.zeros((segments * steps + (not closed), count))
    for segment in range(segments):
        for tap in range(4):
            control = segment + tap - 1
            control = control % count if closed else min(max(control, 0), count - 1)
            basis[segment * steps : (segment + 1) * steps, control] += weights[:, tap]
    if not closed:
        basis[-1, -1] = 1.0
    return basis


def spline(controls: Points, *, closed: bool = True, steps: int | None = None) -> Points:
    """Points [M, 2] on the smooth curve through `controls`: `steps` per span, else about 30 to 90 in all."""
    count = len(controls)
    if count < 3:
        return controls
    if steps is None:
        steps = max(3, min(10, round(80 / count)))
    return _spline_basis(count, steps, closed) @ controls


@lru_cache(maxsize=64)
def _circle(count: int) -> Points:
    angle = np.arange(count) * (2 * np.pi / count) - np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def shifted(points: Points, x: float, y: float) -> Points:
    """The same points [..., 2], (x, y) further."""
    return points + np.array([x, y])


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 10) -> Points:
    """Control points [count, 2] of an ellipse, from the top clockwise on screen."""
    return _circle(count) * (rx, ry) + (x, y)


def egg(x: float, y: float, rx: float, ry: float, *, jaw: float = 0.0, boxy: float = 0.0) -> Points:
    """Control points [12, 2] of an egg; `jaw` > 0 narrows the lower end, `boxy` 0..1 squares it."""
    unit = _circle(12)
    power = 1.0 / (1.0 + boxy)
    unit = np.sign(unit) * np.abs(unit) ** power
    narrow = 1.0 - jaw * (unit[:, 1] + 0.2)
    return np.stack([unit[:, 0] * narrow * rx + x, unit[:, 1] * ry + y], axis=1)


def box(x: float, y: float, w: float, h: float) -> Points:
    """Corners [4, 2] of the upright rectangle whose center is (x, y)."""
    return np.array(
        [[x - w / 2, y - h / 2], [x + w / 2, y - h / 2], [x + w / 2, y + h / 2], [x - w / 2, y + h / 2]]
    )


def star(x: float, y: float, radius: float, inner: float, tips: int) -> Points:
    """Corners [2 * tips, 2] of a star; `inner` is the share of `radius` at which the notches lie."""
    unit = _circle(2 * tips).copy()
    unit[1::2] *= inner
    return unit * radius + (x, y)


def normals(points: Points) -> Points:
    """Unit normals [N, 2] of an open polyline."""
    tangent = np.empty_like(points)
    tangent[1:-1] = points[2:] - points[:-2]
    tangent[0] = points[1] - points[0]
    tangent[-1] = points[-1] - points[-2]
    length = np.hypot(tangent[:, 0], tangent[:, 1])[:, None] + 1e-9
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / length


CAP = 6  # points of a tube's cap
_CAP_TURN = np.linspace(0, np.pi, CAP + 2)[1:-1]


def tube(spine: Points, radii: NDArray[np.float64], *, cap: float = 1.0) -> Points:
    """Outline of a fat stroke around a dense open `spine` [N, 2] with `radii` [N].

    Starts at the left of the spine's start, runs to its end, around the end cap, back and around the
    start cap (the last `CAP` points); `cap` is the caps' bulge in radii.
    """
    normal = normals(spine)
    reach = normal * radii[:, None]
    ahead = np.stack([normal[:, 1], -normal[:, 0]], axis=1) * radii[:, None] * cap
    sine, cosine = np.sin(_CAP_TURN)[:, None], np.cos(_CAP_TURN)[:, None]
    end = spine[-1] + cosine * reach[-1] + sine * ahead[-1]
    start = spine[0] - cosine * reach[0] - sine * ahead[0]
    return np.concatenate([spine + reach, end, (spine - reach)[::-1], start])


def limb(start: Points, first: float, second: float, lengths: tuple[float, float]) -> Points:
    """Joints [3, 2] of a two-bone limb: absolute angles in radians, 0 = down, positive = toward +x."""
    joint = start + lengths[0] * np.array([np.sin(first), np.cos(first)])
    return np.stack([start, joint, joint + lengths[1] * np.array([np.sin(second), np.cos(second)])])


def cloud(
    x: float, y: float, rx: float, ry: float, bumps: int, *, bulge: float = 1.0, turn: float = 0.0
) -> Points:
    """Dense outline [6 * bumps, 2] of a cloud or an afro: `bumps` round bulges on an ellipse."""
    angle = np.arange(bumps + 1) * (2 * np.pi / bumps) + turn
    knots = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    chord = knots[1:] - knots[:-1]
    outward = np.stack([chord[:, 1], -chord[:, 0]], axis=1) * bulge * 0.5
    u = np.linspace(0, np.pi, 7)[:-1]
    along = (1 - np.cos(u)) / 2
    points = (
        knots[:-1, None] + chord[:, None] * along[None, :, None] + outward[:, None] * np.sin(u)[None, :, None]
    )
    return points.reshape(-1, 2) * (rx, ry) + (x, y)


def blob(radii: NDArray[np.float64], rx: float, ry: float) -> Points:
    """Control points [N, 2] of an irregular round shape: one relative radius per direction."""
    return _circle(len(radii)) * radii[:, None] * (rx, ry)


def lock(root: Points, tip: Points, width: float, bend: float) -> Points:
    """Control points [7, 2] of a lock of hair, a leaf or a feather from `root` [2] to pointed `tip` [2]."""
    along = tip - root
    across = np.array([-along[1], along[0]])
    across = across / (np.hypot(*across) + 1e-9)
    sag = across * bend
    return np.stack(
        [
            root - across * width * 0.6,
            root + along * 0.35 + sag * 0.7 - across * width,
            root + along * 0.75 + sag * 0.8 - across * width * 0.55,
            tip,
            root + along * 0.7 + sag * 0.8 + across * width * 0.55,
            root + along * 0.3 + sag * 0.7 + across * width,
            root + across * width * 0.6,
        ]
    )
