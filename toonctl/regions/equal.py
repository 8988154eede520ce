"""Areas of one value: connected components of a picture of numbers, and labels grown over what has none."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from toonctl.regions.color_table import filled


def equal_areas(values: NDArray[np.int32], least_px: int) -> NDArray[np.uint16]:
    """4-connected areas of equal value as labels 1..n `[H, W]`; 0 where `values` is 0 or areas too small.

    The largest 65,534 areas are kept.
    """
    height, width = values.shape
    flat = values.ravel()
    is_start = np.empty(flat.size, bool)
    is_start[0] = True
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[::width] = True
    starts = np.flatnonzero(is_start)
    run = np.arange(len(starts))
    value = flat[starts]
    # Two runs of neighboring rows overlap where one of them starts over or under the other.
    below = np.searchsorted(starts, starts[starts < flat.size - width] + width, "right") - 1
    above = np.searchsorted(starts, starts[starts >= width] - width, "right") - 1
    pairs = np.concatenate(
        [np.stack([run[: len(below)], below]), np.stack([above, run[len(run) - len(above) :]])], 1
    )
    pairs = pairs[:, (value[pairs[0]] == value[pairs[1]]) & (value[pairs[0]] != 0)]
    links = coo_array((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(len(starts), len(starts)))
    n, component = connected_components(links, directed=False)
    lengths = np.diff(starts, append=flat.size)
    area = np.bincount(component, lengths, minlength=n)
    is_kept = (area >= max(1, least_px)) & (np.bincount(component, value != 0, minlength=n) > 0)
    is_kept[np.argsort(-np.where(is_kept, area, 0), kind="stable")[np.iinfo(np.uint16).max - 1 :]] = False
    number = np.zeros(n, np.uint16)
    number[is_kept] = np.arange(1, int(is_kept.sum()) + 1, dtype=np.uint16)
    return np.repeat(number[component], lengths).reshape(height, width)


def grown(labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`labels` with every 0 replaced by the nearest label; all 1 where there is none."""
    free = labels > 0
    if free.all():
        return labels
    if not free.any():
        return np.ones_like(labels)
    return filled(labels, free)
