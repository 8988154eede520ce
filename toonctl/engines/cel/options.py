"""The cel engine's options, as the shot file's `[engine]` and `[[layer]]` tables give them.

There are no defaults here: the shot file's models hold them.
"""

from dataclasses import dataclass
from typing import Literal

from toonctl.engines.options import EngineOptions
from toonctl.regions.segment import GAP_PX_AT_540, SegmentOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOptions(EngineOptions):
    """What every command asks of the engine: how lines become regions, and how these find each other.

    The matcher `later` is for processes that read keys before there is a real one (`matchers.Describer`).
    """

    matcher: Literal["learned", "geometric", "later"]
    gap_px: float | Literal["auto"]
    min_region_px: int
    line_threshold: int

    def segment(self, height: int) -> SegmentOptions:
        """How lines become regions in a picture `height` pixels high."""
        gap = GAP_PX_AT_540 * height / 540 if self.gap_px == "auto" else float(self.gap_px)
        return SegmentOptions(
            gap_px=gap, line_threshold=self.line_threshold, min_region_px=self.min_region_px
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorizeOptions(RegionOptions):
    """Options of coloring: how much is remembered, and how a shot is walked."""

    memory_items: int
    backward_sweep: bool
    figures: bool
    doubt_below: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOptions(ColorizeOptions):
    """Options of coloring a long shot: `plan` is how it may be split over machines (`anchors.py`)."""

    plan: Literal["chain", "anchors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InbetweenOptions(RegionOptions):
    """Options of inbetweens.

    `arcs` lets parts move on a curve through a third key; regions whose motion fits worse than `region_score`
    fall back, and with more than `bad_share` of the foreground in them the whole frame.
    """

    arcs: bool
    region_score: float
    bad_share: float
