"""The shot file of `colorize-long`."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from toonctl.spec.engine_tables import CelColorize, GapPx, LineThreshold, MinRegionPx
from toonctl.spec.shot import LayerTable, ShotSpec, layers_named_twice
from toonctl.spec.table import ArtPath, ArtPattern, Exposure, Fault, LayerName, Table


class ArtTable(Table):
    """Where the drawings are: numbered pictures (`line`) or a layered PSD (`psd`), and when each is shown."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["line"]}, {"required": ["psd"]}]})

    line: ArtPattern | None = Field(default=None, description="Numbered line drawings, `line/walk.####.png`.")
    layer: LayerName = Field(default="A", description="The layer that the pictures of `line` are.")
    background: ArtPath | None = Field(default=None, description="A painted picture below all layers.")
    psd: ArtPath | None = Field(
        default=None, description="A layered PSD, or `cut012_####.psd` for one per frame."
    )
    sheet: ArtPath | None = Field(default=None, description="Exposure sheet: `.xdts`, `.tdts` or `.csv`.")
    exposure: dict[LayerName, Exposure] | None = Field(
        default=None, description='The sheet in words, by layer: { A = "1x6 2x6 3x12" }.'
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        if "line" not in keys and "psd" not in keys:
            yield Fault(
                (), "the shot has no drawings", 'add `line = "line/walk.####.png"` or `psd = "cut012.psd"`'
            )
        if "line" in keys and "psd" in keys:
            yield Fault(("psd",), "`line` and `psd` are both given", "keep the one that holds the drawings")
        if "sheet" in keys and "exposure" in keys:
            yield Fault(("exposure",), "`sheet` and `exposure` are both given", "keep one of them")


class ReferenceTable(Table):
    """A painted drawing that sets the colors; without `frame` and `drawings` it is a color design."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["image"]}, {"required": ["psd"]}]})

    frame: int | None = Field(default=None, description="The frame of the shot it shows.")
    image: ArtPath | None = Field(default=None, description="The painted picture.")
    line: ArtPath | None = Field(
        default=None, description="Its line layer, when `image` holds no black lines."
    )
    layer: LayerName | None = Field(
        default=None, description="The layer that `image` paints; `[art] layer` when absent."
    )
    psd: ArtPath | None = Field(default=None, description="A painted layered PSD, instead of `image`.")
    drawings: dict[LayerName, str] = Field(
        default_factory=dict[str, str], description='Which drawings the PSD shows: { A = "1", B = "2" }.'
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        if "image" not in keys and "psd" not in keys:
            yield Fault((), "the reference has no picture", 'add `image = "color/walk.0001.png"` or a `psd`')
        if "image" in keys and "psd" in keys:
            yield Fault(("psd",), "`image` and `psd` are both given", "keep one of them")
        if "image" in keys and "drawings" in keys:
            yield Fault(
                ("drawings",), "`drawings` goes with `psd`", "an image shows one drawing: give its `frame`"
            )
        if "psd" in keys:
            for key in ("line", "layer"):
                if key in keys:
                    yield Fault((key,), f"`{key}` goes with `image`", "a PSD names its layers itself")
        if "frame" in keys and "drawings" in keys:
            yield Fault(("frame",), "`frame` and `drawings` are both given", "keep one of them")


class ColorizeLayer(LayerTable):
    """Options of one layer; what is absent follows `[engine]`."""

    color: bool = Field(default=True, description="False leaves the layer as it is.")
    gap_px: GapPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    min_region_px: MinRegionPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    line_threshold: LineThreshold | None = Field(
        default=None, description="As in `[engine]`, for this layer."
    )


class ColorizeLongSpec(ShotSpec):
    """The shot file of `colorize-long`."""

    art_kind: ClassVar[Literal["lines", "keys", "sketches"]] = "lines"

    art: ArtTable
    references: Annotated[tuple[ReferenceTable, ...], Field(strict=False, min_length=1)] = Field(
        alias="reference"
    )
    layers: Annotated[tuple[ColorizeLayer, ...], Field(strict=False)] = Field(default=(), alias="layer")
    engine: CelColorize = CelColorize()

    def faults(self) -> Iterator[Fault]:
        yield from layers_named_twice(self.layers)
        if self.output.cels is False and not self.engine_table.paints_whole:
            hint = "leave it out, or name an engine that paints whole pictures"
            yield Fault(("output", "cels"), "this engine gives nothing but cels", hint)
        for index, reference in enumerate(self.references):
            if reference.frame is not None and reference.frame < self.shot.first_frame:
                yield Fault(
                    ("reference", index, "frame"),
                    f"frame {reference.frame} lies before the shot, which starts at {self.shot.first_frame}",
                    "count from `[shot] first_frame`",
                )
