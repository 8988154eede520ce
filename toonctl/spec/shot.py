"""The shot file as records. Every default value of toonctl stands here and nowhere else.

One model per command, found by name in `COMMANDS`; the tables are shared. `[engine]` is validated by the
engine chosen, so a command with several engines has one engine table each.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from toonctl.spec.table import (
    ArtPath,
    ArtPattern,
    Exposure,
    Fault,
    FrameRange,
    LayerName,
    Name,
    Rate,
    Table,
    refusal,
)

RoleName: TypeAlias = Literal[
    "ignore",
    "layout",
    "background",
    "book",
    "cel",
    "correction",
    "line",
    "trace",
    "paint",
    "shadow",
    "highlight",
]
MovieProfile: TypeAlias = Literal["prores4444", "animation", "png", "prores422hq", "dnxhr444", "ffv1", "h264"]
SheetFormat: TypeAlias = Literal["xdts", "csv", "otio"]


def _check_gap(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 200:
        return value
    raise refusal(
        'must be "auto" or a number of pixels from 0 to 200',
        '"auto" closes 3 px at 540 lines and grows with the picture; 0 closes nothing',
    )


GapPx = Annotated[
    float | Literal["auto"],
    BeforeValidator(_check_gap),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 200}, {"const": "auto"}]}),
]
MinRegionPx = Annotated[int, Field(ge=0, le=10_000)]
LineThreshold = Annotated[int, Field(ge=1, le=255)]


class ShotTable(Table):
    """The shot as the studio knows it."""

    name: Name = Field(description="Names the output folder and every file in it.")
    rate: Rate = Field(description='Frames per second: "24", "23.976", "24000/1001".')
    frames: FrameRange | None = Field(
        default=None, description='Which frames make up the shot, such as "1-48".'
    )
    first_frame: int = Field(
        default=1, ge=-99_999, le=999_999, description="Number of the first frame in file names."
    )
    cut: str = Field(default="", description="The studio's number of this shot.")
    scene: str = Field(default="", description="The studio's number of the scene.")
    prompt: str = Field(default="", description="What happens, in words; read by engines that take text.")


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


class PsdTable(Table):
    """How layered PSDs are read."""

    roles: dict[RoleName, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict[RoleName, tuple[str, ...]],
        description='More layer names for a role: { line = ["ink"], ignore = ["notes*"] }.',
    )
    corrections: Literal["skip", "apply"] = Field(
        default="skip", description="Whether correction layers (`修正`, `作監`) replace the line."
    )


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


class LayerTable(Table):
    """Options of one layer; what is absent follows `[engine]`."""

    name: LayerName = Field(description="The layer, as the PSD or the sheet names it.")
    color: bool = Field(default=True, description="False leaves the layer as it is.")
    gap_px: GapPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    min_region_px: MinRegionPx | None = Field(default=None, description="As in `[engine]`, for this layer.")
    line_threshold: LineThreshold | None = Field(
        default=None, description="As in `[engine]`, for this layer."
    )


class EngineTable(Table):
    """Who draws. These keys are the same for every engine."""

    preset: str | None = Field(
        default=None, description="A preset by name, or a `.toml` beside the shot file."
    )
    device: str = Field(
        default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:1."
    )
    seed: int = Field(
        default=0, ge=0, le=2**63 - 1, description="Never random: the same seed gives the same pictures."
    )


class CelColorize(EngineTable):
    """The built-in engine coloring line drawings: runs on the CPU, needs no download."""

    name: Literal["cel"] = "cel"
    matcher: Literal["learned", "geometric"] = Field(
        default="learned",
        description="How regions find each other: trained matcher, or optical flow and shape alone.",
    )
    gap_px: GapPx = Field(
        default="auto",
        description='Gaps in lines up to twice this wide are closed; "auto" = 3 px at 540 lines, 0 = none.',
    )
    min_region_px: MinRegionPx = Field(default=6, description="Smaller specks join the area around them.")
    line_threshold: LineThreshold = Field(
        default=64, description="Ink coverage 1..255 from which a pixel is line."
    )
    memory_items: int = Field(
        default=32, ge=1, le=1000, description="Colored drawings remembered beside the references."
    )
    backward_sweep: bool = Field(default=True, description="Go through the shot a second time, backwards.")
    figures: bool = Field(default=True, description="Match whole figures before their parts.")
    doubt_below: float = Field(
        default=0.35, ge=0, le=1, description="Regions less sure than this are listed as doubtful."
    )
    plan: Literal["chain"] = Field(
        default="chain",
        description="How a shot is split over a farm: a chunk goes on from the memory of the one before.",
    )


class OutputTable(Table):
    """What is delivered beside the PNG sequences."""

    movies: Annotated[tuple[MovieProfile, ...], Field(strict=False)] = Field(
        default=("prores4444",), description="Movie profiles; empty writes none."
    )
    psd: bool = Field(default=False, description="Write a layered PSD of all drawings.")
    split: bool = Field(default=False, description="Also write line and paint of every drawing apart.")
    png: Literal["auto", "rgba"] = Field(
        default="auto",
        description='"auto" stores few colors as a palette PNG, same pixels; "rgba" never does.',
    )
    line_aa: Literal["keep", "binary"] = Field(
        default="keep", description='"binary" writes lines without soft edges.'
    )
    trace_fill: Literal["darker", "lighter", "keep"] = Field(
        default="darker", description="Which neighbor's color a color-trace line takes."
    )
    snap_palette: bool = Field(default=True, description="Keep every flat exactly on the references' colors.")
    preview: bool = Field(default=True, description="Write contact sheet and flip-book page.")
    sheets: Annotated[tuple[SheetFormat, ...], Field(strict=False)] | None = Field(
        default=None,
        description="Exposure sheets to write; absent = xdts and csv when the shot came with one.",
    )


class ShotSpec(Table):
    """What the shot files of all commands have in common."""

    shot: ShotTable
    psd: PsdTable = PsdTable()
    layers: Annotated[tuple[LayerTable, ...], Field(strict=False)] = Field(default=(), alias="layer")
    output: OutputTable = OutputTable()

    def faults(self) -> Iterator[Fault]:
        counts = Counter(layer.name for layer in self.layers)
        for index, layer in enumerate(self.layers):
            if counts[layer.name] > 1:
                yield Fault(
                    ("layer", index, "name"),
                    f"layer `{layer.name}` has {counts[layer.name]} tables",
                    "keep one `[[layer]]` per layer",
                )


class ColorizeLongSpec(ShotSpec):
    """The shot file of `colorize-long`."""

    art: ArtTable
    references: Annotated[tuple[ReferenceTable, ...], Field(strict=False, min_length=1)] = Field(
        alias="reference"
    )
    engine: CelColorize = CelColorize()

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for index, reference in enumerate(self.references):
            if reference.frame is not None and reference.frame < self.shot.first_frame:
                yield Fault(
                    ("reference", index, "frame"),
                    f"frame {reference.frame} lies before the shot, which starts at {self.shot.first_frame}",
                    "count from `[shot] first_frame`",
                )


COMMANDS: Mapping[str, type[ShotSpec]] = {"colorize-long": ColorizeLongSpec}
"""The shot-file model of every drawing command."""
