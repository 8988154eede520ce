"""LongAnimation's training data: windows of painted clips, encoded once and kept on disk.

Command: toonctl train presets/train/longanimation-data.toml
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from einops import rearrange
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from toonctl.core.errors import ArtError, DeliveryError
from toonctl.core.reporter import Reporter
from toonctl.models.longanimation.line_extractor import sketch_of
from toonctl.spec.recipe_longanimation import LongAnimationDataRecipe
from toonctl.training.longanimation_encoders import Encoders, load_encoders
from toonctl.training.longanimation_examples import (
    ClipFacts,
    Example,
    Window,
    choose_window,
    refusal,
    write_example,
)

EMPTY_TEXT = "empty"


def train(
    recipe: LongAnimationDataRecipe, *, report: Reporter, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """The folder of examples; those that are there already are not made again.

    Raises: CheckpointError for weights that do not fit, ArtError for clips that cannot be read, DeliveryError
    when the folder of examples cannot be used.
    """
    clips, out = Path(recipe.clips), Path(recipe.out)
    wanted = [
        (facts, number) for facts in taken_clips(clips, recipe) for number in range(recipe.examples_per_clip)
    ]
    texts = _read_texts(Path(recipe.texts))
    encoders = load_encoders(recipe)
    report.start(len(wanted), "train longanimation_data")
    for done, (facts, number) in enumerate(wanted, 1):
        if is_stopped():
            break
        path = out / f"{facts.name}_{number:03d}.safetensors"
        if not path.exists():
            window = choose_window(facts, number, recipe)
            example = encode(clips / facts.name, window, encoders, recipe)
            text = texts.get(facts.name, texts[EMPTY_TEXT])
            write_example(path, replace(example, text=text, empty=texts[EMPTY_TEXT]))
        report.step(done=done, frame=done, layer="longanimation_data", note=path.name)
    return (out,)


def taken_clips(folder: Path, recipe: LongAnimationDataRecipe) -> list[ClipFacts]:
    """The clips that pass the recipe's filter, in order of their names.

    Raises: ArtError when there is none, or one does not say what it is.
    """
    taken: list[ClipFacts] = []
    for path in sorted(folder.glob("*/clip.json")):
        try:
            facts = ClipFacts.read(path.parent.name, json.loads(path.read_text("utf-8")))
        except (OSError, KeyError, ValueError) as error:
            raise ArtError(f"`{path.parent.name}` has no usable clip.json: {error}", str(path)) from error
        if refusal(facts, recipe) is None:
            taken.append(facts)
    if not taken:
        what = f"no clip in `{folder}` is long and good enough"
        raise ArtError(what, str(folder), "lower `min_frames` or the scores of the recipe, or add clips")
    return taken


@torch.no_grad()
def encode(clip: Path, window: Window, encoders: Encoders, recipe: LongAnimationDataRecipe) -> Example:
    """One window of a clip, encoded; its texts are left empty.

    Sketch and reference are encoded by their mode, so the data depend on the recipe alone.
    """
    frames = range(window.start, window.start + recipe.frames)
    painted = read_frames(clip / "color", frames, recipe)
    sketch = sketch_of(_gray(read_frames(clip / "line", frames, recipe)))
    reference = read_frames(clip / "color", range(window.reference, window.reference + 1), recipe)
    # As at inference: later segments have their own first sketch before them, the first the reference's.
    shown = window.start if window.has_history else window.reference
    front_sketch = sketch_of(_gray(read_frames(clip / "line", range(shown, shown + 1), recipe)))
    coder = encoders.coder
    nothing = torch.zeros(1, 0, 0)
    example = Example(
        film=coder.encode_film(painted),
        sketch=coder.encode_film(sketch),
        reference=coder.encode_reference(reference[0]),
        front=coder.encode_film(reference),
        front_sketch=coder.encode_film(front_sketch),
        text=nothing,
        empty=nothing,
    )
    if not window.has_history:
        return example
    past = encoders.features(read_frames(clip / "color", range(window.start), recipe))
    return replace(
        example,
        whole=encoders.memory(past),
        recent=encoders.memory(past[-recipe.history_frames :]),
        target=encoders.memory(encoders.features(painted)),
    )


def read_frames(folder: Path, frames: range, recipe: LongAnimationDataRecipe) -> Tensor:
    """Frames `[F, 3, H, W]` in -1..1, on white, scaled to cover the recipe's size and cut to its middle.

    Raises: ArtError when a frame is missing or no picture.
    """
    paths = sorted(folder.glob("*.png"))
    if len(paths) < frames.stop:
        raise ArtError(f"`{folder.name}` has {len(paths)} frames, not {frames.stop}", str(folder))
    pictures = np.stack([_picture(paths[i], recipe.width, recipe.height) for i in frames])
    tensor = torch.from_numpy(pictures).to(recipe.device)
    return rearrange(tensor, "f h w c -> f c h w").float() / 127.5 - 1


def _picture(path: Path, width: int, height: int) -> np.ndarray:
    """RGB uint8 `[H, W, 3]`."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ArtError(f"`{path.name}` is not a picture", str(path), "remove the clip or restore the file")
    if picture.ndim == 2:
        picture = picture[:, :, None].repeat(3, 2)
    if picture.shape[2] == 4:
        alpha = picture[:, :, 3:].astype(np.float32) / 255
        picture = (picture[:, :, :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return scaled[top : top + height, left : left + width, ::-1].copy()


def _gray(frames: Tensor) -> Tensor:
    """Gray levels `[F, 1, H, W]` in 0..1 of frames in -1..1."""
    return frames.mean(1, keepdim=True) / 2 + 0.5


def _read_texts(path: Path) -> Mapping[str, Tensor]:
    try:
        texts = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DeliveryError(f"the texts `{path.name}` cannot be read: {error}", str(path)) from error
    if EMPTY_TEXT not in texts:
        raise DeliveryError(f"`{path.name}` holds no embedding of the empty text", str(path), "add `empty`")
    return texts
