"""The layered PSD of a shot: every drawing of every cel with its parts apart, in animation-folder form."""

from functools import partial
from pathlib import Path

from toonctl.core.art import Role
from toonctl.core.errors import CheckFailed
from toonctl.formats.blend import Blend
from toonctl.formats.png import read_picture
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.stages.notes import DrawingNote, PaletteNote
from toonctl.stages.palette import LayerColors
from toonctl.stages.show import Show

PART_ORDER = ("paint", "shadow", "highlight", "trace", "line")
"""The parts of a drawing, bottom to top."""


def write_layered_psd(show: Show) -> None:
    """`psd/<shot>.layered.psd`: backgrounds, cel groups of numbered drawings, books, as the shot stacks them.

    Only the first drawing of a cel is visible, as drawing programs show an animation folder. Color-trace
    lines are kept as a hidden layer: in the finished picture they have become paint. Raises: CheckFailed when
    a part is gone from disk, DeliveryError when the file cannot be written.
    """
    layers = [
        _cel_group(show, name, show.colors[name]) if role is Role.CEL else _still(show, name)
        for name, role in show.stack
    ]
    write_psd(show.tree.psd, layers, size=show.size)


def _still(show: Show, layer: str) -> PsdOut:
    return PsdOut(layer, partial(read_picture, _existing(show.tree.still(layer))))


def _cel_group(show: Show, layer: str, colors: LayerColors) -> PsdOut:
    drawings = tuple(
        PsdOut(note.drawing, children=_parts(show, note, colors.palette), is_visible=note is colors.notes[0])
        for note in colors.notes
    )
    return PsdOut(layer, children=drawings)


def _parts(show: Show, note: DrawingNote, palette: PaletteNote) -> tuple[PsdOut, ...]:
    return tuple(
        PsdOut(
            part,
            partial(read_picture, _part_file(show, note, part)),
            blend=palette.model.blends.get(part, Blend.NORMAL),
            is_clipped=part in ("shadow", "highlight"),
            is_visible=part != "trace",
        )
        for part in PART_ORDER
        if part in note.parts
    )


def _part_file(show: Show, note: DrawingNote, part: str) -> Path:
    kept, delivered = (place(note.layer, note.drawing, part) for place in (show.tree.part, show.tree.cel))
    return delivered if delivered.exists() else _existing(kept)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise CheckFailed(
            f"`{path.name}` is missing, which the layered PSD needs",
            str(path),
            "draw the shot with `[output] psd = true` and `--overwrite`",
        )
    return path
