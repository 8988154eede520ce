"""Arcs through a third key: how parts leave the way of two keys alone, by region (Catmull and Rom 1974)."""

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.way import Bend, Way

_MOST = 1.5


def bend(way: Way, before: Way | None, after: Way | None, gaps: tuple[float, float, float]) -> Bend:
    """The bend of `way`, given the way back to the key before it and the one onward from its end.

    `gaps` are the frames before, between and after. Without a third key on a side nothing bends there.
    """
    shift = way.motions.shift
    leaves, arrives = way.limbs.speeds(way.motions)
    n = len(shift)
    scale_before, scale_after = gaps[1] / max(gaps[0], 1), gaps[1] / max(gaps[2], 1)
    start, end = np.zeros(n, np.complex128), np.zeros(n, np.complex128)
    if before is not None:
        known = (before.matched > 0) & (way.matched > 0)
        start = np.where(
            known, _tangent(before.motions.shift * -scale_before, shift, scale_before) - leaves, 0
        )
    if after is not None:
        arriving = np.concatenate([[0j], after.motions.shift])[way.matched]
        onward = np.asarray(arriving * scale_after, np.complex128)
        is_known = np.concatenate([[False], after.matched > 0])[way.matched]
        end = np.where(is_known, _tangent(onward, shift, scale_after) - arrives, 0)
    return Bend(way.smoothed(start), way.smoothed(end))


def _tangent(
    beyond: NDArray[np.complex128], shift: NDArray[np.complex128], scale: float
) -> NDArray[np.complex128]:
    """The tangent at a key between the next span's velocity `beyond` and this one's, not overshooting."""
    mean = (beyond + shift * scale) / (1 + scale)
    limit = _MOST * np.minimum(np.abs(beyond), np.abs(shift))
    size = np.abs(mean)
    return mean * np.minimum(1, limit / np.maximum(size, 1e-9))
