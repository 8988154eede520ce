"""How far two sets of pictures or clips lie apart as a trained network sees them: FID and FVD.

Heusel et al. (NeurIPS 2017), eq. 6; Unterthiner et al., "FVD" (2019). The distance is between two Gaussians:
that of their means, and of their covariances.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.models.checkpoint import load_strict, open_weights
from toonctl.models.i3d import CLIP_FRAMES, SIDE, I3d
from toonctl.models.inception import Inception2015

N = TypeVar("N", bound=torch.nn.Module)

Features = NDArray[np.float64]
"""Features of n samples, `[n, D]`."""

LEAST_SAMPLES = 50
"""Below this many samples of either side no distance is given."""

_RESAMPLED = 20
_SEED = 0


@dataclass(frozen=True, slots=True)
class Distance:
    """The distance of two sets of `n` samples; None says there were too few.

    `spread` is the standard deviation over 20 sets drawn from these with replacement.
    """

    value: float | None
    n: int
    spread: float | None = None


class FidSet:
    """FID of all frames of all shots, result against truth; kept are the features, 8 kB a frame."""

    enough = 2048
    unit = "frames"

    def __init__(self, weights: Path) -> None:
        """`weights` is the published file. Raises: CheckpointError when it is another one."""
        self._network = _loaded(Inception2015(), weights)
        self._sides: tuple[list[Features], list[Features]] = ([], [])

    def take(self, picture: Pixels, truth: Pixels) -> None:
        """One more frame of either side."""
        with torch.inference_mode():
            both = torch.from_numpy(np.stack([picture, truth])).permute(0, 3, 1, 2).float() / 255
            for side, features in zip(self._sides, self._network(both), strict=True):
                side.append(features.double().numpy())

    def end_shot(self) -> None:
        """Frames stand for themselves: nothing is left over."""

    def distance(self) -> Distance:
        return distance_of(*self._sides)


class FvdSet:
    """FVD of all clips of 16 frames that follow each other; what is left at the end of a shot is left out."""

    enough = 256
    unit = "clips of 16 frames"

    def __init__(self, weights: Path) -> None:
        """`weights` is the published file. Raises: CheckpointError when it is another one."""
        self._network = _loaded(I3d(), weights)
        self._sides: tuple[list[Features], list[Features]] = ([], [])
        self._clips: list[tuple[torch.Tensor, torch.Tensor]] = []

    def take(self, picture: Pixels, truth: Pixels) -> None:
        """One more frame of either side; 16 make a clip."""
        self._clips.append((_small(picture), _small(truth)))
        if len(self._clips) < CLIP_FRAMES:
            return
        with torch.inference_mode():
            for side, frames in zip(self._sides, zip(*self._clips, strict=True), strict=True):
                side.append(self._network(torch.stack(frames, 1)[None])[0].double().numpy())
        self._clips.clear()

    def end_shot(self) -> None:
        """A clip never reaches over two shots."""
        self._clips.clear()

    def distance(self) -> Distance:
        return distance_of(*self._sides)


def distance_of(ours: list[Features], theirs: list[Features]) -> Distance:
    """The Fréchet distance of two lists of features, with its spread."""
    n = min(len(ours), len(theirs))
    if n < LEAST_SAMPLES:
        return Distance(None, n)
    a, b = np.stack(ours), np.stack(theirs)
    random = np.random.default_rng(_SEED)
    drawn = [
        frechet(a[random.integers(len(a), size=len(a))], b[random.integers(len(b), size=len(b))])
        for _ in range(_RESAMPLED)
    ]
    return Distance(frechet(a, b), n, float(np.std(drawn)))


def frechet(a: Features, b: Features) -> float:
    """|mean a - mean b|^2 + tr(A + B - 2 (A B)^(1/2)), A and B the covariances, of `[n, D]` and `[m, D]`."""
    centered = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    spread = sum(float((x**2).sum()) for x in centered)
    # With A = XᵀX and B = YᵀY the roots of the eigenvalues of AB are the singular values of XYᵀ: no root of
    # a matrix is taken, which is costly and for few samples unsure. R of X = QR has them too, and is smaller.
    left, right = (np.asarray(np.linalg.qr(x, mode="r")) if len(x) > x.shape[1] else x for x in centered)
    shared = float(np.linalg.svd(left @ right.T, compute_uv=False).sum())
    means = float(((a.mean(0) - b.mean(0)) ** 2).sum())
    return max(0.0, means + spread - 2 * shared)


def _small(picture: Pixels) -> torch.Tensor:
    """`[3, 224, 224]` in [-1, 1]."""
    plane = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    small = torch.nn.functional.interpolate(plane, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return small[0] / 127.5 - 1


def _loaded(network: N, weights: Path) -> N:
    file = open_weights(weights)
    # A count that only training needs; not every file has it.
    counts = {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
    load_strict(network, counts | {key: file.read(key) for key in file.shapes}, name=weights.name)
    return network.eval()
