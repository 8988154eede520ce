"""Finished pictures to files: encoded once, stamped and written for every frame that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import CheckFailed
from toonctl.core.files import write_whole
from toonctl.core.types import Pixels
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import EncodedPng, encode_png, index_or_rgba, read_picture, read_stamp
from toonctl.formats.png_chunks import PALETTE, stamp_chunk
from toonctl.stages.job import stamp_text
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree

LEVEL, PALETTE_LEVEL = 3, 6
"""Compression of delivered PNGs. Pictures of many colors are cel art with soft lines: level 3 takes 5 ms and
171 kB at 1920x1080, level 6 takes 10 ms and 161 kB."""

_COLOR_TYPE_AT = 25  # byte of the file: signature, chunk head, width, height, depth

Indexed: TypeAlias = tuple[NDArray[np.uint8] | NDArray[np.uint16], Pixels]
"""Color indices `[H, W]` and the colors they mean, RGBA `[K, 4]`"""

Targets: TypeAlias = Sequence[tuple[Path, int | None]]
"""Files and the frame each shows, as numbered for people; None for a picture of no frame"""


@dataclass(frozen=True, slots=True)
class CompJob:
    """A composite to write: the PNG files of `stack`, bottom to top, laid over each other for `targets`.

    `is_rgba` forbids palette PNGs.
    """

    stack: tuple[Path, ...]
    targets: tuple[tuple[Path, int], ...]
    job_key: str
    is_rgba: bool = False


def encode_picture(
    picture: Pixels | Indexed, *, is_rgba: bool = False, level: int | None = None
) -> EncodedPng:
    """The picture compressed: with a palette when it has few colors, unless `is_rgba`; same pixels."""
    if isinstance(picture, tuple):
        index, colors = picture
        if not is_rgba and len(colors) <= 256:
            return encode_png(index.astype(np.uint8, copy=False), colors, level=level or PALETTE_LEVEL)
        picture = colors[index]
    indexed = None if is_rgba else index_or_rgba(picture)
    if indexed is None:
        return encode_png(picture, level=level or LEVEL)
    return encode_png(*indexed, level=level or PALETTE_LEVEL)


def deliver_png(
    targets: Targets,
    picture: Pixels | Indexed | EncodedPng,
    *,
    job_key: str,
    layer: str,
    level: int | None = None,
) -> EncodedPng:
    """The picture as written to every target with the stamp of its frame; to be passed on for more targets.

    Raises: DeliveryError when the disk refuses; files written before stay.
    """
    encoded = picture if isinstance(picture, EncodedPng) else encode_picture(picture, level=level)
    for path, frame in targets:
        write_whole(path, encoded.to_bytes(stamp_text(job_key, frame=frame, layer=layer)))
    return encoded


def write_still(tree: OutputTree, layer: str, picture: Pixels, *, job_key: str) -> Path:
    """The file that now holds a background or book layer, RGBA `[H, W, 4]`, for composites and the PSD.

    Raises: DeliveryError when the disk refuses.
    """
    path = tree.still(layer)
    deliver_png([(path, None)], picture, job_key=job_key, layer=layer, level=1)
    return path


def compose_frame(stack: Sequence[Pixels]) -> Pixels:
    """The pictures RGBA `[H, W, 4]` laid over each other, bottom first. Raises: ValueError without any."""
    if not stack:
        raise ValueError("there is nothing to lay over each other")
    return reduce(blend_over, stack)


def plan_comps(
    tree: OutputTree,
    timeline: Timeline,
    *,
    stack: Sequence[str],
    frames: Sequence[int],
    job_key: str,
    is_rgba: bool = False,
) -> list[CompJob]:
    """The composites that `frames` need: one for all frames that show the same drawings.

    `stack` names all layers bottom to top; those that the timeline does not know are stills. The frames of
    the cel layers must have been written.
    """
    held: dict[tuple[str | None, ...], list[int]] = {}
    for frame in frames:
        held.setdefault(timeline.shown(frame), []).append(frame)
    jobs: list[CompJob] = []
    for shown, same in held.items():
        empty = {layer for layer, drawing in zip(timeline.layers, shown, strict=True) if drawing is None}
        files = [
            tree.frame(layer, same[0]) if layer in timeline.layers else tree.still(layer)
            for layer in stack
            if layer not in empty
        ]
        # Where all is empty, an empty layer's frame has the picture.
        files = files or [tree.frame(timeline.layers[0], same[0])]
        targets = tuple((tree.frame(COMP, frame), frame) for frame in same)
        jobs.append(CompJob(tuple(files), targets, job_key, is_rgba))
    return jobs


def write_comp(job: CompJob) -> int:
    """The number of files written. A stack of one picture is copied as it is compressed, not made again.

    Raises: CheckFailed when a picture of the stack is absent; DeliveryError when the disk refuses.
    """
    if len(job.stack) == 1:
        encoded = _reopen(job.stack[0], is_rgba=job.is_rgba)
    else:
        pictures = [read_picture(_existing(path)) for path in job.stack]
        encoded = encode_picture(compose_frame(pictures), is_rgba=job.is_rgba)
    deliver_png(job.targets, encoded, job_key=job.job_key, layer=COMP)
    return len(job.targets)


def _reopen(path: Path, *, is_rgba: bool) -> EncodedPng:
    stamp = read_stamp(_existing(path))
    data = path.read_bytes()
    if stamp is None or (is_rgba and data[_COLOR_TYPE_AT] == PALETTE):  # stills are small on disk in any case
        return encode_picture(read_picture(path), is_rgba=is_rgba)
    head, _, tail = data.partition(stamp_chunk(stamp))
    return EncodedPng(head, tail)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise CheckFailed(f"`{path.name}` is missing", str(path), "draw it again with `--resume`")
    return path
