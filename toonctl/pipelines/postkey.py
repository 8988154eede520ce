"""The story of `postkey`: references and sketches are read, the sketches colored, the rest drawn between."""

from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._shot import Shot
from toonctl.spec.load import LoadedShot
from toonctl.spec.postkey import PostkeySpec
from toonctl.spec.run_options import RunOptions, RunResult


def run(loaded: LoadedShot[PostkeySpec], options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
    """The colored shot on disk; with `options.frames` those frames only, for `deliver` to gather.

    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    shot = Shot.read(loaded, options)
    frames = shot.chosen_frames(options.frames)
    if options.dry_run:
        return RunResult(notes=shot.plan(frames, lambda _layer, names: _work(shot, names)))
    # The heavy rooms come in only now: a dry run or a faulty shot file has ended before.
    from toonctl.pipelines._drawing import draw_shot
    from toonctl.pipelines._postkeying import Postkeying

    return draw_shot(shot, Postkeying(shot), "postkey", options=options, report=report, stop=stop)


def _work(shot: Shot[PostkeySpec], drawings: set[str]) -> str:
    """What drawing them means, for people: `1 reference, 2 sketches to color, 12 drawings between`."""
    references = {reference.drawing for reference in shot.art.references}
    sketches = {sketch.drawing for sketch in shot.art.sketches}
    counts = {
        "reference": len(drawings & references),
        "sketches to color": len(drawings & sketches),
        "drawings between": len(drawings - references - sketches),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())
