"""The story of `inbetween`: keys are read and placed, what lies between them drawn, the shot delivered."""

from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._shot import Shot, drawings_between
from toonctl.spec.inbetween import InbetweenSpec
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult


def run(
    loaded: LoadedShot[InbetweenSpec], options: RunOptions, report: Reporter, stop: StopFlag
) -> RunResult:
    """The inbetweened shot on disk; with `options.frames` those frames only, for `deliver` to gather.

    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    shot = Shot.read(loaded, options)
    frames = shot.chosen_frames(options.frames)
    if options.dry_run:
        return RunResult(notes=shot.plan(frames, lambda layer, names: drawings_between(shot, layer, names)))
    # The heavy rooms come in only now: a dry run or a faulty shot file has ended before.
    from toonctl.pipelines._drawing import draw_shot
    from toonctl.pipelines._inbetweening import Inbetweening

    return draw_shot(shot, Inbetweening(shot), "inbetween", options=options, report=report, stop=stop)
