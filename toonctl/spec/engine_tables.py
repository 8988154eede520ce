"""`[engine]`: one table for every engine of every task; the shared keys first.

The defaults of an engine's options stand here and nowhere else.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from toonctl.spec.table import Table, refusal


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

    paints_whole: ClassVar[bool] = False
    """Whether the engine gives whole pictures, not cels with a color for each region."""

    def summary(self) -> str:
        """Who draws and where, for people."""
        return "no engine"


class CelTable(EngineTable):
    """The built-in engine: runs on the CPU, needs no download."""

    name: Literal["cel"] = "cel"
    matcher: Literal["learned", "geometric"] = Field(
        default="learned",
        description="How regions find each other: trained matcher, or optical flow and shape alone.",
    )
    gap_px: GapPx = Field(
        default="auto",
        description='Gaps in lines up to twice this wide are closed; "auto" = 3 px at 540 lines (between '
        "painted keys 1.5), 0 = none.",
    )
    min_region_px: MinRegionPx = Field(default=6, description="Smaller specks join the area around them.")
    line_threshold: LineThreshold = Field(
        default=64, description="Ink coverage 1..255 from which a pixel is line."
    )

    def summary(self) -> str:
        return f"engine {self.name}, matcher {self.matcher}, on the CPU"


class CelColors(CelTable):
    """The built-in engine finding colors: what every command that colors asks of it."""

    memory_items: int = Field(
        default=32, ge=1, le=1000, description="Colored drawings remembered beside the references."
    )
    backward_sweep: bool = Field(
        default=True, description="Go through the drawings a second time, backwards."
    )
    figures: bool = Field(default=True, description="Match whole figures before their parts.")
    doubt_below: float = Field(
        default=0.39, ge=0, le=1, description="Regions less sure than this are listed as doubtful."
    )


class CelColorize(CelColors):
    """The built-in engine coloring line drawings: runs on the CPU, needs no download."""

    plan: Literal["chain", "anchors"] = Field(
        default="chain",
        description='How a farm shares a shot: "chain" goes through it once, "anchors" every second drawing '
        "first and then all machines at once what lies between.",
    )


class CelInbetween(CelTable):
    """The built-in engine drawing inbetweens: regions move and are drawn again; runs on the CPU."""

    arcs: bool = Field(
        default=True, description="Parts move on an arc through a third key; false moves them straight."
    )
    region_score: float = Field(
        default=0.6, ge=0, le=1, description="A region whose motion fits worse than this falls back."
    )
    bad_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Share of badly fitting foreground above which a frame goes along flow, if better.",
    )


class CelPostkey(CelInbetween, CelColors):
    """The built-in engine from sketches to a colored shot: colors them, then draws what lies between."""

    sketch_strength: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="1 keeps the sketches' lines where they are, less lets them move as their neighbors say.",
    )
    sketches: Literal["auto", "clean", "rough"] = Field(
        default="auto",
        description='"rough" draws the lines of sketches again, "clean" keeps them; "auto" looks.',
    )
