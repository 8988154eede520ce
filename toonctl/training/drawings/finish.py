"""Line quality of a shot: how strokes are drawn, and what paper and scanner then do to them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.training.drawings.brush import LineLook


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to the finished line plane of every frame."""

    kind: str  # "smooth", "binary", "grays" (16 levels), "pencil", "soft"
    grain: float  # share of ink that pencil texture takes away

    def apply(self, line: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """The line plane [H, W] as scanned."""
        match self.kind:
            case "binary":
                return np.where(line > 111, np.uint8(255), np.uint8(0))
            case "grays":
                return np.asarray((line >> 4) * 17, np.uint8)
            case "soft":
                return np.asarray(
                    cv2.addWeighted(line, 0.55, cv2.GaussianBlur(line, (3, 3), 0), 0.45, 0.0), np.uint8
                )
            case "pencil":
                height, width = line.shape
                least = round(255 * (1 - self.grain))
                grain = rng.integers(least, 256, (height // 2 + 1, width // 2 + 1), dtype=np.uint8)
                paper = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
                return np.asarray(cv2.multiply(line, paper, scale=1 / 255), np.uint8)
            case _:
                return line


def choose_finish(rng: np.random.Generator) -> Finish:
    """The finish of a shot."""
    kind = str(rng.choice(["smooth", "binary", "grays", "pencil", "soft"], p=[0.6, 0.16, 0.07, 0.09, 0.08]))
    return Finish(kind, float(rng.uniform(0.15, 0.5)))


def choose_look(rng: np.random.Generator) -> LineLook:
    """The strokes of a shot: .9 to 5 pixels at 540 lines, steady or trembling, closed or with gaps."""
    sketchy = rng.random() < 0.07
    return LineLook(
        weight=float(np.exp(rng.uniform(math.log(0.9), math.log(5.0))))
        if not sketchy
        else float(rng.uniform(1, 1.8)),
        inner=float(rng.uniform(0.4, 1.0)),
        jitter=float(rng.choice([0.0, 0.25, 0.6, 1.1], p=[0.4, 0.25, 0.2, 0.15])),
        vary=float(rng.choice([0.0, 0.25, 0.5], p=[0.65, 0.2, 0.15])),
        passes=int(rng.integers(2, 4)) if sketchy else 1,
        spread=float(rng.uniform(0.5, 1.4)),
        gap_rate=float(rng.choice([0.0, 0.08, 0.3], p=[0.8, 0.12, 0.08])),
        gap=float(rng.uniform(2, 5)),
    )
