"""Clips that ToonCrafter learns from: triplets as ATD-12K keeps them, or drawings in a row."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from toonctl.core.errors import ArtError
from toonctl.formats.png import read_picture
from toonctl.spec.recipe_tooncrafter import ClipsRecipe

_PICTURES = (".png", ".jpg", ".jpeg", ".tga", ".tif", ".tiff")
_TRAIN_FOLDERS = ("train_10k", "train", "val", "")
_ANNOTATIONS = ("train_10k_annotations", "train_annotations", "test_2k_annotations")
_TAG = "general_motion_type"


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """The drawings of one clip in order, and its prompt. Of a triplet, only three frames are known."""

    name: str
    paths: tuple[Path, ...]
    prompt: str
    is_triplet: bool

    def places(self, n_frames: int, generator: torch.Generator) -> tuple[int, ...]:
        """The window's frames these drawings are; a triplet's middle is either of the two middle frames."""
        if not self.is_triplet:
            return tuple(range(n_frames))
        late = int(torch.randint(0, 2, (), generator=generator))
        return 0, (n_frames - 1) // 2 + late * (1 - n_frames % 2), n_frames - 1


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Clips to learn from and clips held back, apart for good: a clip's name decides."""

    taught: tuple[TrainingClip, ...]
    held_back: tuple[TrainingClip, ...]


def find_clips(recipe: ClipsRecipe, n_frames: int) -> ClipSet:
    """The clips of the recipe's folder. Raises: ArtError when there are none to learn from."""
    root = Path(recipe.data)
    clips = list(
        _triplets(root, recipe.prompt) if recipe.layout == "triplets" else _sequences(root, recipe, n_frames)
    )
    held = tuple(clip for clip in clips if _share_of(clip.name, recipe.seed) < recipe.validation_share)
    taught = tuple(clip for clip in clips if clip not in held)
    if not taught:
        hint = 'folders of `frame1` to `frame3`, or `layout = "sequences"` and folders of drawings'
        raise ArtError(f"there are no {recipe.layout} to learn from", str(root), hint)
    return ClipSet(taught, held)


def read_fit(path: Path, size: tuple[int, int]) -> Tensor:
    """The picture over white, covering `size` (width, height), cut in the middle, `[3, H, W]` in -1..1."""
    rgba = Image.fromarray(read_picture(path), "RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    values = np.asarray(ImageOps.fit(flat, size, Image.Resampling.LANCZOS), np.float32)
    return torch.from_numpy(values).permute(2, 0, 1) / 127.5 - 1


def _triplets(root: Path, prompt: str) -> Iterator[TrainingClip]:
    folders = [root / name for name in _TRAIN_FOLDERS if (root / name).is_dir()]
    tags = _tags(root)
    seen: set[Path] = set()
    for folder in sorted(path for parent in folders for path in parent.iterdir() if path.is_dir()):
        frames = [next(iter(sorted(folder.glob(f"frame{i}.*"))), None) for i in (1, 2, 3)]
        paths = tuple(path for path in frames if path is not None and path.suffix.lower() in _PICTURES)
        if len(paths) == 3 and folder not in seen:
            seen.add(folder)
            yield TrainingClip(folder.name, paths, tags.get(folder.name, prompt), True)


def _tags(root: Path) -> dict[str, str]:
    """Motion tags by clip, where the annotations lie beside the frames."""
    tags: dict[str, str] = {}
    for file in sorted(path for name in _ANNOTATIONS for path in (root / name).glob("**/*.json")):
        try:
            tag = json.loads(file.read_text("utf-8")).get(_TAG)
        except (OSError, ValueError, AttributeError):
            continue  # a clip without a readable tag has the recipe's prompt
        if isinstance(tag, str) and tag:
            tags[file.parent.name if file.parent.parent.name in _ANNOTATIONS else file.stem] = tag
    return tags


def _sequences(root: Path, recipe: ClipsRecipe, n_frames: int) -> Iterator[TrainingClip]:
    for folder in sorted(path for path in (root, *root.glob("*")) if path.is_dir()):
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
        # Windows share their ends, as they do when a long stretch is drawn.
        for start in range(0, len(paths) - n_frames + 1, n_frames - 1):
            window = tuple(paths[start : start + n_frames])
            yield TrainingClip(f"{folder.name}-{start:05}", window, recipe.prompt, False)


def _share_of(name: str, seed: int) -> float:
    return zlib.crc32(f"{seed}/{name}".encode()) / 2**32


def in_turn(clips: Sequence[TrainingClip], step: int, count: int, seed: int) -> list[TrainingClip]:
    """The clips of one step: every clip once before any comes again, each round in an order of its own."""
    places = range(step * count, (step + 1) * count)
    chosen: list[TrainingClip] = []
    for place in places:
        turn, position = divmod(place, len(clips))
        order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(seed * 1_000_003 + turn))
        chosen.append(clips[int(order[position])])
    return chosen
