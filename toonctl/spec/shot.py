"""The tables that the shot files of all commands share; each command's own stand in a file of its name.

Every default value of toonctl stands in these files and in `engine_tables.py`, and nowhere else.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias, cast

from pydantic import Field

from toonctl.spec.engine_tables import EngineTable
from toonctl.spec.table import Fault, FrameRange, LayerName, Name, Rate, Table

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


class PsdTable(Table):
    """How layered PSDs are read."""

    roles: dict[RoleName, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict[RoleName, tuple[str, ...]],
        description='More layer names for a role: { line = ["ink"], ignore = ["notes*"] }.',
    )
    corrections: Literal["skip", "apply"] = Field(
        default="skip", description="Whether correction layers (`修正`, `作監`) replace the line."
    )


class LayerTable(Table):
    """Options of one layer; what is absent follows `[engine]`."""

    name: LayerName = Field(description="The layer, as the PSD or the sheet names it.")


class OutputTable(Table):
    """What is delivered beside the PNG sequences."""

    movies: Annotated[tuple[MovieProfile, ...], Field(strict=False)] = Field(
        default=("prores4444",), description="Movie profiles; empty writes none."
    )
    layer_movies: bool | None = Field(
        default=None, description="Also a movie of each layer; absent = when there are several layers."
    )
    psd: bool = Field(default=False, description="Write a layered PSD of all drawings.")
    psd_per_picture: bool | None = Field(
        default=None,
        description="Write a layered PSD of every new picture; absent = for `layerpack` alone.",
    )
    exr: bool = Field(
        default=False,
        description="Write EXR frames: linear composite, and line and paint of every layer in channels.",
    )
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
    cels: bool | None = Field(
        default=None,
        description="Whole pictures of an engine become cels: each region takes the color most of it shows.",
    )
    snap_palette: bool = Field(default=True, description="Keep every flat exactly on the references' colors.")
    preview: bool = Field(default=True, description="Write contact sheet and flip-book page.")
    sheets: Annotated[tuple[SheetFormat, ...], Field(strict=False)] | None = Field(
        default=None,
        description="Exposure sheets to write; absent = xdts and csv, if there is anything to tell.",
    )


class ShotSpec(Table):
    """What the shot files of all commands have in common."""

    shot: ShotTable
    psd: PsdTable = PsdTable()
    output: OutputTable = OutputTable()

    art_kind: ClassVar[Literal["lines", "keys", "sketches"]]
    """What the shot's art is; `stages/read.py` reads it accordingly."""

    is_layered: ClassVar[bool] = False
    """Whether the command's pictures are stacks of layers first of all, to be delivered as such."""

    @property
    def sheet_file(self) -> str | None:
        """The exposure sheet that the shot came with, None without one."""
        return cast("str | None", getattr(getattr(self, "art", None), "sheet", None))

    @property
    def has_sheet(self) -> bool:
        """Whether the shot came with a sheet, as a file or in words."""
        return (
            self.sheet_file is not None or getattr(getattr(self, "art", None), "exposure", None) is not None
        )

    @property
    def engine_table(self) -> EngineTable:
        """`[engine]`, whose further keys are the engine's own."""
        return cast("EngineTable", getattr(self, "engine"))  # noqa: B009 - each command has its own field

    @property
    def layer_tables(self) -> "Sequence[LayerTable]":
        """The `[[layer]]` tables, whose further keys are the command's own."""
        return cast("Sequence[LayerTable]", getattr(self, "layers"))  # noqa: B009 - as above


def layers_named_twice(layers: Sequence[LayerTable]) -> Iterator[Fault]:
    """A fault for each `[[layer]]` table of a layer that has more than one."""
    counts = Counter(layer.name for layer in layers)
    for index, layer in enumerate(layers):
        if counts[layer.name] > 1:
            yield Fault(
                ("layer", index, "name"),
                f"layer `{layer.name}` has {counts[layer.name]} tables",
                "keep one `[[layer]]` per layer",
            )
