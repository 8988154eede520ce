"""The art of the examples `jump`, `cup` and `dive`: `python examples/draw_small.py` draws it again."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from drawn.pencil import Plane, Sheet
from drawn.small import COLORS, HOPS, LEAPS, SIZE, draw_cup, draw_dolphin, draw_frog, draw_teapot
from PIL import Image

FOLDER = Path(__file__).parent
INK = (30, 28, 40)
PAPER = "FFFBF2"


def colored(sheet: Sheet) -> Plane:
    """`[H, W, 4]` the painted drawing with its lines on top, clear around it."""
    colors = np.array([[*bytes.fromhex(code), 255] for code in COLORS], np.uint8)
    colors[0] = 0
    paint = colors[sheet.indices()].astype(np.uint32)
    line = sheet.coverage(sheet.ink).astype(np.uint32)[..., None]
    rest = paint[..., 3:] * (255 - line)
    alpha = line * 255 + rest
    mixed = (np.array(INK, np.uint32) * line * 255 + paint[..., :3] * rest + alpha // 2) // np.maximum(
        alpha, 1
    )
    return np.concatenate([np.where(alpha > 0, mixed, 0), (alpha + 127) // 255], -1).astype(np.uint8)


def on_paper(picture: Plane) -> Plane:
    """`[H, W, 3]` the drawing on paper."""
    page = Image.new("RGBA", SIZE, f"#{PAPER}")
    page.alpha_composite(Image.fromarray(picture))
    return np.asarray(page.convert("RGB"))


def sketched(sheet: Sheet, seed: int) -> Plane:
    """`[H, W]` the lines as a hand in a hurry draws them: twice over, broken here and there, in pencil."""
    chance = np.random.default_rng(seed)
    ink = sheet.coverage(sheet.ink)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    places = np.argwhere(ink > 128)
    drawn = np.zeros(ink.shape, np.float32)
    for _ in range(2):
        wander = cv2.GaussianBlur(chance.normal(size=(*ink.shape, 2)).astype(np.float32), (0, 0), 22)
        wander *= 2.4 / np.abs(wander).max()
        stroke = cv2.remap(
            ink.astype(np.float32), columns + wander[..., 0], rows + wander[..., 1], cv2.INTER_LINEAR
        )
        for y, x in places[chance.integers(0, len(places), 18)]:
            cv2.circle(stroke, (int(x), int(y)), 2, 0.0, -1)
        drawn = np.maximum(drawn, stroke * chance.uniform(0.6, 0.8))
    levels = np.round(drawn / 17) * 17  # sixteen levels pack small
    return (255 - levels).clip(0, 255).astype(np.uint8)


def table() -> Plane:
    """`[H, W, 3]` a table before a wall."""
    picture = np.full((SIZE[1], SIZE[0], 3), [*bytes.fromhex("E9F2F4")], np.uint8)
    picture[250:] = [*bytes.fromhex("D9B48C")]
    picture[250:256] = [*bytes.fromhex("B98F68")]
    return picture


def save(path: Path, picture: Plane) -> None:
    """PNG, with a palette when there are few colors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)


def write_art(folder: Path) -> None:
    """The art of all three examples, below `folder`."""
    for frame, hop in HOPS.items():
        save(folder / f"jump/keys/jump.{frame:04d}.png", colored(draw_frog(hop)))
    save(folder / "cup/BG.png", table())
    for frame, (tilt, x, fill) in {1: (0.0, 190.0, 0.0), 24: (0.55, 330.0, 1.0)}.items():
        save(folder / f"cup/A.{frame:04d}.png", colored(draw_cup(455, fill)))
        save(folder / f"cup/B.{frame:04d}.png", colored(draw_teapot(tilt, x, 226 - 110 * (tilt > 0))))
    for number, (frame, leap) in enumerate(LEAPS.items()):
        if number == 0:
            save(folder / f"dive/dive.{frame:04d}.png", on_paper(colored(draw_dolphin(leap))))
        else:
            bare = draw_dolphin(leap, has_sun=False)  # whoever sketches does not draw the sun again
            save(folder / f"dive/sketch.{frame:04d}.png", sketched(bare, number))
    free = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    free[:130, 480:] = 255
    save(folder / "dive/free.png", free)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the folders of the examples lie")
    write_art(parser.parse_args().out)


if __name__ == "__main__":
    main()
