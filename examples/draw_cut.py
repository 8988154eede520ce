"""The art of `examples/cut`: `python examples/draw_cut.py` draws it again.

`--truth DIR` writes DIR/A/A0001.png ... (line over shadow over paint, as the shot's `cels/` folder has them),
DIR/paint/A/A0001.png (flat paint alone, palette picture) and DIR/shadow/A/A0001.png (255 where shadow lies).
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drawn.bear import BEAR, CAKE, SIZE, draw_bear, draw_cake
from drawn.kitchen import draw_background, draw_counter
from drawn.palette import CUT, CUT_SHADOW
from drawn.pencil import Plane, Sheet
from PIL import Image
from psd_tools import PSDImage
from psd_tools.api.layers import Layer
from psd_tools.constants import BlendMode, Compression

FOLDER = Path(__file__).parent / "cut"
DRAWINGS: dict[str, tuple[Callable[[str], Sheet], tuple[str, ...]]] = {
    "A": (draw_bear, tuple(BEAR)),
    "B": (draw_cake, tuple(CAKE)),
}
N_FRAMES = 72
# drawing and frames held, "-" an empty cel. The first throw comes down again, the second lands on the plate.
EXPOSURE = {
    "A": "1x6 2x4 3x2 4x10 5x3 6x4 1x3 7x8 2x4 3x2 4x17 7x9",
    "B": "1x6 2x4 3x2 4x3 5x4 6x3 3x3 2x4 1x11 2x4 3x2 4x3 5x4 -x19",
}
TICKS = {"A": {17: "SYMBOL_TICK_1"}, "B": {24: "SYMBOL_TICK_2"}}  # 0-based frame; hold the drawing
INK, RED, BLUE = "141414", "FF0000", "0000FF"


def rgb(code: str) -> Plane:
    """`[3]` the color of six hex digits."""
    return np.array([*bytes.fromhex(code)], np.uint8)


def tinted(coverage: Plane, code: str) -> Plane:
    """`[H, W, 4]` lines of one color, 16 levels; the color goes on beside them, which packs best."""
    alpha = (np.round(coverage / 17.0) * 17).astype(np.uint8)
    return np.dstack([np.broadcast_to(rgb(code), (*alpha.shape, 3)), alpha])


def trace_of(sheet: Sheet) -> Plane:
    """`[H, W, 4]` the color-trace lines: red around lights, blue around shadows."""
    red, blue = tinted(sheet.coverage(sheet.red), RED), tinted(sheet.coverage(sheet.blue), BLUE)
    return np.where((red[..., 3] > blue[..., 3])[..., None], red, blue)


def paint_of(sheet: Sheet) -> Plane:
    """`[H, W, 4]` flat paint."""
    indices = sheet.indices()
    colors = np.array([[*rgb(code), 255] for code in CUT], np.uint8)
    colors[0] = 0
    return colors[indices]


def shadow_of(sheet: Sheet) -> Plane:
    """`[H, W, 4]` the shadow layer, to be multiplied onto the paint."""
    shades = (sheet.shades() > 0) & (sheet.indices() > 0)
    return np.dstack([np.broadcast_to(rgb(CUT_SHADOW), (*shades.shape, 3)), shades.astype(np.uint8) * 255])


def painted(sheet: Sheet) -> Plane:
    """`[H, W, 4]` the finished cel: line over shadow over paint, trace lines gone."""
    paint, shadow, line = paint_of(sheet), shadow_of(sheet), tinted(sheet.coverage(sheet.ink), INK)
    shade = np.where(shadow[..., 3:] > 0, shadow[..., :3], np.uint8(255)).astype(np.float64)
    flat = np.round(paint[..., :3] * shade / 255)
    over, under = line[..., 3:] / 255.0, paint[..., 3:] / 255.0
    alpha = over + under * (1 - over)
    color = (line[..., :3] * over + flat * under * (1 - over)) / np.maximum(alpha, 1e-9)
    return np.round(np.dstack([color, alpha * 255])).astype(np.uint8)


def add(psd: PSDImage, rgba: Plane, name: str) -> Layer:
    """A pixel layer cut to what it shows; named last, since psd-tools takes only ASCII at creation."""
    rows, columns = np.flatnonzero(rgba[..., 3].any(axis=1)), np.flatnonzero(rgba[..., 3].any(axis=0))
    cut = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    layer = psd.create_pixel_layer_from_array(
        np.ascontiguousarray(cut), "layer", top=int(rows[0]), left=int(columns[0])
    )
    layer.name = name
    return layer


def write_keys(path: Path) -> None:
    """The line drawings in animation-folder form: one child per drawing, only the first one visible."""
    psd = PSDImage.new("RGB", SIZE, compression=Compression.RLE)
    for cel, (draw, numbers) in DRAWINGS.items():
        children: list[Layer] = []
        for number in numbers:
            sheet = draw(number)
            line = add(psd, tinted(sheet.coverage(sheet.ink), INK), "線" if cel == "A" else number)
            child: Layer = line
            if cel == "A":
                child = psd.create_group([add(psd, trace_of(sheet), "色トレス"), line], name=number)
            child.visible = number == numbers[0]
            children.append(child)
        psd.create_group(children, name=cel)
    psd.save(path)


def write_still(path: Path) -> None:
    """The painted frame 1 in still form: background, bear, pancake, counter."""
    psd = PSDImage.new("RGB", SIZE, compression=Compression.RLE)
    add(psd, draw_background(), "BG")
    bear, cake = draw_bear("1"), draw_cake("1")
    paint, shadow = add(psd, paint_of(bear), "A_paint"), add(psd, shadow_of(bear), "A_shadow")
    shadow.blend_mode = BlendMode.MULTIPLY
    psd.create_group(
        [
            paint,
            shadow,
            add(psd, trace_of(bear), "A_trace"),
            add(psd, tinted(bear.coverage(bear.ink), INK), "A_line"),
        ],
        name="A",
    )
    shadow.clipping = True
    psd.create_group(
        [add(psd, paint_of(cake), "B_paint"), add(psd, tinted(cake.coverage(cake.ink), INK), "B_line")],
        name="B",
    )
    add(psd, draw_counter(), "BOOK1")
    psd.save(path)


def exposed(cel: str) -> list[str]:
    """The drawing shown at each frame of a cel, "" where it is empty."""
    runs = [run.rsplit("x", 1) for run in EXPOSURE[cel].split()]
    return ["" if name == "-" else name for name, held in runs for _ in range(int(held))]


def sheet_text() -> str:
    """The exposure sheet as XDTS: an entry at every change, a null cell where a run ends empty."""
    tracks: list[object] = []
    for number, cel in enumerate(EXPOSURE):
        shown = exposed(cel)
        entries: dict[int, str] = {}
        for frame, name in enumerate(shown):
            if frame == 0 or name != shown[frame - 1]:
                entries[frame] = name or "SYMBOL_NULL_CELL"
        entries |= TICKS[cel] | {N_FRAMES: "SYMBOL_NULL_CELL"}
        frames = [
            {"frame": frame, "data": [{"id": 0, "values": [entries[frame]]}]} for frame in sorted(entries)
        ]
        tracks.append({"trackNo": number, "frames": frames})
    talk = {"trackNo": 0, "frames": [
        {"frame": 10, "data": [{"id": 0, "values": ["BEAR", "Hop!"]}]},
        {"frame": 18, "data": [{"id": 0, "values": ["SYMBOL_NULL_CELL"]}]},
    ]}  # fmt: skip
    table = {
        "name": "cut001",
        "duration": N_FRAMES,
        "timeTableHeaders": [{"fieldId": 0, "names": list(EXPOSURE)}, {"fieldId": 3, "names": ["S1"]}],
        "fields": [{"fieldId": 0, "tracks": tracks}, {"fieldId": 3, "tracks": [talk]}],
    }
    tree = {"header": {"cut": "1", "scene": "1"}, "timeTables": [table], "version": 5}
    return "exchangeDigitalTimeSheet Save Data\n" + json.dumps(tree, ensure_ascii=False, indent=1) + "\n"


def write_art(folder: Path) -> None:
    """Keys, painted still and exposure sheet, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_keys(folder / "cut001_keys.psd")
    write_still(folder / "cut001_0001.psd")
    (folder / "cut001.xdts").write_text(sheet_text(), encoding="utf-8", newline="\n")


def write_truth(folder: Path) -> None:
    """Every drawing painted, below `folder`."""
    for cel, (draw, numbers) in DRAWINGS.items():
        for kind in (folder / cel, folder / "paint" / cel, folder / "shadow" / cel):
            kind.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            sheet, name = draw(number), f"{cel}{int(number):04d}.png"
            Image.fromarray(painted(sheet)).save(folder / cel / name)
            flat = Image.fromarray(sheet.indices())
            flat.putpalette(b"".join(bytes.fromhex(code) for code in CUT))
            flat.save(folder / "paint" / cel / name, transparency=0)
            Image.fromarray(shadow_of(sheet)[..., 3]).save(folder / "shadow" / cel / name)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the art goes")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="paint every drawing into DIR instead")
    options = parser.parse_args()
    if options.truth:
        write_truth(options.truth)
    else:
        write_art(options.out)


if __name__ == "__main__":
    main()
