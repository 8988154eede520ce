"""Draws `before_after.png` of the README from a finished run: lines above, what toonctl colored below.

toonctl colorize-long examples/walk/shot.toml && python examples/draw_strip.py
"""

import argparse
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
FRAMES = {12: 60, 40: 270, 58: 400, 84: 440}
"""Frames to show, and where the characters begin in them, in pixels from the left."""
WIDTH = 300


def tile(path: Path, left: int) -> Image.Image:
    """The part of a picture that shows the characters, small."""
    part = Image.open(path).convert("RGB").crop((left, 50, left + 520, 500))
    return part.resize((WIDTH, round(WIDTH * part.height / part.width)), Image.Resampling.LANCZOS)


def strip(result: Path) -> Image.Image:
    """Four line drawings over the same four drawings colored."""
    rows = [
        [tile(HERE / "walk" / "line" / f"walk.{frame:04d}.png", left) for frame, left in FRAMES.items()],
        [
            tile(result / "frames" / "comp" / f"walk.comp.{frame:04d}.png", left)
            for frame, left in FRAMES.items()
        ],
    ]
    height = rows[0][0].height
    picture = Image.new("RGB", (WIDTH * len(FRAMES), height * 2), "white")
    for y, row in enumerate(rows):
        for x, part in enumerate(row):
            picture.paste(part, (x * WIDTH, y * height))
    return picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--result", type=Path, default=HERE / "walk" / "out" / "walk")
    strip(parser.parse_args().result).save(HERE / "before_after.png", optimize=True)


if __name__ == "__main__":
    main()
