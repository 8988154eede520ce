"""The shot file of `inbetween`: keys at frames, or drawings with a sheet that marks the inbetweens."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_tables import CelInbetween
from toonctl.spec.keys import KeyedLayer, KeyTable, TimingTable, frames_in_order
from toonctl.spec.shot import ShotSpec, layers_named_twice
from toonctl.spec.table import ArtPath, ArtPattern, Exposure, Fault, LayerName, Table

_DRAWINGS = ("psd", "image", "line")


class KeyedArt(Table):
    """Drawings with an exposure sheet instead of `[[key]]` tables, and what lies behind them."""

    psd: ArtPath | None = Field(default=None, description="A layered PSD whose drawings the sheet names.")
    image: ArtPattern | None = Field(
        default=None, description="Numbered painted drawings, `keys/A.####.png`."
    )
    line: ArtPattern | None = Field(default=None, description="Numbered line drawings, `line/A.####.png`.")
    layer: LayerName = Field(default="A", description="The layer that `image`, `line` and plain keys are.")
    background: ArtPath | None = Field(default=None, description="A painted picture below all layers.")
    sheet: ArtPath | None = Field(
        default=None, description="Exposure sheet; its inbetween marks (XDTS TICK_1) are filled."
    )
    exposure: dict[LayerName, Exposure] | None = Field(
        default=None,
        description='The sheet in words, `+` marking an inbetween: { A = "1x4 +x2 +x2 2x6" }.',
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        given = [key for key in _DRAWINGS if key in keys]
        for key in given[1:]:
            what = f"`{given[0]}` and `{key}` are both given"
            yield Fault((key,), what, "keep the one that holds the drawings")
        sheets = [key for key in ("sheet", "exposure") if key in keys]
        if len(sheets) == 2:
            yield Fault(("exposure",), "`sheet` and `exposure` are both given", "keep one of them")
        if given and not sheets:
            what = f"no sheet says when the drawings of `{given[0]}` are shown"
            yield Fault(
                (given[0],), what, 'add `sheet = "cut012.xdts"`, or name the keys in `[[key]]` tables'
            )
        if sheets and not given:
            yield Fault((sheets[0],), "the sheet has no drawings", "add `psd`, `image` or `line`")


class InbetweenSpec(ShotSpec):
    """The shot file of `inbetween`."""

    art_kind: ClassVar[Literal["lines", "keys", "sketches"]] = "keys"

    art: KeyedArt = KeyedArt()
    keys: Annotated[tuple[KeyTable, ...], Field(strict=False)] = Field(default=(), alias="key")
    timing: TimingTable = TimingTable()
    layers: Annotated[tuple[KeyedLayer, ...], Field(strict=False)] = Field(default=(), alias="layer")
    engine: CelInbetween = CelInbetween()

    def faults(self) -> Iterator[Fault]:
        yield from layers_named_twice(self.layers)
        has_sheet = self.art.sheet is not None or self.art.exposure is not None
        if has_sheet and self.keys:
            what = "`[[key]]` tables and a sheet are both given"
            yield Fault(("key", 0), what, "keep the tables, or `[art]` with its sheet")
        elif not has_sheet:
            yield from few_keys(len(self.keys))
            frames = [key.frame for key in self.keys]
            yield from frames_in_order(frames, table="key", first_frame=self.shot.first_frame)


def few_keys(n_keys: int) -> Iterator[Fault]:
    """A fault when there is nothing to draw between."""
    if n_keys < 2:
        what = f"{'one key has' if n_keys else 'no key means'} nothing to draw between"
        yield Fault(("key",), what, "give two or more `[[key]]` tables, each with its `frame`")
