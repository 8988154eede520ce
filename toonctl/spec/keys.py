"""Keys and the timing of what lies between them, as the tables of several commands give them."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Field

from toonctl.spec.engine_tables import GapPx, LineThreshold, MinRegionPx
from toonctl.spec.shot import LayerTable
from toonctl.spec.table import ArtPath, Fault, LayerName, Table, refusal

Ease: TypeAlias = Literal["linear", "in", "out", "in-out"]
"""`in` starts slowly, `out` ends slowly, `in-out` does both."""

Exposed: TypeAlias = Literal[1, 2, 3]
"""Frames that a drawing is held: ones, twos, threes."""


def _check_chart(value: object) -> object:
    shares = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
    numbers = [float(each) for each in shares if isinstance(each, int | float) and not isinstance(each, bool)]
    is_rising = all(a < b for a, b in pairwise([0.0, *numbers, 1.0]))
    if not numbers or len(numbers) != len(shares) or not is_rising:
        raise refusal(
            "a timing chart is a list of numbers that rise from over 0 to under 1",
            "one number a drawing, how far it has come: `chart = [0.1, 0.3, 0.6, 0.9]`",
        )
    return tuple(numbers)


Chart = Annotated[tuple[float, ...], Field(strict=False), BeforeValidator(_check_chart)]
"""How far each drawing has come from one key to the next, 0 to 1."""

_EASE = 'Pace of the way: "linear"; "in" starts slowly, "out" ends slowly, "in-out" does both.'
_SOURCES = ("image", "psd", "layers")


class TimingTable(Table):
    """When the drawings between keys are shown; a key's own `ease`, `chart` and `exposure` go before."""

    exposure: Exposed = Field(default=1, description="Frames a drawing is held: 1 ones, 2 twos, 3 threes.")
    ease: Ease = Field(default="linear", description=_EASE)


class WayTable(Table):
    """What the tables of keys and sketches say about the way to them."""

    ease: Ease | None = Field(default=None, description=f"{_EASE} Of the way to this key.")
    chart: Chart | None = Field(
        default=None,
        description="Timing chart of the way to this key, a number a drawing: [0.1, 0.3, 0.6, 0.9].",
    )
    exposure: Exposed | None = Field(
        default=None, description="As in `[timing]`, for the drawings on the way to this key."
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        for key in ("ease", "exposure"):
            if "chart" in keys and key in keys:
                yield Fault((key,), f"`chart` and `{key}` are both given", "a chart sets the pace by itself")


class KeyTable(WayTable):
    """A key: a painted picture, a line drawing, a layered PSD, or one picture for each layer."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("image", "line", "psd", "layers")]}
    )

    frame: int = Field(description="The frame at which the key stands.")
    image: ArtPath | None = Field(default=None, description="The key as a picture, RGB or RGBA.")
    line: ArtPath | None = Field(
        default=None, description="Its line layer apart; without `image` a key of lines alone."
    )
    layer: LayerName | None = Field(
        default=None, description="The layer that `image` or `line` is; `A` when absent."
    )
    psd: ArtPath | None = Field(
        default=None, description="The key as a layered PSD in still form, instead of `image`."
    )
    layers: dict[LayerName, ArtPath] | None = Field(
        default=None,
        min_length=1,
        description='The key as a picture for each layer, bottom to top: { BG = "BG.png", A = "A.png" }.',
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        yield from super().rules(keys)
        given = [key for key in _SOURCES if key in keys]
        if not given and "line" not in keys:
            yield Fault(
                (), "the key has no picture", 'add `image = "keys/jump.0001.png"`, a `psd` or `layers`'
            )
        for key in given[1:]:
            yield Fault((key,), f"`{given[0]}` and `{key}` are both given", "keep one of them")
        for key in ("line", "layer"):
            if key in keys and given and given[0] != "image":
                yield Fault((key,), f"`{key}` goes with `image`", f"`{given[0]}` names its layers itself")


class KeyedLayer(LayerTable):
    """Options of one layer between its keys; what is absent follows `[engine]` and the keys."""

    inbetween: bool = Field(default=True, description="False holds every key of the layer up to the next.")
    ease: Ease | None = Field(default=None, description=f"{_EASE} For this layer alone.")
    charts: dict[str, Chart] = Field(
        default_factory=dict[str, tuple[float, ...]],
        description='Timing charts by the drawing that the way starts from: { "1" = [0.2, 0.7] }.',
    )
    gap_px: GapPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    min_region_px: MinRegionPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    line_threshold: LineThreshold | None = Field(
        default=None, description="As in `[engine]`, for this layer."
    )


def frames_in_order(frames: Sequence[int], *, table: str, first_frame: int) -> Iterator[Fault]:
    """Faults of keys whose frames stand twice or out of order, or before the shot."""
    for index, frame in enumerate(frames):
        key = (table, index, "frame")
        if frame < first_frame:
            what = f"frame {frame} lies before the shot, which starts at {first_frame}"
            yield Fault(key, what, "count from `[shot] first_frame`")
        elif frame in frames[:index]:
            yield Fault(key, f"frame {frame} has two `[[{table}]]` tables", "keep one, or give it its frame")
        elif index and frame < frames[index - 1]:
            what = f"frame {frame} stands after frame {frames[index - 1]}"
            yield Fault(key, what, f"put the `[[{table}]]` tables in the order of their frames")
