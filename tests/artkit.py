"""Test art, drawn on the spot: balls, cups and arcs, and the files in which artists hand them over.

Small enough to be quick, plain enough to be counted: every shape has one flat color, black outlines two
pixels wide, a blue trace line along its shadow.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.timesheet import Timesheet, parse_exposure
from toonctl.core.types import Pixels, Size
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import encode_png
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.formats.xdts import xdts_text

SIZE: Size = (160, 96)
INK = (20, 20, 20)
TRACE = (0, 0, 255)
BALL, CUP, SHADOW, SKY = (242, 193, 78), (61, 90, 128), (185, 180, 214), (200, 220, 235)


@dataclass(frozen=True)
class Drawing:
    """One drawing: coverage of black lines and of trace lines `[H, W]`, flats and shadow RGBA `[H, W, 4]`."""

    line: Pixels
    trace: Pixels
    paint: Pixels
    shadow: Pixels

    def __add__(self, above: "Drawing") -> "Drawing":
        """Both, the other one in front."""
        inside = above.paint[..., 3] > 0
        return Drawing(
            np.maximum(np.where(inside, 0, self.line), above.line).astype(np.uint8),
            np.maximum(np.where(inside, 0, self.trace), above.trace).astype(np.uint8),
            blend_over(self.paint, above.paint),
            blend_over(np.where(inside[..., None], 0, self.shadow).astype(np.uint8), above.shadow),
        )

    @property
    def on_white(self) -> Pixels:
        """The black lines on paper, gray `[H, W]`."""
        return 255 - self.line

    @property
    def painted(self) -> Pixels:
        """The finished drawing, RGBA, trace lines gone."""
        shaded = blend_over(self.paint, self.shadow, blend="multiply", is_clipped=True)
        return blend_over(shaded, tint(self.line, INK))


def ball(x: float, y: float, radius: float = 20, *, size: Size = SIZE, is_smooth: bool = True) -> Drawing:
    """A ball with its center at x, y; its lower half lies in shadow."""
    width, height = size
    inside = np.zeros((height, width), np.uint8)
    line, trace = np.zeros_like(inside), np.zeros_like(inside)
    kind = cv2.LINE_AA if is_smooth else cv2.LINE_8
    center, r = (round(x), round(y)), round(radius)
    cv2.circle(inside, center, r, 255, -1)
    cv2.circle(line, center, r, 255, 2, kind)
    cv2.line(trace, (center[0] - r, center[1]), (center[0] + r, center[1]), 255, 1, cv2.LINE_8)
    trace[(inside == 0) | (line > 0)] = 0
    shadow = inside.copy()
    shadow[: center[1]] = 0
    return Drawing(line, trace, tint(inside, BALL), tint(shadow, SHADOW))


def cup(x: float, y: float, width: float = 30, *, size: Size = SIZE) -> Drawing:
    """A cup with its upper left corner at x, y, without shadow."""
    inside = np.zeros(size[::-1], np.uint8)
    line = np.zeros_like(inside)
    shape = np.array([(x, y), (x + width, y), (x + 0.8 * width, y + width), (x + 0.2 * width, y + width)])
    points = shape.round().astype(np.int32)
    cv2.fillPoly(inside, [points], 255)
    cv2.polylines(line, [points], isClosed=True, color=255, thickness=2, lineType=cv2.LINE_AA)
    nothing = np.zeros_like(inside)
    return Drawing(line, nothing, tint(inside, CUP), tint(nothing, CUP))


def arc(x: float, y: float, radius: float = 15, *, size: Size = SIZE) -> Drawing:
    """An open arc: a line that encloses nothing."""
    line = np.zeros(size[::-1], np.uint8)
    center, r = (round(x), round(y)), round(radius)
    cv2.ellipse(line, center, (r, r), 0, 200, 340, 255, 2, cv2.LINE_AA)
    nothing = np.zeros_like(line)
    return Drawing(line, nothing, tint(nothing, CUP), tint(nothing, CUP))


def walk(n: int, *, size: Size = SIZE) -> list[Drawing]:
    """A ball that rolls past a cup in `n` drawings."""
    width, height = size
    steps = np.linspace(0.2, 0.75, n)
    return [
        cup(0.6 * width, 0.3 * height, size=size) + ball(x * width, 0.6 * height, size=size) for x in steps
    ]


def tint(coverage: Pixels, color: tuple[int, int, int]) -> Pixels:
    """RGBA of one color where `coverage` is."""
    rgba = np.zeros((*coverage.shape, 4), np.uint8)
    rgba[coverage > 0, :3] = color
    rgba[..., 3] = coverage
    return rgba


def sky(size: Size = SIZE) -> Pixels:
    """An opaque background."""
    return tint(np.full(size[::-1], 255, np.uint8), SKY)


def save_png(path: Path, pixels: Pixels) -> Path:
    """`path` holding gray `[H, W]` or RGBA `[H, W, 4]`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.ndim == 2:
        levels = np.arange(256, dtype=np.uint8)
        opaque = np.full(256, 255, np.uint8)
        path.write_bytes(encode_png(pixels, np.stack([levels] * 3 + [opaque], 1)).to_bytes(""))
    else:
        path.write_bytes(encode_png(pixels).to_bytes(""))
    return path


def save_sequence(folder: Path, drawings: Sequence[Drawing], name: str = "line/walk", first: int = 1) -> None:
    """The lines of `drawings` on white, `line/walk.0001.png` and on."""
    for number, drawing in enumerate(drawings, first):
        save_png(folder / f"{name}.{number:04d}.png", drawing.on_white)


def line_layers(drawing: Drawing) -> tuple[PsdOut, ...]:
    """Trace and line layer as an animator names them."""
    return PsdOut("色トレス", tint(drawing.trace, TRACE)), PsdOut("線", tint(drawing.line, INK))


def painted_layers(drawing: Drawing, prefix: str = "A_") -> tuple[PsdOut, ...]:
    """Paint, shadow, trace and line as a painter names them."""
    return (
        PsdOut(f"{prefix}paint", drawing.paint),
        PsdOut(f"{prefix}shadow", drawing.shadow, blend="multiply", is_clipped=True),
        PsdOut(f"{prefix}trace", tint(drawing.trace, TRACE)),
        PsdOut(f"{prefix}line", tint(drawing.line, INK)),
    )


def save_keys_psd(path: Path, cels: Mapping[str, Sequence[Drawing]], *, size: Size = SIZE) -> Path:
    """Line drawings in animation-folder form: of each cel only drawing 1 is visible."""
    groups = tuple(
        PsdOut(
            name,
            children=tuple(
                PsdOut(str(number), children=line_layers(drawing), is_visible=number == 1)
                for number, drawing in enumerate(drawings, 1)
            ),
        )
        for name, drawings in cels.items()
    )
    write_psd(path, groups, size=size)
    return path


def save_still_psd(path: Path, cels: Mapping[str, Drawing], *, size: Size = SIZE) -> Path:
    """Painted drawings in still form, between a background and a book, under a hidden guide."""
    book = tint(cup(0.8 * size[0], 0, size=size).paint[..., 3], CUP)
    stack = (
        PsdOut("BG", sky(size)),
        *(PsdOut(name, children=painted_layers(drawing, f"{name}_")) for name, drawing in cels.items()),
        PsdOut("BOOK1", book),
        PsdOut("_guide", children=(PsdOut("frame_100", sky(size)),), is_visible=False),
    )
    write_psd(path, stack, size=size)
    return path


def save_sheet(path: Path, exposures: Mapping[str, str]) -> Path:
    """An XDTS file of exposures as people write them (`1x6 2x6`)."""
    shown = {layer: parse_exposure(text) for layer, text in exposures.items()}
    n_frames = max(map(len, shown.values()))
    path.write_text(xdts_text(Timesheet(path.stem, n_frames, shown, cut="1", scene="1")), encoding="utf-8")
    return path


def save_flat_shot(folder: Path, n: int = 4) -> Path:
    """The shot file of `n` line pictures and a painted reference of frame 1."""
    drawings = walk(n)
    save_sequence(folder, drawings)
    save_png(folder / "color/walk.0001.png", drawings[0].painted)
    text = '[shot]\nname = "walk"\nrate = "24"\n[art]\nline = "line/walk.####.png"\n'
    text += '[[reference]]\nframe = 1\nimage = "color/walk.0001.png"\n'
    return _shot_file(folder / "walk.toml", text)


def save_psd_shot(folder: Path) -> Path:
    """The shot file of two cels in a PSD with an exposure sheet and a painted still PSD."""
    folder.mkdir(parents=True, exist_ok=True)
    cels = {"A": walk(3), "B": [ball(40, 30, 12), ball(60, 30, 12)]}
    save_keys_psd(folder / "keys.psd", cels)
    save_still_psd(folder / "cut_0001.psd", {"A": cels["A"][0], "B": cels["B"][1]})
    save_sheet(folder / "cut.xdts", {"A": "1x2 2x2 3x4", "B": "-x2 1x3 2x2 -x1"})
    text = '[shot]\nname = "cut"\nrate = "24"\n[art]\npsd = "keys.psd"\nsheet = "cut.xdts"\n'
    text += '[[reference]]\npsd = "cut_0001.psd"\ndrawings = { A = "1", B = "2" }\n'
    return _shot_file(folder / "cut.toml", text)


@dataclass
class IccTags:
    """An ICC profile being put together; enough of one for Little CMS to take."""

    name: str
    space: bytes = b"GRAY"
    tags: dict[bytes, bytes] = field(default_factory=dict)


def gray_profile(name: str = "Gray Gamma 1.0", gamma: float = 1.0) -> bytes:
    """The bytes of an ICC profile for gray pixels."""
    return _icc(IccTags(name, b"GRAY", {b"kTRC": _curve(gamma)}))


def rgb_profile(name: str = "Linear test RGB", gamma: float = 1.0) -> bytes:
    """The bytes of an ICC profile with the primaries of sRGB and another gamma."""
    tags = {
        b"rXYZ": _xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": _xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": _xyz(0.1431, 0.0606, 0.7139),
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return _icc(IccTags(name, b"RGB ", tags))


def _icc(profile: IccTags) -> bytes:
    name = profile.name.encode() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(12 + 67)
    rights = b"text\0\0\0\0none\0"
    tags = {b"desc": description, b"cprt": rights, b"wtpt": _xyz(0.9642, 1.0, 0.8249), **profile.tags}
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    total = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", total, b"test", 0x02100000, b"mntr", profile.space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in (x, y, z)))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _shot_file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    """The greatest difference of two pictures, transparent pixels counting as equal whatever their color."""
    a, b = (np.where(x[..., 3:] > 0, x, 0).astype(np.int16) for x in (a, b))
    return int(np.abs(a - b).max(initial=0))
