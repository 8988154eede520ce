"""The story of `contact`: one picture of what is drawn so far."""

from typing import Any

from toonctl.core.errors import CheckFailed
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._shot import Shot
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult


def run(loaded: LoadedShot[Any], options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
    """The contact sheet on disk.

    Raises: CheckFailed when nothing is drawn; SpecError, ArtError, DeliveryError.
    """
    from toonctl.pipelines.deliver import show_of
    from toonctl.stages.contact import write_contact

    shot = Shot.read(loaded, options)
    frames = shot.tree.root / "frames"
    if not any(frames.glob("*/*.png")):
        raise CheckFailed(
            f"no frame of `{shot.tree.shot}` has been drawn yet",
            str(frames),
            "draw it first, or give the `--out` it was drawn with",
        )
    write_contact(show_of(shot, {}))
    return RunResult((shot.tree.contact,))
