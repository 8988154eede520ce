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
        holes=int(rng.choice([0, 12, 24, 45], p=[0.62, 0.12, 0.16, 0.1])),
        boil=float(rng.choice([0.0, 0.7, 1.5, 2.6], p=[0.66, 0.14, 0.13, 0.07])),
        breath=float(rng.choice([0.0, 0.12, 0.3], p=[0.65, 0.2, 0.15])),
    )


def boiled(
    planes: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16]],
    reach: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16]]:
    """Line, trace and color [H, W], all bent smoothly by about `reach` pixels, as when traced anew."""
    line, trace, color = planes
    height, width = line.shape
    step = height / float(rng.uniform(5, 14))
    coarse = rng.standard_normal((2, int(height / step) + 3, int(width / step) + 3)).astype(np.float32)
    bend = [
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.6 * reach)
        for plane in coarse
    ]
    xs = np.arange(width, dtype=np.float32)[None, :] + bend[0]
    ys = np.arange(height, dtype=np.float32)[:, None] + bend[1]
    fixed, part = cv2.convertMaps(xs, ys, cv2.CV_16SC2)
    lines = [
        cv2.remap(plane, fixed, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if plane.any()
        else plane
        for plane in (line, trace)
    ]
    moved = cv2.remap(color, fixed, part, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(lines[0], np.uint8), np.asarray(lines[1], np.uint8), np.asarray(moved, np.uint16)


def punch(line: NDArray[np.uint8], count: int, rng: np.random.Generator, *, thick: float) -> None:
    """Opens `count` gaps of 2 to 6 pixels (at 540 lines) at random places of `line` [H, W], in place.

    `thick` is the weight of its heaviest lines in pixels.
    """
    spots = np.flatnonzero(line >= 128)
    if len(spots) == 0:
        return
    unit = line.shape[0] / 540
    reach = round(5 * unit) + 1
    for spot in rng.choice(spots, count):
        y, x = divmod(int(spot), line.shape[1])
        top, left = max(0, y - reach), max(0, x - reach)
        rows, columns = np.nonzero(line[top : y + reach + 1, left : x + reach + 1] >= 96)
        if len(rows) < 3:
            continue
        xs, ys = columns - columns.mean(), rows - rows.mean()
        angle = 0.5 * math.atan2(2 * float(xs @ ys), float(xs @ xs - ys @ ys))
        along = np.array([math.cos(angle), math.sin(angle)]) * float(rng.uniform(1, 3)) * unit
        across = np.array([-math.sin(angle), math.cos(angle)]) * (0.8 * thick + 1.2 * unit)
        corners = np.array([x, y]) + np.stack(
            [along + across, along - across, -along - across, across - along]
        )
        cv2.fillConvexPoly(line, np.rint(corners * 16).astype(np.int32), 0, cv2.LINE_8, 4)
