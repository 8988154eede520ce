"""Layered PSD in: the tree of layers at once, pixels of a layer or group when asked for.

Blend modes, clipping, opacity and masks of production.md 1.4 are composited here; whatever else a layer holds
is drawn by psd-tools, and `PsdNode.unsupported` says why. The merged preview is never read as picture data,
only weighed: a file cut in its last tenth opens like a whole one.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from psd_tools import PSDImage
from psd_tools.api.layers import Layer
from psd_tools.constants import BlendMode, ColorMode, Resource, Tag
from psd_tools.psd import PSD
from psd_tools.psd.parse_limits import ParseLimits

from toonctl.core.errors import ArtError, ToonctlError
from toonctl.core.types import Pixels, Size
from toonctl.formats.art_file import MAX_BYTES, SAVE_AGAIN, check_size, open_art
from toonctl.formats.blend import Blend
from toonctl.formats.color_profile import to_srgb
from toonctl.formats.compositing import Plate, blend_over, composite
from toonctl.formats.icc import read_profile
from toonctl.formats.psd_decode import check_merged, layer_mask, layer_pixels, peek_header
from toonctl.formats.psd_tree import NodePath, PsdDocument, PsdNode
from toonctl.formats.psd_writer import PsdOut, write_psd

__all__ = ["PsdDocument", "PsdNode", "PsdOut", "load_node", "load_nodes", "open_psd", "write_psd"]

_MAX_SIDE = 30_000
_MAX_DEPTH = 50
_MODES = {ColorMode.RGB: "RGB", ColorMode.GRAYSCALE: "gray"}
_COLOR_MODES = {name: mode for mode, name in _MODES.items()}
_OWN_BLENDS = frozenset(blend.value for blend in Blend)
_BLENDS = {
    BlendMode.NORMAL: Blend.NORMAL,
    BlendMode.MULTIPLY: Blend.MULTIPLY,
    BlendMode.SCREEN: Blend.SCREEN,
    BlendMode.LINEAR_DODGE: Blend.LINEAR_DODGE,
    BlendMode.OVERLAY: Blend.OVERLAY,
    BlendMode.PASS_THROUGH: Blend.PASS_THROUGH,
}


def open_psd(path: Path) -> PsdDocument:
    """The PSD at `path`, its pixels still packed.

    Raises: ArtError when it is missing, no PSD, damaged or cut off, has no layers, is of a color mode other
    than RGB and grayscale, or declares a picture or layer over 100 million pixels.
    """
    with open_art(path) as file, _named(path, "is damaged or no PSD", SAVE_AGAIN):
        _check_header(file.read(26), path)
        file.seek(0)
        n_bytes = file.seek(0, 2)
        file.seek(0)
        limits = ParseLimits(max_read_bytes=n_bytes, max_total_bytes=8 * n_bytes + 2**20)
        record = PSD.read(file, parse_limits=limits)
        check_merged(record)
        image = PSDImage(record)
        image.max_alloc_bytes = MAX_BYTES
        nodes = _nodes(image, (), path)
        data = image.image_resources.get_data(Resource.ICC_PROFILE)
    if not nodes:
        raise ArtError(f"`{path.name}` has no layers", str(path), "save it with its layers, not flattened")
    mode = _MODES[image.color_mode]
    profile = read_profile(bytes(data), is_gray=mode == "gray") if data else None
    return PsdDocument(path, image.size, image.depth, mode, profile, bool(data) and not profile, nodes, image)


def load_node(document: PsdDocument, path: NodePath) -> Pixels:
    """One layer or group over nothing: sRGB, straight alpha, `[H, W, 4]` at document size.

    Its own visibility and blend mode do not matter, those of layers inside a group do. Raises: ArtError when
    its pixels are damaged.
    """
    return load_nodes(document, [path])


def load_nodes(document: PsdDocument, paths: Sequence[NodePath]) -> Pixels:
    """Several layers or groups of one parent laid over each other, bottom to top, as `load_node`.

    A clipped one is clipped to the next below it that is not, if that is among them.
    """
    nodes = [document.node(path) for path in paths]
    names = ", ".join(f"`{node.name}`" for node in nodes)
    hint = "rasterise the layer, or open the file and save it again"
    with _named(document.path, f"has a layer that cannot be read ({names})", hint):
        if any(_needs_psd_tools(node) for node in nodes):
            rgba = _mixed(document, nodes)
        else:
            rgba = composite(_plates(document, nodes), size=document.size)
    return to_srgb(rgba, document.profile) if document.profile else rgba


@contextmanager
def _named(path: Path, what: str, hint: str) -> Generator[None]:
    """Whatever the bytes of a PSD provoke in psd-tools, told as one sentence about the file."""
    try:
        yield
    except (ToonctlError, OSError) as error:
        if isinstance(error, ToonctlError) or error.errno is not None:
            raise
        raise ArtError(f"`{path.name}` {what}", str(path), hint) from error
    except (
        Exception
    ) as error:  # its parsers leak every kind: struct.error, KeyError, RecursionError, MemoryError ...
        raise ArtError(f"`{path.name}` {what}", str(path), hint) from error


def _check_header(head: bytes, path: Path) -> None:
    size, depth, mode, _ = peek_header(head)
    check_size(size, path)
    if max(size) > _MAX_SIDE:
        what = f"`{path.name}` is {size[0]} x {size[1]} pixels, {_MAX_SIDE} a side are allowed"
        raise ArtError(what, str(path), "scale it down or split it")
    if mode not in _MODES or depth not in (8, 16, 32):
        known = mode in set(ColorMode) and depth in (1, 8, 16, 32)
        if not known:
            raise ValueError("neither a known color mode nor depth")
        name = ColorMode(mode).name.lower() if depth != 1 else "bitmap"
        shown = {"cmyk": "CMYK", "lab": "Lab"}.get(name, name)
        raise ArtError(f"`{path.name}` is in {shown} mode", str(path), "convert it to RGB and save it again")


def _nodes(group: Any, path: NodePath, file: Path) -> tuple[PsdNode, ...]:
    if len(path) > _MAX_DEPTH:
        raise ValueError("groups nested without end")
    return tuple(_node(layer, (*path, index), file) for index, layer in enumerate(group))


def _node(layer: Any, path: NodePath, file: Path) -> PsdNode:
    is_group = layer.kind == "group"
    children = _nodes(layer, path, file) if layer.is_group() else ()
    if is_group:
        boxes = [child.box for child in children if child.box[2] > child.box[0]]
        columns = list(zip(*boxes, strict=True)) if boxes else [(0,)] * 4
        box = (min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3]))
    else:
        record = layer._record
        box = (record.left, record.top, record.right, record.bottom)
        if box[2] <= box[0] or box[3] <= box[1]:
            box = (0, 0, 0, 0)
        else:
            _check_box((box[2] - box[0], box[3] - box[1]), file, f"layer `{layer.name}`")
    if layer.mask is not None:
        mask_size = (max(1, layer.mask.width), max(1, layer.mask.height))
        _check_box(mask_size, file, f"the mask of layer `{layer.name}`")
    mode = cast(BlendMode, layer.blend_mode)
    return PsdNode(
        name=str(layer.name),
        path=path,
        is_group=is_group,
        is_visible=bool(layer.visible),
        opacity=round(layer.opacity * layer.tagged_blocks.get_data(Tag.BLEND_FILL_OPACITY, 255) / 255),
        blend=_BLENDS[mode].value if mode in _BLENDS else mode.name.lower(),
        is_clipped=bool(layer.clipping),
        has_mask=layer.mask is not None,
        children=children if is_group else (),
        box=box,
        unsupported=_unsupported(layer, mode),
    )


def _check_box(size: Size, file: Path, what: str) -> None:
    check_size(size, file, what)
    if max(size) > 10 * _MAX_SIDE:  # off-canvas layers of a PSB may be this long
        raise ValueError("a layer longer than the format allows")


def _unsupported(layer: Any, mode: BlendMode) -> str | None:
    """Why only psd-tools can draw the layer, None when we can."""
    if layer.kind not in ("pixel", "group"):
        names = {"type": "type layer", "smartobject": "smart object", "shape": "shape layer"}
        return names.get(layer.kind, "artboard" if layer.kind == "artboard" else "adjustment or fill layer")
    if mode not in _BLENDS:
        return f"blend mode {mode.name.lower().replace('_', ' ')}"
    if layer.has_effects():
        return "layer effect"
    if layer.has_vector_mask() and not layer.vector_mask.disabled:
        return "vector mask"
    parameters = layer.mask.parameters if layer.mask is not None else None
    if parameters is not None and parameters.user_mask_feather:
        return "feathered mask"
    return None


def _needs_psd_tools(node: PsdNode) -> bool:
    shown = (child for child in node.children if child.is_visible)
    return node.unsupported is not None or any(_needs_psd_tools(child) for child in shown)


def _mixed(document: PsdDocument, nodes: Sequence[PsdNode]) -> Pixels:
    """Nodes of which psd-tools draws some, with what is clipped to them; each is blended as normal."""
    rgba = np.zeros((document.size[1], document.size[0], 4), np.uint8)
    for base, *clipped in _clipping_groups(nodes):
        # psd-tools shows a clipped layer on its base only; alone it is drawn here as far as that goes.
        if not base.is_clipped and any(_needs_psd_tools(node) for node in (base, *clipped)):
            above = _draw_by_psd_tools(document, (base, *clipped))
        else:
            above = composite(_plates(document, (base, *clipped)), size=document.size)
        rgba = blend_over(rgba, above)
    return rgba


def _clipping_groups(nodes: Sequence[PsdNode]) -> list[list[PsdNode]]:
    groups: list[list[PsdNode]] = []
    for node in nodes:
        if node.is_clipped and groups:
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _plates(document: PsdDocument, nodes: Sequence[PsdNode]) -> list[Plate]:
    return [_plate(document, node, is_asked=True) for node in nodes]


def _plate(document: PsdDocument, node: PsdNode, *, is_asked: bool = False) -> Plate:
    layer = _layer(document, node.path)
    # Over nothing every mode is normal, and so is one that is not composited here.
    is_normal = (is_asked and not node.is_clipped) or node.blend not in _OWN_BLENDS
    blend = Blend.NORMAL if is_normal else Blend(node.blend)
    children = tuple(_plate(document, child) for child in node.children if child.is_visible)
    return Plate(
        box=node.box,
        load=None if node.is_group else _loader(layer, _COLOR_MODES[document.mode]),
        children=_without_orphans(node, children),
        blend=blend,
        opacity=node.opacity,
        is_clipped=node.is_clipped,
        mask=layer_mask(layer),
    )


def _without_orphans(group: PsdNode, plates: tuple[Plate, ...]) -> tuple[Plate, ...]:
    """The plates of visible children, less those clipped to a hidden layer, which show nothing."""
    kept: list[Plate] = []
    is_base_hidden = False
    shown = iter(plates)
    for child in group.children:
        plate = next(shown) if child.is_visible else None
        if not child.is_clipped:
            is_base_hidden = plate is None
        if plate is not None and not (child.is_clipped and is_base_hidden):
            kept.append(plate)
    return tuple(kept)


def _loader(layer: Any, mode: ColorMode) -> Callable[[], Pixels]:
    return lambda: layer_pixels(layer, mode)


def _layer(document: PsdDocument, path: NodePath) -> Any:
    layer: Any = document.image
    for index in path:
        layer = layer[index]
    return layer


def _draw_by_psd_tools(document: PsdDocument, nodes: Sequence[PsdNode]) -> Pixels:
    """A layer or group, and what is clipped to it, as psd-tools shows it over nothing."""
    from psd_tools.composite import composite as psd_tools_composite  # rarely needed, and brings all of scipy

    layers = [_layer(document, node.path) for node in nodes]
    wanted = {id(inner) for layer in layers for inner in (layer, *_visible_inside(layer))}

    def is_drawn(layer: Layer) -> bool:
        return id(layer) in wanted

    width, height = document.size
    # As an array: `layer.composite()` cuts off fractions, and flats would be one level too dark.
    color, _, alpha = psd_tools_composite(
        layers[0], viewport=(0, 0, width, height), layer_filter=is_drawn, as_layer=True
    )
    rgba = np.empty((height, width, 4), np.uint8)
    rgba[..., :3] = np.clip(color * 255 + 0.5, 0, 255)
    rgba[..., 3] = np.clip(alpha[..., 0] * 255 + 0.5, 0, 255)
    return rgba


def _visible_inside(layer: Any) -> Iterator[Any]:
    for child in layer if layer.is_group() else ():
        if child.visible:
            yield child
            yield from _visible_inside(child)
