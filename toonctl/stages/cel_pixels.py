"""The pixels of one drawing, loaded where they are needed: in worker processes, from picture file or PSD."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from toonctl.core.errors import ArtError
from toonctl.core.types import Cel, CelPixels, PaintPart, Pixels, Role, Size
from toonctl.formats.blend import Blend
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_line, read_picture
from toonctl.formats.probe import probe_picture
from toonctl.formats.psd_cache import recall_nodes, recall_psd
from toonctl.formats.psd_tree import PsdDocument, PsdNode
from toonctl.stages.cel_parts import Part, ReadOptions, cel_parts
from toonctl.stages.line_pixels import black_lines, split_lines
from toonctl.stages.psd_layers import top_role


def load_cel(cel: Cel, *, size: Size, options: ReadOptions | None = None) -> CelPixels:
    """The decoded drawing at canvas `size` (width, height), its lines, trace lines and paint apart.

    A cel of line art always has a `line`, be it empty. `options` are those the art was read with. Raises:
    ArtError when the file is damaged or of another size than when it was probed.
    """
    if cel.node:
        pixels = _load_psd(cel, options or ReadOptions())
    elif cel.is_line_art:
        line, trace = _load_lines(cel.path)
        pixels = CelPixels(line, trace)
    else:
        line, trace = (None, None) if cel.line is None else _load_lines(cel.line)
        pixels = CelPixels(line, trace, (PaintPart(Role.PAINT, "normal", False, read_picture(cel.path)),))
    for plane in (pixels.line, *(part.rgba for part in pixels.paint[:1])):
        if plane is not None and plane.shape[:2] != size[::-1]:
            raise ArtError(f"`{cel.path.name}` has changed while it was read", str(cel.path), "run again")
    return pixels


def _load_lines(path: Path) -> tuple[Pixels, Pixels | None]:
    if probe_picture(path).mode == "gray":
        return black_lines(read_line(path)), None
    return split_lines(read_picture(path))


def _load_psd(cel: Cel, options: ReadOptions) -> CelPixels:
    document = recall_psd(cel.path)
    node = document.node(cel.node)
    role = top_role(document.nodes[cel.node[0]], options=options)[1]
    if len(cel.node) == 1 and role in (Role.BACKGROUND, Role.BOOK):
        is_own = node.blend in tuple(Blend) and node.blend != Blend.PASS_THROUGH
        part = PaintPart(
            Role.PAINT, node.blend if is_own else "normal", False, recall_nodes(document, [node.path])
        )
        return CelPixels(None, None, (part,))
    parts = cel_parts(node, options=options, is_line_art=cel.is_line_art).parts
    lines = _draw(document, [node for part in parts if part.role is Role.LINE for node in part.nodes])
    traces = _draw(document, [node for part in parts if part.role is Role.TRACE for node in part.nodes])
    if lines is not None:
        lines, colored = split_lines(lines)
        traces = colored if traces is None else traces if colored is None else blend_over(colored, traces)
    elif cel.is_line_art:
        lines = np.zeros((document.size[1], document.size[0], 4), np.uint8)
    return CelPixels(lines, traces, tuple(_paint(document, parts)))


def _paint(document: PsdDocument, parts: Sequence[Part]) -> Iterator[PaintPart]:
    for part in parts:
        if part.role in (Role.LINE, Role.TRACE):
            continue
        rgba = _draw(document, part.nodes)
        base = _draw(document, part.base)
        if rgba is None:
            continue
        if base is not None:  # whoever lays it over more than its base must not let it run over
            rgba.view(np.uint32)[base[..., 3] == 0] = 0
        yield PaintPart(part.role, part.blend, base is not None, rgba)


def _draw(document: PsdDocument, nodes: Sequence[PsdNode]) -> Pixels | None:
    """The layers laid over each other, those of one group together so that clipping among them holds."""
    drawn: Pixels | None = None
    for _, group in groupby(nodes, key=lambda node: node.path[:-1]):
        above = recall_nodes(document, [node.path for node in group])
        drawn = above if drawn is None else blend_over(drawn, above)
    return drawn
