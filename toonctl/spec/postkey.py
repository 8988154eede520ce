"""The shot file of `postkey`: painted references and sketches at frames."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from toonctl.spec.engine_tables import CelPostkey
from toonctl.spec.keys import TimingTable, WayTable, frames_in_order
from toonctl.spec.shot import LayerTable, ShotSpec
from toonctl.spec.table import ArtPath, Fault, LayerName, Table


class PostkeyArt(Table):
    """What the shot is drawn on."""

    layer: LayerName = Field(default="A", description="What the drawn layer is called.")
    background: ArtPath | None = Field(default=None, description="A painted picture below the drawings.")


class PictureTable(WayTable):
    """A drawing: a picture, or the cel of a layered PSD."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [key]} for key in ("image", "psd")]},
    )

    psd: ArtPath | None = Field(
        default=None, description="A layered PSD instead of `image`: the cel in it that the drawn layer is."
    )
    drawing: str | None = Field(
        default=None, min_length=1, description="Which drawing of that cel, when it has several."
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        yield from super().rules(keys)
        if "image" not in keys and "psd" not in keys:
            yield Fault((), "there is no picture", 'add `image = "dive.0001.png"`, or a `psd`')
        if "image" in keys and "psd" in keys:
            yield Fault(("psd",), "`image` and `psd` are both given", "keep one of them")
        if "drawing" in keys and "psd" not in keys:
            yield Fault(("drawing",), "`drawing` goes with `psd`", "a picture file is one drawing")


class PaintedTable(PictureTable):
    """A painted picture that sets the colors; with a `frame` it is also the key that stands there."""

    frame: int | None = Field(default=None, description="The frame of the shot it shows.")
    image: ArtPath | None = Field(default=None, description="The painted picture.")
    line: ArtPath | None = Field(
        default=None, description="Its line layer, when `image` holds no black lines."
    )

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        yield from super().rules(keys)
        if "line" in keys and "psd" in keys:
            yield Fault(("line",), "`line` goes with `image`", "`psd` has its line layer in it")
        for key in ("ease", "chart", "exposure"):
            if key in keys and "frame" not in keys:
                yield Fault((key,), f"`{key}` goes with `frame`", "a color design stands at no frame")


class SketchTable(PictureTable):
    """A rough or clean line drawing at a frame, to be colored and drawn between."""

    frame: int = Field(description="The frame at which the sketch stands.")
    image: ArtPath | None = Field(default=None, description="The sketch, dark on white or transparent.")
    region: ArtPath | None = Field(
        default=None,
        description="A matte: where it is white the sketch does not count and the engine goes on by itself.",
    )
    strength: float | None = Field(
        default=None, ge=0, le=1, description="As `sketch_strength` in `[engine]`, for this sketch."
    )


class PostkeySpec(ShotSpec):
    """The shot file of `postkey`."""

    art_kind: ClassVar[Literal["lines", "keys", "sketches"]] = "sketches"

    art: PostkeyArt = PostkeyArt()
    references: Annotated[tuple[PaintedTable, ...], Field(strict=False, min_length=1)] = Field(
        alias="reference"
    )
    sketches: Annotated[tuple[SketchTable, ...], Field(strict=False, min_length=1)] = Field(alias="sketch")
    timing: TimingTable = TimingTable()
    engine: CelPostkey = CelPostkey()

    @property
    def layers(self) -> tuple[LayerTable, ...]:
        """No `[[layer]]` tables: there is one layer."""
        return ()

    def faults(self) -> Iterator[Fault]:
        first = self.shot.first_frame
        frames = [sketch.frame for sketch in self.sketches]
        yield from frames_in_order(frames, table="sketch", first_frame=first)
        for index, reference in enumerate(self.references):
            if reference.frame is None:
                continue
            key = ("reference", index, "frame")
            before = [other.frame for other in self.references[:index]]
            if reference.frame in frames:
                what = f"frame {reference.frame} has a sketch as well"
                yield Fault(key, what, "leave the sketch out: the painted picture stands there")
            elif reference.frame in before:
                what = f"frame {reference.frame} has two references"
                yield Fault(key, what, "leave `frame` out of one: it is a color design then")
            elif reference.frame < first:
                what = f"frame {reference.frame} lies before the shot, which starts at {first}"
                yield Fault(key, what, "count from `[shot] first_frame`")
