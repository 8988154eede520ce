"""The color model of a layer: every mix of paint that its references show, exact, and where it lies in each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, ColorModel, PaintPart, Pixels, Role
from toonctl.formats.compositing import blend_over

_ROLES = (Role.PAINT, Role.SHADOW, Role.HIGHLIGHT)
_MOST_COLORS = 4096
_MIN_PIXELS = 3


def read_color_model(
    references: Sequence[CelPixels], line_coverage: Sequence[Pixels]
) -> tuple[ColorModel, list[NDArray[np.uint16]]]:
    """The color model of painted drawings and, for each, the index of every pixel `[H, W]` uint16.

    Soft edges are not colors: a mix counts when it covers at least three pixels clear of lines, in any reference;
    every other pixel takes the nearest mix that counts. `line_coverage` is the ink of each drawing, uint8 `[H, W]`.
    """
    stacks = [_parts_by_role(cel) for cel in references]
    keys = [_keys(stack) for stack in stacks]
    clear = [np.unique(key[ink < 16], return_counts=True) for key, ink in zip(keys, line_coverage, strict=True)]
    seen = np.concatenate([values for values, _ in clear])
    counts = np.concatenate([counts for _, counts in clear])
    values, at = np.unique(seen, return_inverse=True)
    totals = np.bincount(at, counts, minlength=len(values))
    order = np.argsort(-totals, kind="stable")
    values = values[order][totals[order] >= _MIN_PIXELS][: _MOST_COLORS - 1]
    return _assemble(references, stacks, keys, values)
