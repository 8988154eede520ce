"""The contact sheet: first, last and key drawings of every layer on one picture, references first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from toonctl.core.files import write_whole
from toonctl.core.types import Pixels, Size
from toonctl.formats.png import read_picture
from toonctl.formats.thumbnail import fit, shrink
from toonctl.stages.show import Show
from toonctl.stages.tree import COMP

_THUMB_PX = 360
_GAP_PX = 14
_LABEL_PX = 26
_TITLE_PX = 54
_ACROSS = 3  # cells of two pictures each
_PER_LAYER = 8
_DESK, _TEXT, _QUIET = (42, 42, 43), (226, 226, 226), (163, 163, 166)
_PAPER = (244, 243, 240, 255)
_CHECKS = ((74, 74, 76), (85, 85, 88))


@dataclass(frozen=True, slots=True)
class Cell:
    """One labeled place of the sheet: one or two pictures side by side, RGBA; None leaves a gap."""

    label: str
    note: str
    pictures: tuple[Pixels | None, ...]


def write_contact(show: Show, *, per_layer: int = _PER_LAYER) -> None:
    """`preview/contact.png`, of what is drawn so far. Raises: DeliveryError when the disk refuses."""
    size = fit(show.size, _THUMB_PX)
    rows = [
        row for layer in show.timeline.layers if (row := tuple(_layer_cells(show, layer, size, per_layer)))
    ]
    composite = tuple(_comp_cells(show, size, per_layer))
    sheet = _sheet(show, [*rows, *([composite] if composite else [])], size)
    file = BytesIO()
    sheet.save(file, "PNG")
    write_whole(show.tree.contact, file.getvalue())


def chosen(names: Sequence[str], count: int) -> tuple[str, ...]:
    """First, last and evenly spread others of `names`, `count` at most."""
    if len(names) <= count:
        return tuple(names)
    return tuple(dict.fromkeys(names[at * (len(names) - 1) // (count - 1)] for at in range(count)))


def _layer_cells(show: Show, layer: str, size: Size, count: int) -> Iterator[Cell]:
    drawn = [name for name in show.timeline.drawings(layer) if show.picture_file(layer, name).exists()]
    if not drawn:
        return
    for reference in show.references:
        if reference.layer == layer:
            yield Cell(f"{layer}  reference", reference.title, (_boxed(reference.rgba, size),))
    picked = chosen(drawn, count)
    lines = {name: show.line(layer, name) for name in picked}
    if all(line is None for line in lines.values()):
        yield from _plain_cells(show, layer, size, chosen(drawn, 2 * count))
        return
    for name, line in lines.items():
        frame = show.timeline.frames_of(layer, name)[0]
        pictures = (
            None if line is None else _on_paper(shrink(line, size)),
            shrink(show.color(layer, name), size),
        )
        yield Cell(f"{layer}  drawing {name}", f"frame {frame:04d}", pictures)


def _plain_cells(show: Show, layer: str, size: Size, names: Sequence[str]) -> Iterator[Cell]:
    """Drawings that have no line art to stand beside, two to a cell."""
    for at in range(0, len(names), 2):
        pair = names[at : at + 2]
        frames = [show.timeline.frames_of(layer, name)[0] for name in pair]
        yield Cell(
            f"{layer}  drawing {', '.join(pair)}",
            "frame " + ", ".join(f"{frame:04d}" for frame in frames),
            tuple(shrink(show.color(layer, name), size) for name in pair),
        )


def _comp_cells(show: Show, size: Size, count: int) -> Iterator[Cell]:
    """The composite at the frames where something new is shown; nothing when it is the only layer itself."""
    if len(show.stack) < 2:
        return
    timeline = show.timeline
    changes = [
        f for f in timeline.frames if f == timeline.first_frame or timeline.shown(f) != timeline.shown(f - 1)
    ]
    drawn = [str(frame) for frame in changes if show.tree.frame(COMP, frame).exists()]
    frames = [int(text) for text in chosen(drawn, count * 2)]
    for left, right in zip(frames[::2], [*frames[1::2], None], strict=False):
        pair = (left, right) if right is not None else (left,)
        pictures = tuple(shrink(read_picture(show.tree.frame(COMP, frame)), size) for frame in pair)
        yield Cell("composite", "frame " + ", ".join(f"{frame:04d}" for frame in pair), pictures)


def _sheet(show: Show, rows: Sequence[Sequence[Cell]], size: Size) -> Image.Image:
    cell_width, cell_height = 2 * size[0] + 4, size[1] + _LABEL_PX
    lines = [row[at : at + _ACROSS] for row in rows for at in range(0, len(row), _ACROSS)]
    across = max((len(line) for line in lines), default=1)
    width = across * (cell_width + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, _TITLE_PX + len(lines) * (cell_height + _GAP_PX)), _DESK)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP_PX, 14), show.tree.shot, fill=_TEXT, font=ImageFont.load_default(22))
    facts = f"{show.timeline.n_frames} frames, {show.fps} fps, {show.size[0]} x {show.size[1]}"
    start = _GAP_PX + pen.textlength(show.tree.shot, font=ImageFont.load_default(22)) + 18
    pen.text((start, 19), facts, fill=_QUIET, font=ImageFont.load_default(16))
    for line_number, line in enumerate(lines):
        for column, cell in enumerate(line):
            corner = (
                _GAP_PX + column * (cell_width + _GAP_PX),
                _TITLE_PX + line_number * (cell_height + _GAP_PX),
            )
            _draw_cell(sheet, pen, cell, corner, size)
    return sheet


def _draw_cell(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, cell: Cell, corner: tuple[int, int], size: Size
) -> None:
    left, top = corner
    font = ImageFont.load_default(16)
    pen.text((left, top + 2), cell.label, fill=_TEXT, font=font)
    pen.text((left + pen.textlength(cell.label, font=font) + 14, top + 2), cell.note, fill=_QUIET, font=font)
    for column, picture in enumerate(cell.pictures):
        if picture is not None:
            shown = Image.fromarray(picture)
            place = (left + column * (size[0] + 4), top + _LABEL_PX)
            sheet.paste(_checkers(shown.size), place)
            sheet.paste(shown, place, shown)


def _boxed(picture: Pixels, size: Size) -> Pixels:
    """The picture, which may be of another shape than the shot, shrunk to lie within `size`."""
    height, width = picture.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    return shrink(picture, (max(1, round(width * scale)), max(1, round(height * scale))))


def _on_paper(line: Pixels) -> Pixels:
    paper = Image.new("RGBA", (line.shape[1], line.shape[0]), _PAPER)
    paper.alpha_composite(Image.fromarray(line))
    return np.asarray(paper)


def _checkers(size: Size) -> Image.Image:
    columns, rows = np.arange(size[0]) // 9, np.arange(size[1]) // 9
    odd = ((columns[None, :] + rows[:, None]) % 2).astype(np.uint8)
    return Image.fromarray(np.array(_CHECKS, np.uint8)[odd])
