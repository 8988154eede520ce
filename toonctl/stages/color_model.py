"""The color model of a layer: every mix of paint that its references show, and where each lies in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import ArtError
from toonctl.core.types import CelPixels, ColorModel, PaintPart, Pixels, Role
from toonctl.formats.compositing import blend_over

_SHADES = (Role.SHADOW, Role.HIGHLIGHT)
_MOST_COLORS = 4096
_LEAST_FLAT_PX = 3


@dataclass(frozen=True, slots=True)
class PaintedPixels:
    """A painted drawing by kind of paint, RGBA `[H, W, 4]` each, and `mixed`, how it shows."""

    flat: Pixels
    shadow: Pixels
    highlight: Pixels
    mixed: Pixels

    @classmethod
    def of(cls, cel: CelPixels) -> "PaintedPixels":
        """The paint of a drawing. Raises: ArtError when it has none."""
        if not cel.paint:
            raise ArtError(
                "the reference has no paint", hint="give it a layer named `paint`, or use a painted picture"
            )
        planes = {role: np.zeros_like(cel.paint[0].rgba) for role in (Role.PAINT, *_SHADES)}
        mixed = np.zeros_like(cel.paint[0].rgba)
        for part in cel.paint:
            planes[part.role] = blend_over(planes[part.role], part.rgba)
            mixed = blend_over(mixed, part.rgba, blend=part.blend, is_clipped=part.is_clipped)
        flat, shadow, highlight = (_cleared(planes[role], mixed) for role in (Role.PAINT, *_SHADES))
        return cls(flat, shadow, highlight, mixed)

    def words(self) -> NDArray[np.uint32]:
        """Flat, shadow and highlight of every pixel as one word each, `[H, W, 3]`."""
        return np.stack([_words(plane) for plane in (self.flat, self.shadow, self.highlight)], -1)


def read_color_model(
    references: Sequence[CelPixels], lines: Sequence[Pixels]
) -> tuple[ColorModel, list[NDArray[np.uint16]]]:
    """The color model of painted drawings and, for each of them, the index of every pixel, uint16 `[H, W]`.

    Soft edges are not colors: a mix counts where it lies flat, a pixel and its four neighbors alike and clear
    of lines, at three pixels or more. Every other pixel takes the nearest mix that counts. `lines` is the
    coverage of each drawing's lines, uint8 `[H, W]`. Raises: ArtError when a reference has no paint.
    """
    painted = [PaintedPixels.of(cel) for cel in references]
    coded, mixes = _code([picture.words() for picture in painted])
    counts = np.zeros(len(mixes), np.int64)
    for codes, ink in zip(coded, lines, strict=True):
        counts += np.bincount(codes[_is_flat(codes) & (ink < 16)], minlength=len(mixes))
    is_clear = np.logical_not((mixes > 0).any(axis=1))
    order = np.argsort(-counts, kind="stable")
    kept = [int(i) for i in order if counts[i] >= _LEAST_FLAT_PX and not is_clear[i]][: _MOST_COLORS - 1]
    model = _model(mixes[kept], _blends(references))
    lut = np.zeros(len(mixes), np.uint16)
    lut[kept] = np.arange(1, len(kept) + 1, dtype=np.uint16)
    rest = np.setdiff1d(np.flatnonzero(~is_clear), kept)
    lut[rest] = _nearest(_model(mixes[rest], model.blends).colors[1:], model.colors)
    return model, [lut[codes] for codes in coded]


def _code(pictures: Sequence[NDArray[np.uint32]]) -> tuple[list[NDArray[np.int32]], NDArray[np.uint32]]:
    """Each picture `[H, W, 3]` as one number a pixel, and the words `[n, 3]` that each number stands for."""
    lengths: list[NDArray[np.int64]] = []
    firsts: list[NDArray[np.uint32]] = []
    for picture in pictures:
        pixels = picture.reshape(-1, 3)
        # Paint is long runs: what differs from the pixel before is looked at, not every pixel.
        starts = np.concatenate(([0], np.flatnonzero((pixels[1:] != pixels[:-1]).any(axis=1)) + 1))
        lengths.append(np.diff(starts, append=len(pixels)))
        firsts.append(pixels[starts])
    mixes, codes = np.unique(np.concatenate(firsts), axis=0, return_inverse=True)
    ends = np.cumsum([len(first) for first in firsts])[:-1]
    parts = np.split(codes.ravel().astype(np.int32), ends)
    coded = [
        np.repeat(part, length).reshape(picture.shape[:2])
        for part, length, picture in zip(parts, lengths, pictures, strict=True)
    ]
    return coded, mixes


def _is_flat(codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where a pixel equals its four neighbors, `[H, W]`."""
    flat = np.ones(codes.shape, bool)
    across, down = codes[:, 1:] == codes[:, :-1], codes[1:] == codes[:-1]
    flat[:, 1:] &= across
    flat[:, :-1] &= across
    flat[1:] &= down
    flat[:-1] &= down
    return flat


def _model(mixes: NDArray[np.uint32], blends: Mapping[str, str]) -> ColorModel:
    """The color model of the mixes `[n, 3]`, transparent first."""
    rows = np.concatenate([np.zeros((1, 3), np.uint32), mixes])
    flats, shadows, highlights = (
        np.ascontiguousarray(rows[:, i]).view(np.uint8).reshape(-1, 4) for i in range(3)
    )
    colors = flats
    for shade, role in ((shadows, Role.SHADOW), (highlights, Role.HIGHLIGHT)):
        colors = blend_over(colors, shade, blend=blends.get(role, "normal"), is_clipped=True)
    return ColorModel(colors, flats, shadows, highlights, blends)


def _blends(references: Sequence[CelPixels]) -> dict[str, str]:
    """The blend mode of shadows and of highlights; the first reference that has them decides."""
    parts: list[PaintPart] = [part for cel in references for part in cel.paint if part.role in _SHADES]
    return {str(part.role): part.blend for part in reversed(parts)}


def _nearest(colors: Pixels, model: Pixels) -> NDArray[np.uint16]:
    """The entry of `model` `[K, 4]` nearest to each of `colors` `[n, 4]`, alpha counting like a channel."""
    found = np.empty(len(colors), np.uint16)
    for start in range(0, len(colors), 1024):
        apart = colors[start : start + 1024, None].astype(np.int32) - model[None].astype(np.int32)
        found[start : start + 1024] = (apart**2).sum(-1).argmin(1)
    return found


def _cleared(plane: Pixels, mixed: Pixels) -> Pixels:
    """`plane` emptied where the drawing shows nothing: a clipped shadow reaches no further than its paint."""
    return np.where((mixed[..., 3:] > 0) & (plane[..., 3:] > 0), plane, 0).astype(np.uint8)


def _words(pixels: Pixels) -> NDArray[np.uint32]:
    return np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
