"""A toy shot for ToonComposer, and the command that draws it."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from click.testing import Result
from typer.testing import CliRunner

from artkit import save_png
from pipelines.toykeys import FREE_PX, dives
from toonctl.cli import build_app

OPTIONS = "width = 64\nheight = 32\nsteps = 2\nsegment_frames = 5\n"


def diving(folder: Path, *, frames: str = "1-9", options: str = OPTIONS, output: str = "") -> Path:
    """A reference at frame 1, sketches at 5 and 9, the first with a free area."""
    first, second, third = dives()
    free = np.zeros(second.line.shape, np.uint8)
    free[:, :FREE_PX] = 255
    save_png(folder / "dive.0001.png", first.painted)
    save_png(folder / "sketch.0005.png", second.on_white)
    save_png(folder / "sketch.0009.png", third.on_white)
    save_png(folder / "free.png", free)
    path = folder / "dive.toml"
    path.write_text(
        f'[shot]\nname = "dive"\nrate = "24"\nframes = "{frames}"\nprompt = "a ball rolls past a cup."\n'
        '[[reference]]\nframe = 1\nimage = "dive.0001.png"\n'
        '[[sketch]]\nframe = 5\nimage = "sketch.0005.png"\nregion = "free.png"\n'
        '[[sketch]]\nframe = 9\nimage = "sketch.0009.png"\nstrength = 0.5\n'
        f'[engine]\nname = "tooncomposer"\ndevice = "cpu"\n{options}'
        f"[output]\nmovies = []\npreview = false\nsheets = []\n{output}"
    )
    return path


def postkey(path: Path, *options: str | Path, models: Path | None, code: int = 0) -> Result:
    """The command in this process."""
    before = os.environ.get("TOONCTL_MODELS")
    os.environ["TOONCTL_MODELS"] = str(models or path.parent / "nowhere")
    try:
        words = ["postkey", str(path), "--progress", "none", *map(str, options)]
        result = CliRunner().invoke(build_app("postkey"), words)
    finally:
        os.environ.pop("TOONCTL_MODELS")
        if before is not None:
            os.environ["TOONCTL_MODELS"] = before
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result


def pictures(root: Path) -> Mapping[str, bytes]:
    """The frames of a shot by path."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.glob("frames/*/*.png"))}
