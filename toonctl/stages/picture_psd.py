"""A layered PSD of every new picture of a shot: all layers as they stand at one frame."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from toonctl.core.art import Role, Size
from toonctl.core.errors import CheckFailed
from toonctl.formats.png import read_picture
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.stages.show import Show
from toonctl.stages.tree import OutputTree

Stack = tuple[tuple[str, Path], ...]
"""Layers bottom to top, each with the file of its picture."""


def picture_stacks(show: Show) -> Iterator[tuple[int, Stack]]:
    """The frames at which a new picture appears, as numbered for people, with the layers that show there."""
    tree, timeline = show.tree, show.timeline
    seen: set[tuple[str | None, ...]] = set()
    for frame in timeline.frames:
        shown = timeline.shown(frame)
        if shown in seen:
            continue
        seen.add(shown)
        drawn = dict(zip(timeline.layers, shown, strict=True))
        files = (
            (layer, tree.frame(layer, frame) if role is Role.CEL else tree.still(layer))
            for layer, role in show.stack
            if role is not Role.CEL or drawn[layer] is not None
        )
        yield frame, tuple(files)


def write_picture_psd(tree: OutputTree, frame: int, stack: Stack, size: Size) -> Path:
    """`psd/cup.0001.psd`, one layer for each picture of `stack`; a frame without any gives an empty one.

    Raises: CheckFailed when a picture is gone from disk, DeliveryError when the file cannot be written.
    """
    for _, file in stack:
        if not file.exists():
            what = f"`{file.name}` is missing, which the layered PSD needs"
            raise CheckFailed(what, str(file), "draw it again with `--resume`")
    path = tree.picture_psd(frame)
    write_psd(path, [PsdOut(layer, partial(read_picture, file)) for layer, file in stack], size=size)
    return path
