"""One run over a shot, whoever draws: lock, guard, workers, frames, composites, record; then the delivery."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np

from toonctl import __version__
from toonctl.core.errors import Stopped
from toonctl.core.files import sweep_stale
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.core.timesheet import format_frames
from toonctl.core.types import CelPixels, ColorModel, Layer, Role, Warned
from toonctl.engines.base import EngineFacts, Submit
from toonctl.pipelines import deliver
from toonctl.pipelines._shot import Shot
from toonctl.spec.load import resolved
from toonctl.spec.run_options import RunOptions, RunResult
from toonctl.stages import pool
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.chunks import ChunkRecord, EngineRecord, RunClock, WeightsFile, write_chunk
from toonctl.stages.finish import FinishJob, FinishOptions, write_empty
from toonctl.stages.head_start import HeadStart
from toonctl.stages.job import Guard, Standing, StateFolder, job_key
from toonctl.stages.lock import frame_lock
from toonctl.stages.manifest import retract_manifest
from toonctl.stages.notes import DrawingNote
from toonctl.stages.pool import Backlog
from toonctl.stages.show import flattened
from toonctl.stages.tree import COMP
from toonctl.stages.write import plan_comps, write_comp, write_still

_ENGINE_CODE = "W301"
"""An engine went on otherwise than it was asked to."""

_WAITING = 24
"""Drawings that may wait to be written while the engine goes on."""

Shown = Mapping[str, tuple[int, ...]]
"""The drawings of a layer and the frames that show them, as numbered for people."""


class Drawer(Protocol):
    """How one command draws: its engine, and what it does for the cel layers."""

    def facts(self) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def draw(self, run: "Drawing") -> None:
        """Every frame of the cel layers that `run` still lacks, on disk; ends early when `run` stops."""
        ...


@runtime_checkable
class EarlyDrawer(Protocol):
    """A drawer with work that needs neither weights nor workers."""

    def begin(self, frames: Sequence[int], submit: Submit) -> None:
        """Submits what drawing `frames` will ask for first."""
        ...


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be drawn, for which command; and what has been begun already, if anything."""

    command: str
    frames: Sequence[int]
    begun: HeadStart


class Drawing:
    """A run under way. `drawn` names the drawings by layer, `n_written` counts pictures of frames."""

    def __init__(
        self,
        shot: Shot,
        standing: Standing,
        key: str,
        pool: ProcessPoolExecutor,
        report: Reporter,
        stop: StopFlag,
    ) -> None:
        self.shot = shot
        self.pool = pool
        self.key = key
        self.drawn: dict[str, tuple[str, ...]] = {}
        self.n_written = 0
        self.warned: tuple[Warned, ...] = ()
        self._standing = standing
        self._report = report
        self._stop = stop
        self._frames: tuple[int, ...] = ()
        self.load = partial(load_cel, size=shot.art.size, options=shot.read_options())

    @property
    def is_stopped(self) -> bool:
        """Whether the run is to end after what is in hand."""
        return self._stop.is_set()

    @property
    def is_late(self) -> bool:
        """Whether what is in hand is to be dropped if it takes long."""
        return self._stop.is_late()

    def tell(self, text: str) -> None:
        """Says aloud, and keeps for the manifest, that the engine goes on otherwise than it was asked to."""
        self.warned = (*self.warned, Warned(_ENGINE_CODE, text))
        self._report.warn(_ENGINE_CODE, text)

    def start(self, frames: Sequence[int], command: str) -> None:
        """Announces the work that lies ahead."""
        self._frames = tuple(frames)
        layers = (*self.shot.timeline.layers, COMP)
        total = sum(len(self._standing.todo(layer, frames)) for layer in layers)
        self._report.start(total, f"{command} {self.shot.spec.shot.name}")

    def missing(self, layer: Layer) -> dict[str, tuple[int, ...]]:
        """The drawings whose frames `layer` still lacks, and those frames; its empty frames are written.

        Raises: DeliveryError.
        """
        shown: dict[str, tuple[int, ...]] = {}
        empty: tuple[int, ...] = ()
        for frame in self._standing.todo(layer.name, self._frames):
            name = self.shot.timeline.drawing(layer.name, frame)
            if name is None:
                empty = (*empty, frame)
            else:
                shown[name] = (*shown.get(name, ()), frame)
        if empty:
            self._count(write_empty(self.job(layer, None, empty)), empty[-1], layer.name)
        self.drawn[layer.name] = tuple(shown)
        return shown

    def backlog(self, shown: Shown) -> Backlog[DrawingNote]:
        """Where finished drawings of one layer wait for a process that writes them."""
        return Backlog(self.pool, _WAITING, lambda note: self.wrote(note, shown), self._stop)

    def wrote(self, note: DrawingNote, shown: Shown) -> None:
        """Tells of a drawing whose frames are on disk."""
        frames = shown[note.drawing]
        self._count(len(frames), frames[-1], note.layer)

    def job(self, layer: Layer, name: str | None, frames: tuple[int, ...]) -> FinishJob:
        """What it takes to write drawing `name` of `layer`, None being an empty frame, to its `frames`."""
        output = self.shot.spec.output
        cel = layer.cels.get(name) if name is not None else None
        nothing = np.zeros((1, 4), np.uint8)
        return FinishJob(
            tree=self.shot.tree,
            job_key=self.key,
            layer=layer.name,
            load=_empty_cel if cel is None else partial(self.load, cel),
            size=self.shot.art.size,
            model=ColorModel(nothing, nothing, nothing, nothing),
            options=FinishOptions(
                is_split=output.split,
                is_kept_apart=output.psd or output.exr,
                is_rgba=output.png == "rgba",
                is_line_binary=output.line_aa == "binary",
                trace_fill=output.trace_fill,
            ),
            frames=frames,
        )

    def state(self, scope: str) -> StateFolder:
        """The engine's memory on disk; `scope` keeps that of one layer apart."""
        return StateFolder(self.shot.tree, self.key, scope)

    def write_stills(self) -> None:
        """Background and book pictures where composite and PSD will look for them. Raises: DeliveryError."""
        for layer in self.shot.art.layers:
            if layer.role is not Role.CEL:
                for cel in layer.cels.values():
                    picture = flattened(self.load(cel), self.shot.art.size)
                    write_still(self.shot.tree, layer.name, picture, job_key=self.key)

    def compose(self) -> None:
        """The composite of every frame that lacks it. Raises: DeliveryError."""
        if self.is_stopped:
            return
        jobs = plan_comps(
            self.shot.tree,
            self.shot.timeline,
            stack=[layer.name for layer in self.shot.art.layers if layer.cels],
            frames=self._standing.todo(COMP, self._frames),
            job_key=self.key,
            is_rgba=self.shot.spec.output.png == "rgba",
        )
        count = partial(self._count, frame=self._frames[-1], layer=COMP)
        backlog = Backlog[int](self.pool, _WAITING, count, self._stop)
        for job in jobs:
            if not self.is_stopped:
                backlog.submit(write_comp, job)
        backlog.drain()

    def _count(self, n_frames: int, frame: int, layer: str) -> None:
        self.n_written += n_frames
        note = f"{self.shot.spec.shot.name}.{layer}.{frame:04d}"
        self._report.step(done=self.n_written, frame=frame, layer=layer, note=note)


def draw_shot(
    shot: Shot, drawer: Drawer, command: str, *, options: RunOptions, report: Reporter, stop: StopFlag
) -> RunResult:
    """The shot drawn and delivered; with `options.frames` those frames alone, for `deliver` to gather.

    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    frames = shot.chosen_frames(options.frames)
    for warned in shot.art.warnings:
        report.warn(warned.code, warned.text)
    begun = HeadStart(options.threads)
    if isinstance(drawer, EarlyDrawer) and not options.resume:  # else most of it may be there
        drawer.begin(frames, begun.submit)
    with begun:
        work = _Work(command, frames, begun)
        _draw_frames(shot, drawer, work, options=options, report=report, stop=stop)
    if stop.is_set():
        raise Stopped(f"stopped by {stop.asked_by}; what is finished is kept", hint="`--resume` goes on")
    if options.frames is not None:
        note = f"frames {format_frames(frames)} are done; `toonctl deliver` finishes the shot"
        return RunResult(outputs=(shot.tree.root / "frames",), notes=(note,))
    return deliver.run(shot.loaded, options, report, stop)


def _draw_frames(
    shot: Shot,
    drawer: Drawer,
    work: _Work,
    *,
    options: RunOptions,
    report: Reporter,
    stop: StopFlag,
) -> None:
    """All frames of `work` on disk, layers, then composite, then the record."""
    clock = RunClock()
    frames = work.frames
    engine = shot.spec.engine_table
    facts = drawer.facts()
    weights = tuple(WeightsFile(w.file, w.sha256, w.licence) for w in facts.weights)
    values = resolved(shot.spec)
    key = job_key(
        values,
        shot.art.inputs,
        engine=engine.name,
        weights={file.file: file.sha256 for file in weights},
        seed=engine.seed,
        version=__version__,
    )
    with frame_lock(shot.tree, frames, break_lock=options.break_lock, report=report):
        guard = Guard(shot.tree, key, shot.timeline)
        standing = guard.standing(frames, resume=options.resume, overwrite=options.overwrite)
        sweep_stale(shot.tree.root)
        retract_manifest(shot.tree)
        with pool.worker_pool(options.threads) as workers:
            work.begun.receive()
            run = Drawing(shot, standing, key, workers, report, stop)
            run.start(frames, work.command)
            run.write_stills()
            drawer.draw(run)
            run.compose()
        record = ChunkRecord(
            job_key=key,
            command=work.command,
            frames=tuple(frames),
            engine=EngineRecord(engine.name, facts.device, facts.dtype, engine.seed, weights),
            resolved=values,
            run=clock.facts(),
            drawings=run.drawn,
            wrote=run.n_written,
            skipped=standing.n_done,
            is_finished=not stop.is_set(),
            warnings=(*shot.art.warnings, *run.warned),
        )
        write_chunk(shot.tree, record)


def _empty_cel() -> CelPixels:
    return CelPixels(None, None)
