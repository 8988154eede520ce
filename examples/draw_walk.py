"""The art of `examples/walk`: `python examples/draw_walk.py` draws it again.

`--truth DIR` writes DIR/color/walk.####.png (painted, lines on top, as the reference) and
DIR/paint/walk.####.png (palette picture, one index per color, no lines), for measuring what an engine
made of the line art.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from drawn.palette import WALK
from drawn.pencil import Plane, Sheet
from drawn.walk import N_FRAMES, draw_walk, inked, time_of
from PIL import Image

FOLDER = Path(__file__).parent / "walk"


def palette() -> Plane:
    """`[25, 3]` the sRGB colors by index."""
    return np.array([list(bytes.fromhex(code)) for code in WALK], np.uint8)


def colored(sheet: Sheet) -> Plane:
    """`[H, W, 3]` the painted drawing with its lines on top."""
    paper = inked(sheet).astype(np.uint16)[..., None]
    return ((palette()[sheet.indices()] * paper + 127) // 255).astype(np.uint8)


def save_line(sheet: Sheet, path: Path) -> None:
    """The line art as gray PNG, 16 levels at most."""
    packed = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    packed += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED]
    coded = cv2.imencode(".png", inked(sheet), packed)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(coded.tobytes())


def save_color(sheet: Sheet, path: Path) -> None:
    """The painted drawing as RGB PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colored(sheet)).save(path, optimize=True)


def save_paint(sheet: Sheet, path: Path) -> None:
    """The paint without lines as palette PNG, index = `palette.Walk`."""
    picture = Image.fromarray(sheet.indices())
    picture.putpalette(palette().tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)


def write_art(folder: Path) -> None:
    """All line drawings and the painted frame 1, below `folder`."""
    sheet = draw_walk(1)
    save_color(sheet, folder / "color" / "walk.0001.png")
    for frame in range(1, N_FRAMES + 1):
        if frame > 1 and time_of(frame) != time_of(frame - 1):
            sheet = draw_walk(frame)
        save_line(sheet, folder / "line" / f"walk.{frame:04d}.png")


def write_truth(folder: Path) -> None:
    """Every frame painted, below `folder`."""
    for frame in range(1, N_FRAMES + 1):
        sheet = draw_walk(frame)
        save_color(sheet, folder / "color" / f"walk.{frame:04d}.png")
        save_paint(sheet, folder / "paint" / f"walk.{frame:04d}.png")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the art goes")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="paint every frame into DIR instead")
    options = parser.parse_args()
    if options.truth:
        write_truth(options.truth)
    else:
        write_art(options.out)


if __name__ == "__main__":
    main()
