"""One pair of shots measured frame by frame; kept are the numbers, and of pictures the frame before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toonctl.core.types import Pixels
from toonctl.metrics.color import (
    Mask,
    Palette,
    color_codes,
    flat_colors,
    inside_of_flats,
    region_accuracy,
    right_share,
)
from toonctl.metrics.layers import SharedEdges, composite_error
from toonctl.metrics.line import drawn_lines, line_chamfer
from toonctl.metrics.pixel import MS_SSIM_LEAST_PX, SSIM_LEAST_PX, ms_ssim, psnr, ssim
from toonctl.metrics.synchrony import quadrant_psnr
from toonctl.metrics.temporal import DECAY_FRAMES, Flicker, band_psnr, decay, drift
from toonctl.pipelines._eval_networks import Take
from toonctl.pipelines._eval_protocol import METRICS

Values = Mapping[str, float | None]

_BASIS = {"drift": "foreground_color", "low_decay": "low_psnr", "high_decay": "high_psnr"}
"""Measures of a whole shot, and the frame by frame measure each is made of."""

_LATE = frozenset({"motion_smoothness"})
"""Measures that tell a frame's value when they see the next one."""

_NO_VALUE = {
    "drift": "12 frames are needed, with foreground in the first and last sixth",
    "low_decay": f"more than {DECAY_FRAMES} frames are needed",
    "high_decay": f"more than {DECAY_FRAMES} frames are needed",
    "flicker": "two frames are needed, and something that stands still",
    "ms_ssim": f"pictures are smaller than {MS_SSIM_LEAST_PX} px",
    "lpips": "pictures are smaller than 64 px",
    "lpips_vgg": "pictures are smaller than 64 px",
    "dists": "pictures are smaller than 16 px",
    "subject_consistency": "two frames are needed",
    "background_consistency": "two frames are needed",
    "motion_smoothness": "three frames of 113 px are needed",
    "ssim": f"pictures are smaller than {SSIM_LEAST_PX} px",
    "foreground_color": "no frame has painted foreground",
    "region_color": "no frame has painted areas",
    "psnr_box": "no frame has foreground",
    "quadrants": "no frame shows two quadrants, nor does each side show one",
    "quadrants_lpips": "no frame shows two quadrants of 64 px, nor does each side show one",
    "cell_crossing": "the result was not drawn in packed cells",
    "layer_stack": "the result has no composite of its layers alone",
    "layer_edges": "the result has no layers that touch in its first and last frame",
    "layer_gaps": "the result has no layers that touch in its first and last frame",
}
"""Why a measure that needs no network may still have no value."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of one pair, or of a set: `value` None says `reason`; `n` values went in.

    `spread` is their standard deviation, `worst` the number of the worst frame, of a pair only and None when
    all of several are alike.
    """

    metric: str
    value: float | None
    n: int = 0
    spread: float | None = None
    worst: int | None = None
    reason: str | None = None


class FrameMeter:
    """Measures pictures against their truth, RGB `[H, W, 3]` of one size, in order."""

    def __init__(self, metrics: Iterable[str], networks: Mapping[str, Take] | None = None) -> None:
        """`networks` measure what needs a network; what is not among them is left out."""
        self._networks = networks or {}
        known = {*_FRAME, *_BANDS, *self._networks}
        self._wanted = tuple(
            name for name in dict.fromkeys(_BASIS.get(n, n) for n in metrics) if name in known
        )
        self._flicker = Flicker()
        self._ground: int | None = None
        self.series: dict[str, list[float | None]] = {name: [] for name in self._wanted}

    def take(self, picture: Pixels, truth: Pixels) -> Values:
        """The values of a frame, by name of the measure; they are kept in `series` as well."""
        if self._ground is None:
            codes, counts = np.unique(color_codes(truth), return_counts=True)
            self._ground = int(codes[counts.argmax()])
        frame = _Frame(picture, truth, self._ground)
        bands = dict.fromkeys(_BANDS, 0.0)
        if any(name in bands for name in self._wanted):
            bands = dict(zip(_BANDS, band_psnr(picture, truth), strict=True))
        values: dict[str, float | None] = {}
        for name in self._wanted:
            if name == "flicker":
                values[name] = self._flicker.take(picture, truth)
            elif name in self._networks:
                values[name] = self._of_this_frame(name, self._networks[name](picture, truth))
            else:
                values[name] = bands[name] if name in bands else _FRAME[name](frame)
            self.series[name].append(values[name])
        return values

    def _of_this_frame(self, name: str, value: float | None) -> float | None:
        """The value, unless it is that of the frame before and now stands there."""
        if name not in _LATE:
            return value
        if self.series[name]:
            self.series[name][-1] = value
        return None


class LayerMeter:
    """Measures how the layers of a result hang together; frames come in order, RGBA by layer."""

    def __init__(
        self, metrics: Iterable[str], first: Mapping[str, Pixels], last: Mapping[str, Pixels]
    ) -> None:
        """`first` and `last` are the first and the last frame: keys, whose shared edges are watched."""
        self._wanted = tuple(metrics)
        self._edges = SharedEdges(first, last)
        self.series: dict[str, list[float | None]] = {name: [] for name in self._wanted}

    def take(self, layers: Mapping[str, Pixels], composite: Pixels | None) -> None:
        """One frame; `composite` is what was delivered beside the layers, None when nothing was."""
        contacts = list(self._edges.take(layers))
        values: dict[str, float | None] = {
            "layer_edges": float(np.mean([each.kept for each in contacts])) if contacts else None,
            "layer_gaps": float(sum(each.gap_px for each in contacts)) if contacts else None,
            "layer_stack": None,
        }
        if composite is not None and "layer_stack" in self._wanted:
            values["layer_stack"] = composite_error(list(layers.values()), composite)
        for name in self._wanted:
            self.series[name].append(values[name])


def summed_up(
    metrics: Iterable[str],
    series: Mapping[str, Sequence[float | None]],
    frames: Sequence[int],
    lacking: Mapping[str, str],
) -> tuple[Measured, ...]:
    """Every measure of one pair; `frames` are the numbers that people know its frames by.

    `lacking` says of measures why they have no value whatever the frames are.
    """
    return tuple(
        Measured(name, None, reason=f"not measured: {lacking[name]}")
        if name in lacking
        else _summed_up(name, series, frames)
        for name in metrics
    )


def pooled(metrics: Iterable[str], pairs: Sequence[Sequence[Measured]]) -> tuple[Measured, ...]:
    """Every measure over a set of pairs: the mean of the pairs' values. One pair stays as it is."""
    if len(pairs) == 1:
        return tuple(pairs[0])
    by_name = [{measured.metric: measured for measured in pair} for pair in pairs]
    return tuple(_pooled(name, [pair[name] for pair in by_name]) for name in metrics)


def _pooled(name: str, measured: Sequence[Measured]) -> Measured:
    values = [each.value for each in measured if each.value is not None]
    if not values:
        return Measured(name, None, reason=measured[0].reason)
    return Measured(name, float(np.mean(values)), len(values), float(np.std(values)))


def _summed_up(name: str, series: Mapping[str, Sequence[float | None]], frames: Sequence[int]) -> Measured:
    metric = METRICS[name]
    values = series.get(_BASIS.get(name, name), ())
    known = [(value, frame) for value, frame in zip(values, frames, strict=False) if value is not None]
    if name in _BASIS:
        value = _of_shot(name, values)
        return Measured(name, value, len(known) if value is not None else 0, reason=_why_not(name, value))
    if not known:
        return Measured(name, None, reason=_why_not(name, None))
    numbers = np.array([value for value, _ in known])
    place = int(numbers.argmin() if metric.is_higher_better else numbers.argmax())
    worst = known[place][1] if numbers.min() < numbers.max() or len(known) == 1 else None
    return Measured(name, float(numbers.mean()), len(known), float(numbers.std()), worst)


def _of_shot(name: str, values: Sequence[float | None]) -> float | None:
    if name == "drift":
        return drift(values)
    return decay([value for value in values if value is not None])


def _why_not(name: str, value: float | None) -> str | None:
    if value is not None:
        return None
    return f"not measured: {_NO_VALUE.get(name, 'no frame has a value')}"


class _Frame:
    """A picture and its truth, with what several measures want to know of it, found out once."""

    def __init__(self, picture: Pixels, truth: Pixels, ground: int) -> None:
        self.picture, self.truth = picture, truth
        self._ground = ground
        self._codes = color_codes(truth)

    @property
    def foreground(self) -> Mask:
        """Flat paint of the truth that is not its ground."""
        return inside_of_flats(self._codes) & (self._codes != self._ground)

    @property
    def box(self) -> tuple[slice, slice] | None:
        """Rows and columns around all that is not the ground; None when there is nothing."""
        rows, columns = (np.flatnonzero((self._codes != self._ground).any(axis)) for axis in (1, 0))
        if not len(rows):
            return None
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _psnr_box(frame: _Frame) -> float | None:
    if frame.box is None:
        return None
    return psnr(np.ascontiguousarray(frame.picture[frame.box]), np.ascontiguousarray(frame.truth[frame.box]))


def _off_palette(frame: _Frame) -> float:
    colors = flat_colors(frame.truth)
    palette = Palette(colors)
    return palette.share_outside(frame.picture) - palette.share_outside(frame.truth)


def _ssim(frame: _Frame) -> float | None:
    return ssim(frame.picture, frame.truth) if min(frame.truth.shape[:2]) >= SSIM_LEAST_PX else None


def _ms_ssim(frame: _Frame) -> float | None:
    return ms_ssim(frame.picture, frame.truth) if min(frame.truth.shape[:2]) >= MS_SSIM_LEAST_PX else None


_BANDS = ("low_psnr", "high_psnr")
_FRAME: Mapping[str, Callable[[_Frame], float | None]] = {
    "psnr": lambda frame: psnr(frame.picture, frame.truth),
    "psnr_box": _psnr_box,
    "quadrants": lambda frame: quadrant_psnr(frame.picture, frame.truth),
    "ssim": _ssim,
    "ms_ssim": _ms_ssim,
    "line_chamfer": lambda frame: line_chamfer(drawn_lines(frame.picture), drawn_lines(frame.truth)),
    "region_color": lambda frame: region_accuracy(frame.picture, frame.truth),
    "foreground_color": lambda frame: right_share(frame.picture, frame.truth, frame.foreground),
    "off_palette": _off_palette,
    "flicker": lambda _: None,  # the meter's own: it needs the frame before
}
