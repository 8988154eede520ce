"""EXR frames of a shot: the composite, and every layer with its parts in channels of their own."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toonctl.core.art import Role
from toonctl.core.errors import CheckFailed
from toonctl.core.files import whole_file
from toonctl.formats.exr import write_exr
from toonctl.formats.png import read_picture
from toonctl.stages.layered_psd import PART_ORDER
from toonctl.stages.show import Show
from toonctl.stages.tree import COMP, OutputTree


@dataclass(frozen=True, slots=True)
class ExrPicture:
    """One new picture: the `frames` that show it, its composite, and the files of its channels by name."""

    frames: tuple[int, ...]
    composite: Path
    channels: Mapping[str, Path]


def exr_pictures(show: Show) -> Iterator[ExrPicture]:
    """Every new picture of the shot, in order of its first frame."""
    frames: dict[tuple[str | None, ...], list[int]] = {}
    for frame in show.timeline.frames:
        frames.setdefault(show.timeline.shown(frame), []).append(frame)
    for shown, at in frames.items():
        drawn = dict(zip(show.timeline.layers, shown, strict=True))
        channels: dict[str, Path] = {}
        for layer, role in show.stack:
            if role is not Role.CEL:
                channels[layer] = show.tree.still(layer)
            elif (drawing := drawn[layer]) is not None:
                channels |= _parts(show, layer, drawing, at[0])
        yield ExrPicture(tuple(at), show.tree.frame(COMP, at[0]), channels)


def write_exr_picture(tree: OutputTree, picture: ExrPicture) -> list[Path]:
    """The files written for one picture: `exr/cut012.0001.exr` and one for every other frame that shows it.

    Raises: CheckFailed when a picture is gone from disk, EngineError without OpenEXR, DeliveryError.
    """
    for file in (picture.composite, *picture.channels.values()):
        if not file.exists():
            what = f"`{file.name}` is missing, which the EXR frames need"
            raise CheckFailed(what, str(file), "draw the shot with `[output] exr = true` and `--overwrite`")
    first, *others = (tree.exr(frame) for frame in picture.frames)
    layers = {name: read_picture(file) for name, file in picture.channels.items()}
    write_exr(first, read_picture(picture.composite), layers)
    for path in others:
        with whole_file(path) as part:
            shutil.copyfile(first, part)
    return [first, *others]


def _parts(show: Show, layer: str, drawing: str, frame: int) -> dict[str, Path]:
    """The files of a drawing by channel: `A_paint`, `A_line`, or `A` for one that came without parts."""
    notes = {note.drawing: note for note in show.colors[layer].notes} if layer in show.colors else {}
    parts = notes[drawing].parts if drawing in notes else ()
    if not parts:
        return {layer: show.tree.frame(layer, frame)}
    tree = show.tree
    return {
        f"{layer}_{part}": delivered
        if (delivered := tree.cel(layer, drawing, part)).exists()
        else tree.part(layer, drawing, part)
        for part in PART_ORDER
        if part in parts
    }
