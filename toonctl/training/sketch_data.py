"""Training samples for sketch-to-film models: a piece of a film, sketches of some frames, partly hidden.

Letters: F frames, H W size.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toonctl.core.errors import ArtError
from toonctl.formats.png import read_picture
from toonctl.training.line_extractors import EXTRACTORS

_TIME_STRIDE = 4


@dataclass(frozen=True, slots=True)
class Film:
    """The frames of one film in order, and what is said about it."""

    frames: tuple[Path, ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class SketchSample:
    """One piece of a film in -1..1, and what the model is shown of it, by 0-based frame.

    video `[3, F, H, W]`; sketches `[3, H, W]`, light on dark; masks `[H, W]`, 1 where the sketch counts.
    """

    video: Tensor
    references: tuple[int, ...]
    sketches: Mapping[int, Tensor]
    masks: Mapping[int, Tensor]
    film: int
    has_text: bool


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """What samples look like: size in pixels, how much is shown, how much is hidden."""

    n_frames: int
    size: tuple[int, int]
    max_stride: int
    max_references: int
    max_sketches: int
    mask_share: float
    text_share: float
    extractors: tuple[str, ...]


def find_films(folder: Path, n_frames: int) -> tuple[Film, ...]:
    """Every film below `folder` with enough frames: a folder of numbered PNG, `prompt.txt` beside or above.

    A film may keep its frames in a folder `color`, as data sets with separate lines do; then its other
    folders are left alone. Raises: ArtError when there is none.
    """
    films: list[Film] = []
    for place in sorted({path.parent for path in folder.rglob("*.png")}):
        has_color = any((parent / "color").is_dir() for parent in place.parents if parent != folder.parent)
        if has_color and place.name != "color":
            continue
        frames = tuple(sorted(place.glob("*.png"), key=_number))
        if len(frames) >= n_frames:
            prompts = [p for p in (place / "prompt.txt", place.parent / "prompt.txt") if p.is_file()]
            films.append(Film(frames, prompts[0].read_text("utf-8").strip() if prompts else ""))
    if not films:
        what = f"`{folder}` holds no film of {n_frames} PNG frames"
        raise ArtError(what, str(folder), "name a folder with one folder of numbered frames per film")
    return tuple(films)


class SketchSamples:
    """Samples by number; sample i depends on (seed, i) and the films alone."""

    def __init__(self, films: Sequence[Film], options: SampleOptions, seed: int) -> None:
        self.films = films
        self.options = options
        self.seed = seed

    def __getitem__(self, index: int) -> SketchSample:
        options = self.options
        rng = np.random.default_rng((self.seed, index))
        number = int(rng.integers(len(self.films)))
        frames = self.films[number].frames
        widest = (len(frames) - 1) // max(1, options.n_frames - 1) if options.n_frames > 1 else 1
        stride = int(rng.integers(1, min(options.max_stride, widest) + 1))
        start = int(rng.integers(len(frames) - stride * (options.n_frames - 1)))
        pictures = [_read(frames[start + stride * i], options.size) for i in range(options.n_frames)]
        places = _sketch_frames(rng, options)
        sketches: dict[int, Tensor] = {}
        masks: dict[int, Tensor] = {}
        for place in places:
            lines = EXTRACTORS[options.extractors[rng.integers(len(options.extractors))]](pictures[place])
            if rng.random() < options.mask_share:
                mask = random_mask(rng, options.size)
                masks[place] = torch.from_numpy(mask.astype(np.float32))
                # ToonComposer, region-level control: where the sketch does not count, it is not seen.
                lines = np.where(mask, lines, np.uint8(255))
            sketches[place] = -_to_tensor(np.repeat(lines[..., None], 3, -1))
        others = [i for i in range(1, options.n_frames) if i not in sketches]
        n_others = min(int(rng.integers(options.max_references)), len(others))
        references = (
            (0, *sorted(int(i) for i in rng.choice(others, n_others, replace=False))) if others else (0,)
        )
        video = torch.stack([_to_tensor(picture) for picture in pictures], 1)
        return SketchSample(
            video, references, sketches, masks, number, bool(rng.random() < options.text_share)
        )


def random_mask(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.bool_]:
    """`[H, W]`, False inside one to three ellipses or boxes that may run over the edge."""
    height, width = size
    free = np.zeros(size, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        half_w, half_h = int(rng.uniform(0.08, 0.35) * width), int(rng.uniform(0.08, 0.35) * height)
        if rng.random() < 0.5:
            cv2.ellipse(free, (x, y), (half_w, half_h), float(rng.uniform(0, 180)), 0, 360, 1, -1)
        else:
            cv2.rectangle(free, (x - half_w, y - half_h), (x + half_w, y + half_h), 1, -1)
    return free == 0


def _sketch_frames(rng: np.random.Generator, options: SampleOptions) -> list[int]:
    """Frames to sketch, each in a latent frame of its own: half the time spread evenly up to the last."""
    last = options.n_frames - 1
    n_latent = last // _TIME_STRIDE
    if not n_latent:
        return [0]
    count = min(int(rng.integers(1, options.max_sketches + 1)), n_latent)
    if rng.random() < 0.5:
        return [last * (i + 1) // count for i in range(count)]
    latents = rng.choice(n_latent, count, replace=False)
    return sorted(int(latent) * _TIME_STRIDE + int(rng.integers(1, _TIME_STRIDE + 1)) for latent in latents)


def _read(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture over white, scaled to cover `size`, the overhang cut evenly: `[H, W, 3]`."""
    rgba = read_picture(path)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    flat = rgba[..., :3] * alpha + 255 * (1 - alpha)
    height, width = size
    scale = max(height / flat.shape[0], width / flat.shape[1])
    scaled = (max(width, round(flat.shape[1] * scale)), max(height, round(flat.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grown = cv2.resize(flat, scaled, interpolation=how)
    top, left = (grown.shape[0] - height) // 2, (grown.shape[1] - width) // 2
    return np.clip(grown[top : top + height, left : left + width] + 0.5, 0, 255).astype(np.uint8)


def _to_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """`[H, W, 3]` 8-bit as `[3, H, W]` in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float() / 127.5 - 1


def _number(path: Path) -> tuple[int, str]:
    found = re.search(r"(\d+)\D*$", path.stem)
    return (int(found[1]) if found else -1, path.name)
