"""Which region of one key becomes which of the other: matcher in both directions, colors as a hard gate."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.worker import matcher

_CANDIDATES = 3
_LEAST = -9.0
"""Sum of both log-probabilities below which two regions are not taken for the same part."""

_DECIDED = 1.0
_ANOTHER_PART = 0.5
_BEYOND_FRAME = 0.3


@dataclass(frozen=True, slots=True)
class Pairing:
    """Regions n of a key against m of the other.

    `best` int64 `[n, C]` are the likeliest counterparts, likeliest first, -1 for none. `likelihood`
    float32 `[n, m]` 0..1 relative to the best of the row, 0 for other colors. `same_color` `[n, m]`.
    `score` is the sum of both log-probabilities.
    `is_ground` `[n]`, `other_ground` `[m]`: the flat ground and what has its color. `ground` and `other_main`
    are the labels of the grounds themselves, 0 without one.
    """

    best: NDArray[np.int64]
    likelihood: NDArray[np.float32]
    same_color: NDArray[np.bool_]
    score: NDArray[np.float32]
    is_ground: NDArray[np.bool_]
    other_ground: NDArray[np.bool_]
    ground: int
    other_main: int

    def turned(self) -> "Pairing":
        """The pairing seen from the other key."""
        turned = _pairing(self.score.T, self.same_color.T, self.other_ground, self.is_ground)
        return replace(turned, ground=self.other_main, other_main=self.ground)

    def wrong(self) -> NDArray[np.float32]:
        """What a point costs that lands in each region of the other, `[n, m + 1]`; last: beyond the frame."""
        inside = np.where(self.same_color, _ANOTHER_PART * (1 - self.likelihood), 1)
        beyond = np.full((len(inside), 1), _BEYOND_FRAME)
        return np.concatenate([inside, beyond], 1).astype(np.float32)


def pair(key: KeyMap, other: KeyMap, options: InbetweenOptions) -> Pairing:
    """The pairing of two keys of one layer."""
    compare = matcher(options.matcher)
    there, back = compare.match(key.view, [other.view])[0], compare.match(other.view, [key.view])[0]
    # Two regions that would both rather match nothing are not forced on each other.
    is_alone = (there[:, :-1] < there[:, -1:] - _DECIDED) & (back[:, :-1] < back[:, -1:] - _DECIDED).T
    same = (key.colors[key.color][:, None] == other.colors[other.color][None]).all(-1)
    (ground, is_ground), (other_main, other_ground) = _ground(key), _ground(other)
    same &= is_ground[:, None] == other_ground[None]
    score = np.where(is_alone, 2 * _LEAST, there[:, :-1] + back[:, :-1].T).astype(np.float32)
    found = _pairing(score, same, is_ground, other_ground)
    return replace(found, ground=ground, other_main=other_main)


def _pairing(
    score: NDArray[np.float32],
    same: NDArray[np.bool_],
    ground: NDArray[np.bool_],
    other_ground: NDArray[np.bool_],
) -> Pairing:
    gated = np.where(same, score, -np.inf)
    order = np.argsort(-gated, axis=1, kind="stable")[:, :_CANDIDATES]
    value = np.take_along_axis(gated, order, 1)
    best = np.where(value > _LEAST, order, -1)
    if best.shape[1] < _CANDIDATES:
        best = np.pad(best, ((0, 0), (0, _CANDIDATES - best.shape[1])), constant_values=-1)
    top = np.maximum(value[:, :1] if value.shape[1] else np.zeros((len(score), 1)), _LEAST)
    with np.errstate(over="ignore"):
        likelihood = np.exp(np.minimum((gated - top) / 2, 0)).astype(np.float32)
    return Pairing(best, likelihood, same, score, ground, other_ground, 0, 0)


def _ground(key: KeyMap) -> tuple[int, NDArray[np.bool_]]:
    """The label of the flat ground around the figures; and which regions are it or pockets of it."""
    box = key.view.box
    height, width = key.labels.shape
    touches = (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == width) | (box[:, 3] == height)
    is_ground = np.zeros(key.n, bool)
    if not len(key.view.area) or not touches.any():
        return 0, is_ground
    largest = int(np.where(touches, key.view.area, -1).argmax())
    has_its_color = key.color == key.color[largest]
    # In a line drawing everything has the paper's color: only the paper around the figures is ground.
    if key.n > 1 and has_its_color.mean() > 0.5:
        is_ground[largest] = True
        return largest + 1, is_ground
    return largest + 1, has_its_color
