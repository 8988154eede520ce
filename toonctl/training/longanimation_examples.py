"""Training examples of LongAnimation: which windows of a clip are taken, and the encoded examples on disk.

Letters: lF latent frames of the film, lh lw latent size, L text tokens, E text width, S memory tokens.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole
from toonctl.models.longanimation.denoiser import FilmMemory, SegmentCond
from toonctl.models.longanimation.film import place_reference, with_front
from toonctl.spec.recipe_longanimation import LongAnimationDataRecipe

_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip's `clip.json` says; scores are None where it was not rated."""

    name: str
    frames: int
    aesthetic: float | None
    dynamic: float | None

    @classmethod
    def read(cls, name: str, values: Mapping[str, object]) -> "ClipFacts":
        """Raises: KeyError and ValueError when the clip does not say its number of frames."""
        scores = (values.get("aesthetic_score"), values.get("dynamic_score"))
        aesthetic, dynamic = (float(score) if isinstance(score, int | float) else None for score in scores)
        return cls(name, int(str(values["frames"])), aesthetic, dynamic)


@dataclass(frozen=True, slots=True)
class Window:
    """The target `start .. start + frames` of a clip, its reference, and what comes before it as history."""

    start: int
    reference: int
    has_history: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One encoded window.

    `film` and `sketch` `[1, lF, 16, lh, lw]`; `reference` (image scale), `front` (the same at film scale) and
    `front_sketch` `[1, 1, 16, lh, lw]`; `text` and `empty` `[1, L, E]`. `whole`, `recent` and `target` are
    memories `[1, 2, 3, S, width]` of the history, of its end, and of the true film; None without a history.
    """

    film: Tensor
    sketch: Tensor
    reference: Tensor
    front: Tensor
    front_sketch: Tensor
    text: Tensor
    empty: Tensor
    whole: Tensor | None = None
    recent: Tensor | None = None
    target: Tensor | None = None

    @property
    def clean(self) -> Tensor:
        """The latents of every slot `[1, F, 16, lh, lw]`, the reference's own in slot 0."""
        return with_front(self.film, self.front)

    @property
    def cond(self) -> SegmentCond:
        """What steers the networks, with the memory where there is one."""
        sketch = with_front(self.sketch, self.front_sketch)
        is_later = self.whole is not None and self.recent is not None
        memory = FilmMemory(self.whole, self.recent) if is_later else None  # pyright: ignore[reportArgumentType]  # both are there
        return SegmentCond(place_reference(self.reference, sketch.shape[1]), sketch, memory)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Example":
        """The same elsewhere, in another precision."""
        moved = {name: value for name in _names() if (value := getattr(self, name)) is not None}
        return Example(**{name: value.to(device, dtype) for name, value in moved.items()})


def refusal(facts: ClipFacts, recipe: LongAnimationDataRecipe) -> str | None:
    """Why a clip is left out of the data set; None when it is taken."""
    if facts.frames < recipe.min_frames:
        return f"{facts.frames} frames, fewer than {recipe.min_frames}"
    needed = recipe.frames + (recipe.history_frames if recipe.has_history else 0)
    if facts.frames < needed:
        return f"{facts.frames} frames, window and history need {needed}"
    if facts.aesthetic is not None and facts.aesthetic < recipe.min_aesthetic:
        return f"aesthetic score {facts.aesthetic}, below {recipe.min_aesthetic}"
    if facts.dynamic is not None and facts.dynamic < recipe.min_dynamic:
        return f"dynamic score {facts.dynamic}, below {recipe.min_dynamic}"
    return None


def choose_window(facts: ClipFacts, number: int, recipe: LongAnimationDataRecipe) -> Window:
    """The window of example `number` of a clip, the same on every machine.

    Without a history (stage 1) the reference is any frame of the window, earlier ones likelier; with one it
    is any frame of the history, which ends where the window starts (LongAnimation, supplement).
    """
    rng = np.random.default_rng((recipe.seed, zlib.crc32(facts.name.encode()), number))
    last = min(facts.frames, recipe.max_frames) - recipe.frames
    if recipe.has_history:
        start = int(rng.integers(recipe.history_frames, last + 1))
        return Window(start, int(rng.integers(start)), True)
    start = int(rng.integers(last + 1))
    return Window(start, start + int(recipe.frames * rng.random() ** 2), False)


def write_example(path: Path, example: Example) -> None:
    """Raises: DeliveryError when the folder cannot be written."""
    tensors = {name: value for name in _names() if (value := getattr(example, name)) is not None}
    # A clip without a caption has the empty text twice: a file cannot hold one tensor under two names.
    write_whole(path, save({name: value.cpu().contiguous().clone() for name, value in tensors.items()}))


class ExampleSet:
    """The examples of a folder, in an order that depends on the seed alone.

    Raises: DeliveryError when there are none.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.paths = sorted(folder.glob(f"*{_SUFFIX}"))
        self.seed = seed
        if not self.paths:
            what = f"no training examples in `{folder}`"
            raise DeliveryError(what, str(folder), "make them with a `longanimation_data` recipe")

    def at(self, place: int) -> Example:
        """The example at a place of the endless order: every pass over the folder is shuffled anew."""
        turn, rest = divmod(place, len(self.paths))
        order = np.random.default_rng((self.seed, turn)).permutation(len(self.paths))
        return read_example(self.paths[int(order[rest])])


def read_example(path: Path) -> Example:
    """Raises: DeliveryError when the file holds no example."""
    try:
        return Example(**load_file(path))
    except (SafetensorError, TypeError, ValueError, OSError) as error:
        what = f"`{path.name}` is no training example: {error}"
        raise DeliveryError(what, str(path), "remove it and make the data again") from error


def _names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Example))
