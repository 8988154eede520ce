"""Layered PSD out: RLE everywhere, every layer cropped to its alpha, the preview composited here.

The records are put together directly. psd-tools' own `create_pixel_layer_from_array` gives the same file (a
test compares them) but rebuilds the whole tree for each layer, 11 s for 800 layers, and its `save` composites
the preview anew, 3 s for 12 layers at 1920x1080.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psd_tools.constants import BlendMode, ChannelID, Clipping, ColorMode, Compression, SectionDivider, Tag
from psd_tools.psd import PSD, ChannelImageData, GlobalLayerMaskInfo, LayerInfo, LayerRecords, TaggedBlocks
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_data import ImageData
from psd_tools.psd.image_resources import ImageResources
from psd_tools.psd.layer_and_mask import (
    ChannelData,
    ChannelDataList,
    ChannelInfo,
    LayerAndMaskInformation,
    LayerFlags,
    LayerRecord,
)

from toonctl.core.errors import DeliveryError
from toonctl.core.files import whole_file
from toonctl.core.types import Pixels, Size
from toonctl.formats.blend import Blend, Box
from toonctl.formats.compositing import Plate, composite

_KEYS = {
    Blend.NORMAL: BlendMode.NORMAL,
    Blend.MULTIPLY: BlendMode.MULTIPLY,
    Blend.SCREEN: BlendMode.SCREEN,
    Blend.LINEAR_DODGE: BlendMode.LINEAR_DODGE,
    Blend.OVERLAY: BlendMode.OVERLAY,
    Blend.PASS_THROUGH: BlendMode.PASS_THROUGH,
}
_DIVIDER_NAME = "</Layer group>"
_MAX_NAME = 255
_MAX_BYTES = 2**31 - 2**24  # 2 GiB less the preview and the records


@dataclass(frozen=True, slots=True)
class PsdOut:
    """A layer with `rgba` pixels at canvas size `[H, W, 4]`, or a group with `children`, bottom to top.

    Pixels may be given as a function that loads them: then only one layer's are in memory at a time.
    """

    name: str
    rgba: Pixels | Callable[[], Pixels] | None = None
    children: tuple["PsdOut", ...] = ()
    blend: str = Blend.NORMAL
    is_clipped: bool = False
    is_visible: bool = True


def write_psd(path: Path, layers: Sequence[PsdOut], *, size: Size) -> None:
    """An 8-bit RGB PSD of `size` (width, height) with `layers`, bottom to top; equal input gives equal bytes.

    Raises: DeliveryError when the disk refuses or the file would be longer than a PSD can be; ValueError when
    a layer is not of the size.
    """
    records, channels = LayerRecords(), ChannelImageData()
    for record, data in _records(layers, size):
        records.append(record)
        channels.append(data)
    header = FileHeader(channels=3, height=size[1], width=size[0], depth=8, color_mode=ColorMode.RGB)
    preview = ImageData(compression=Compression.RLE)
    preview.set_data(_flattened(layers, size), header)
    document = PSD(
        header=header,
        image_resources=ImageResources.new(),
        layer_and_mask_information=LayerAndMaskInformation(
            LayerInfo(len(records), records, channels), GlobalLayerMaskInfo(), TaggedBlocks()
        ),
        image_data=preview,
    )
    if sum(len(data.data) for layer in channels for data in layer) > _MAX_BYTES:
        what = f"`{path.name}` would be longer than a PSD can be"
        raise DeliveryError(what, str(path), "deliver fewer drawings in it")
    with whole_file(path) as part, part.open("wb") as file:
        document.write(file)


def _records(layers: Sequence[PsdOut], size: Size) -> Iterator[tuple[LayerRecord, ChannelDataList]]:
    """Every record in file order: bottom to top, a group as divider, children, the group itself."""
    for layer in layers:
        if layer.rgba is None:
            yield _group_record(_DIVIDER_NAME, SectionDivider.BOUNDING_SECTION_DIVIDER), _no_channels()
            yield from _records(layer.children, size)
            record = _group_record(layer.name, SectionDivider.OPEN_FOLDER)
            blend = BlendMode.PASS_THROUGH if layer.blend == Blend.NORMAL else _KEYS[Blend(layer.blend)]
            record.blend_mode = BlendMode.NORMAL if blend is BlendMode.PASS_THROUGH else blend
            record.tagged_blocks.set_data(
                Tag.SECTION_DIVIDER_SETTING, kind=SectionDivider.OPEN_FOLDER, blend_mode=blend
            )
            channels = _no_channels()
        else:
            record, channels = _pixel_record(_loaded(layer.rgba), layer.name, size)
            record.blend_mode = _KEYS[Blend(layer.blend)]
        record.clipping = Clipping.NON_BASE if layer.is_clipped else Clipping.BASE
        record.flags = LayerFlags(visible=layer.is_visible)
        yield record, channels


def _pixel_record(rgba: Pixels, name: str, size: Size) -> tuple[LayerRecord, ChannelDataList]:
    if rgba.shape != (size[1], size[0], 4):
        raise ValueError(f"layer `{name}` is {rgba.shape}, expected {(size[1], size[0], 4)}")
    left, top, right, bottom = _alpha_box(rgba)
    record = LayerRecord(top=top, left=left, bottom=bottom, right=right, channel_info=[])
    _set_name(record, name)
    channels = ChannelDataList()
    part = rgba[top:bottom, left:right]
    for number, plane in ((-1, 3), (0, 0), (1, 1), (2, 2)):
        data = ChannelData(Compression.RLE)
        data.set_data(part[..., plane].tobytes(), right - left, bottom - top, 8, 1)
        record.channel_info.append(ChannelInfo(ChannelID(number), len(data.data) + 2))
        channels.append(data)
    return record, channels


def _group_record(name: str, kind: SectionDivider) -> LayerRecord:
    record = LayerRecord(channel_info=[ChannelInfo(ChannelID(number), 2) for number in range(-1, 3)])
    record.tagged_blocks.set_data(Tag.SECTION_DIVIDER_SETTING, kind=kind)
    _set_name(record, name)
    return record


def _no_channels() -> ChannelDataList:
    channels = ChannelDataList()
    for _ in range(4):
        channels.append(ChannelData(Compression.RAW))
    return channels


def _set_name(record: LayerRecord, name: str) -> None:
    # The old name field knows no Japanese and would break the file half way; readers prefer the other one.
    record.name = name[:_MAX_NAME] if name.isascii() else "?"
    record.tagged_blocks.set_data(Tag.UNICODE_LAYER_NAME, name[:_MAX_NAME])


def _alpha_box(rgba: Pixels) -> Box:
    """The box of pixels that show; one corner pixel when none does, since a layer needs one."""
    rows = np.flatnonzero(rgba[..., 3].any(axis=1))
    if not len(rows):
        return (0, 0, 1, 1)
    columns = np.flatnonzero(rgba[rows[0] : rows[-1] + 1, :, 3].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _flattened(layers: Sequence[PsdOut], size: Size) -> list[bytes]:
    """The preview over white paper, one plane of bytes a channel."""
    paper = np.full((size[1], size[0], 4), 255, np.uint8)
    plates = (_plate_of_pixels(paper, size), *(_plate(layer, size) for layer in layers if layer.is_visible))
    flat = composite(plates, size=size)
    return [flat[..., channel].tobytes() for channel in range(3)]


def _plate(layer: PsdOut, size: Size) -> Plate:
    if layer.rgba is not None:
        return _plate_of_pixels(layer.rgba, size, blend=Blend(layer.blend), is_clipped=layer.is_clipped)
    return Plate(
        (0, 0, *size),
        children=tuple(_plate(child, size) for child in layer.children if child.is_visible),
        blend=Blend.PASS_THROUGH if layer.blend == Blend.NORMAL else Blend(layer.blend),
        is_clipped=layer.is_clipped,
    )


def _plate_of_pixels(
    rgba: Pixels | Callable[[], Pixels],
    size: Size,
    *,
    blend: Blend = Blend.NORMAL,
    is_clipped: bool = False,
) -> Plate:
    return Plate((0, 0, *size), load=lambda: _loaded(rgba), blend=blend, is_clipped=is_clipped)


def _loaded(rgba: Pixels | Callable[[], Pixels]) -> Pixels:
    return rgba() if callable(rgba) else rgba
