"""The records of art that is not decoded yet: where drawings lie, what is shown when. All frozen.

Apart from `core/types.py`, so that commands that look at no pixel start without numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

Size: TypeAlias = tuple[int, int]
"""(width_px, height_px)"""


class Role(StrEnum):
    """What a PSD layer is for (production.md 1.2)."""

    IGNORE = "ignore"
    LAYOUT = "layout"
    BACKGROUND = "background"
    BOOK = "book"
    CEL = "cel"
    CORRECTION = "correction"
    LINE = "line"
    TRACE = "trace"
    PAINT = "paint"
    SHADOW = "shadow"
    HIGHLIGHT = "highlight"


@dataclass(frozen=True, slots=True)
class LayerRole:
    """The role given to one PSD layer, for `check` and the manifest; `name` is its path (`A/1/線`)."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was read, as the manifest records it. `path` is POSIX, relative to the shot file."""

    path: str
    sha256: str
    n_bytes: int
    size: Size | None = None
    depth: int | None = None
    icc: str | None = None
    layers: tuple[LayerRole, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning: a stable code (`W104`) and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Cel:
    """Where one drawing lives; its pixels stay on disk until `formats` or `stages.read` loads them.

    `node` is the PSD layer path of the drawing (group or layer indices from the bottom), empty for a picture
    file. `digest` tells equal drawings apart from different ones without decoding. `is_line_art` says that a
    plain picture is to be read as line art (dark on white), not as finished color. `line` is the file of its
    line layer where that lies apart.
    """

    layer: str
    name: str
    path: Path
    digest: str
    node: tuple[int, ...] = ()
    is_line_art: bool = True
    line: Path | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A named plane of the art. CEL layers carry drawings by name; BACKGROUND and BOOK one still cel."""

    name: str
    role: Role
    cels: Mapping[str, Cel] = field(default_factory=dict[str, Cel])


@dataclass(frozen=True, slots=True)
class Reference:
    """A painted drawing that sets the colors of `layer`.

    `drawing` names the drawing of the shot it shows, None when it is a drawing of its own (a color design
    sheet). `line` holds its line art when the painted picture does not carry it apart.
    """

    layer: str
    drawing: str | None
    cel: Cel
    line: Cel | None = None


@dataclass(frozen=True, slots=True)
class Sketch:
    """A line drawing of `layer` to be colored and drawn between; white in `free` leaves the area open.

    `strength` 0..1 says how far its lines stay where they are; None leaves that to the engine's options.
    """

    layer: str
    drawing: str
    cel: Cel
    free: Path | None = None
    strength: float | None = None


@dataclass(frozen=True, slots=True)
class KeyCels:
    """A key at the 0-based frame `index`: its drawing by layer; a layer that is empty there is absent."""

    index: int
    drawings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Between:
    """A drawing to be made for `layer` between the keys `first` and `first + 1` (positions among the keys).

    `time` is how far the motion has gone from one to the other, 0..1 exclusive, easing already in it.
    """

    layer: str
    name: str
    first: int
    time: float


@dataclass(frozen=True, slots=True)
class InbetweenPlan:
    """What lies between the keys of `layers`, bottom to top, which move in step; keys in order of index."""

    layers: tuple[str, ...]
    keys: tuple[KeyCels, ...]
    betweens: tuple[Between, ...]


@dataclass(frozen=True, slots=True)
class Art:
    """All art of a shot, undecoded. `layers` lie bottom to top.

    `exposures[layer][index]` is the drawing shown at the 0-based frame index, None where the layer is empty.
    `marks[layer][index]` is `tick_1`/`tick_2` where the sheet carries an inbetween mark. `plans` say which of
    the drawings are still to be made and between which keys.
    """

    size: Size
    n_frames: int
    first_frame: int
    layers: tuple[Layer, ...]
    exposures: Mapping[str, tuple[str | None, ...]]
    marks: Mapping[str, Mapping[int, str]]
    references: tuple[Reference, ...]
    inputs: tuple[InputFile, ...]
    warnings: tuple[Warned, ...] = ()
    plans: tuple[InbetweenPlan, ...] = ()
    sketches: tuple[Sketch, ...] = ()
