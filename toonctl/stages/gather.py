"""What all runs of a shot left behind, checked to be whole before it is delivered."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from toonctl.core.errors import CheckFailed, DeliveryError, Problem
from toonctl.core.timesheet import format_frames
from toonctl.core.types import ColorModel
from toonctl.stages.job import keyed, stamped_key
from toonctl.stages.manifest import farm_of
from toonctl.stages.notes import PaletteNote, read_note, read_palette_note
from toonctl.stages.palette import LayerColors
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree

T = TypeVar("T")

_AGAIN = "draw them with `--resume`"
_LOOK_S = 0.5


def patience_s(environment: Mapping[str, str]) -> float:
    """Seconds to wait for files of other hosts: `TOONCTL_PATIENCE`, else 30 on a farm and none elsewhere."""
    try:
        return max(0.0, float(environment["TOONCTL_PATIENCE"]))
    except (KeyError, ValueError):
        return 30.0 if farm_of(environment) is not None else 0.0


def patiently(tree: OutputTree, check: Callable[[], T], *, seconds: float) -> T:
    """What `check` gives once everything is there, asked again for so many `seconds`.

    Shared storage may show a file to other hosts late. Raises: what `check` raises in the end.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except CheckFailed:
            if time.monotonic() >= end:
                raise
        time.sleep(min(_LOOK_S, seconds))
        for folder in (*(tree.root / "frames").glob("*"), tree.state):
            with suppress(OSError):
                list(folder.iterdir())  # makes a network file system look again


def check_same_job(drawn: Mapping[str, object], wanted: Mapping[str, object], *, where: Path) -> None:
    """Passes when the settings that drawings depend on are those the frames were drawn with.

    Raises: DeliveryError naming the keys that differ. Both are resolved shot files.
    """
    before, now = _leaves(keyed(drawn)), _leaves(keyed(wanted))
    differing = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if differing:
        raise DeliveryError(
            "the frames were drawn with other settings: "
            + ", ".join(f"`{key}` was {before.get(key, 'not set')}" for key in differing[:8]),
            str(where),
            "give `deliver` the same options as the drawing command, or draw again with `--overwrite`",
        )


def check_frames(tree: OutputTree, timeline: Timeline, *, job_key: str) -> None:
    """Passes when every frame of every layer and of the composite is there, whole and of this job.

    Raises: CheckFailed naming what is missing; DeliveryError when frames of another job lie among them.
    """
    missing: list[Problem] = []
    for layer in (*timeline.layers, COMP):
        keys = {frame: stamped_key(tree.frame(layer, frame)) for frame in timeline.frames}
        absent = [frame for frame, key in keys.items() if key is None]
        if absent:
            what = f"frames {format_frames(absent)} of `{layer}` are missing"
            missing.append(Problem(what, str(tree.frame(layer, absent[0])), _AGAIN))
        foreign = [frame for frame, key in keys.items() if key not in (None, job_key)]
        if foreign:
            raise DeliveryError(
                f"frames {format_frames(foreign)} of `{layer}` are of another job than the rest",
                str(tree.frame(layer, foreign[0])),
                "draw those frames again with `--overwrite`",
            )
    if missing:
        raise CheckFailed.listing(missing)


def gather_colors(tree: OutputTree, timeline: Timeline, *, job_key: str) -> dict[str, LayerColors]:
    """The color model and the notes of every cel layer; a layer left uncolored has an empty color model.

    Raises: CheckFailed naming the drawings of which no note is left.
    """
    gathered: dict[str, LayerColors] = {}
    missing: list[Problem] = []
    for layer in timeline.layers:
        names = timeline.drawings(layer)
        found = [read_note(tree, layer, name, job_key=job_key) for name in names]
        notes = tuple(note for note in found if note is not None)
        palette = read_palette_note(tree, layer, job_key=job_key)
        lost = [name for name, note in zip(names, found, strict=True) if note is None]
        if palette is None and any(note.color_regions for note in notes):
            lost = list(names)
        if lost:
            what = f"`state/` has no record of drawings {', '.join(lost[:12])} of `{layer}`"
            missing.append(Problem(what, str(tree.note(layer, lost[0])), _AGAIN))
        gathered[layer] = LayerColors(palette or PaletteNote(layer, _no_colors()), notes)
    if missing:
        raise CheckFailed.listing(missing)
    return gathered


def _no_colors() -> ColorModel:
    nothing = np.zeros((1, 4), np.uint8)
    return ColorModel(nothing, nothing, nothing, nothing)


def _leaves(table: Mapping[str, object], path: str = "") -> dict[str, object]:
    leaves: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            leaves |= _leaves(cast("dict[str, object]", value), f"{path}{key}.")
        else:
            leaves[f"{path}{key}"] = value
    return leaves
