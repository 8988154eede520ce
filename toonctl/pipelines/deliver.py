"""The story of `deliver`: frames are checked to be whole; sheet, palette, PSD, movies, previews follow.

A run over a whole shot ends with the same `deliver`. The manifest is written last: it means finished.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from toonctl import __version__
from toonctl.core.names import name_fault
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.core.types import Pixels, Warned
from toonctl.pipelines._shot import Shot
from toonctl.spec.commands import COMMANDS
from toonctl.spec.guess import guess_command
from toonctl.spec.load import LoadedShot, resolved
from toonctl.spec.run_options import RunOptions, RunResult
from toonctl.stages.tree import OutputTree

_WAITING = 24
"""Files that may wait to be written."""

if TYPE_CHECKING:
    from toonctl.stages.chunks import EngineRecord, MergedRun
    from toonctl.stages.manifest import MovieFile
    from toonctl.stages.notes import DrawingNote
    from toonctl.stages.palette import LayerColors
    from toonctl.stages.show import Show


def run(loaded: LoadedShot[Any], options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
    """The shot's delivery on disk, made from the frames that are there.

    Raises: CheckFailed when frames are missing; SpecError, ArtError, DeliveryError; Stopped after a signal.
    """
    from toonctl.stages.chunks import RunClock, add_runs, merge_chunks
    from toonctl.stages.gather import patience_s, patiently
    from toonctl.stages.job import sweep_memory
    from toonctl.stages.lock import frame_lock
    from toonctl.stages.manifest import retract_manifest
    from toonctl.stages.palette import write_doubts, write_palette

    clock = RunClock()
    shot = Shot.read(loaded, options)
    tree, timeline = shot.tree, shot.timeline
    done = merge_chunks(
        tree, lambda record: record.job_key == _key(shot, record.engine)
    )  # before anything is written: a mistyped `--out` gets no folder
    _check_job(shot, done)
    with frame_lock(tree, timeline.frames, break_lock=options.break_lock, report=report):
        colors = patiently(tree, lambda: _gather(shot, done.job_key), seconds=patience_s(os.environ))
        retract_manifest(tree)
        outputs = [tree.root / "frames", *_write_sheets(shot)]
        if _is_colored(shot, colors):
            write_palette(tree, colors)
            write_doubts(tree, colors, timeline)
            outputs += [tree.palette, tree.doubts]
        show = show_of(shot, colors)
        outputs += _write_pictures(shot, show, options=options, report=report)
        movies = _write_movies(shot, report, stop)
        outputs += [tree.root / movie.file for movie in movies]
        warnings = _warnings(shot, done, colors)
        cost = add_runs([done.run, clock.facts()])
        notes = tuple(note for layer in colors.values() for note in layer.notes)
        ran = replace(done, run=cost, warnings=warnings)
        manifest = _write_manifest(shot, ran, movies, notes=notes, options=options)
        sweep_memory(tree, done.job_key)
    return RunResult((*outputs, tree.manifest), manifest, _notes(shot, colors))


def find_command(path: Path, out: Path | None) -> str:
    """The command that drew the frames of the shot file at `path`, or else the one that it is for.

    Raises: UsageError, SpecError when the file cannot be read.
    """
    from toonctl.spec.tomlfile import read_toml
    from toonctl.stages.chunks import read_chunks

    shot = read_toml(path).values.get("shot")
    name = cast("dict[str, object]", shot).get("name") if isinstance(shot, dict) else None
    if isinstance(name, str) and name_fault(name) is None:
        records = read_chunks(OutputTree.of(path.absolute().parent, out, name))
        if records and records[-1].command in COMMANDS:
            return records[-1].command
    return guess_command(path)


def show_of(shot: Shot, colors: "Mapping[str, LayerColors]") -> "Show":
    """What there is to look at of the shot: for preview, contact sheet and layered PSD."""
    from toonctl.stages.cel_pixels import load_cel
    from toonctl.stages.lines import lines_on_top
    from toonctl.stages.show import ReferencePicture, Show, flattened

    art = shot.art
    load = partial(load_cel, size=art.size, options=shot.read_options())
    layers = {layer.name: layer for layer in art.layers}

    def line(layer: str, drawing: str) -> Pixels | None:
        cel = layers[layer].cels.get(drawing)
        return None if cel is None else lines_on_top(load(cel), is_binary=False, keep_trace=True)

    return Show(
        tree=shot.tree,
        timeline=shot.timeline,
        size=art.size,
        rate=shot.spec.shot.rate,
        stack=tuple((layer.name, layer.role) for layer in art.layers if layer.cels),
        references=tuple(
            ReferencePicture(r.layer, r.drawing, flattened(load(r.cel), art.size)) for r in art.references
        ),
        colors=colors,
        line=line,
    )


def _is_colored(shot: Shot, colors: "Mapping[str, LayerColors]") -> bool:
    """Whether colors were chosen at all: inbetweens of painted keys have the keys' own."""
    return not shot.art.plans or any(len(layer.palette.model.colors) > 1 for layer in colors.values())


def _check_job(shot: Shot, done: "MergedRun") -> None:
    """Passes when shot file and art are those that were drawn. Raises: DeliveryError."""
    from toonctl.core.errors import DeliveryError
    from toonctl.stages.gather import check_same_job

    check_same_job(done.resolved, resolved(shot.spec), where=shot.loaded.path)
    if done.job_key != _key(shot, done.engine):
        raise DeliveryError(
            "the art, the sheet or toonctl itself has changed since the frames were drawn",
            str(shot.loaded.path),
            f"run `toonctl {done.command}` again with `--overwrite`",
        )


def _key(shot: Shot, engine: "EngineRecord") -> str:
    """The key of the job that drawing this shot with that engine is now."""
    from toonctl.stages.job import job_key

    return job_key(
        resolved(shot.spec),
        shot.art.inputs,
        engine=engine.name,
        weights={weights.file: weights.sha256 for weights in engine.weights},
        seed=engine.seed,
        version=__version__,
    )


def _gather(shot: Shot, key: str) -> "dict[str, LayerColors]":
    """What was drawn, by layer. Raises: CheckFailed when something is missing, DeliveryError."""
    from toonctl.stages.gather import check_frames, gather_colors

    check_frames(shot.tree, shot.timeline, job_key=key)
    return gather_colors(shot.tree, shot.timeline, job_key=key)


def _write_sheets(shot: Shot) -> tuple[Path, ...]:
    from toonctl.stages.sheet import sheet_of, write_sheets

    table, kinds = shot.spec.shot, shot.spec.output.sheets
    given = shot.spec.sheet_file
    if kinds is None:
        kinds = ("xdts", "csv") if shot.spec.has_sheet or shot.art.plans else ()
    source = shot.loaded.file(given) if given is not None else None
    skipped = shot.timeline.first_frame - table.first_frame
    sheet = sheet_of(shot.art, source, name=table.name, skipped_frames=skipped)
    sheet = replace(sheet, cut=table.cut or sheet.cut, scene=table.scene or sheet.scene)
    return write_sheets(shot.tree, sheet, kinds, rate=table.rate, first_frame=shot.timeline.first_frame)


def _write_pictures(shot: Shot, show: "Show", *, options: RunOptions, report: Reporter) -> list[Path]:
    """The files for people: layered PSD, contact sheet, preview page."""
    written: list[Path] = []
    if shot.spec.output.psd:
        from toonctl.stages.layered_psd import write_layered_psd

        report.notice("writing the layered PSD")
        write_layered_psd(show)
        written.append(shot.tree.psd)
    written += _write_picture_psds(shot, show, options=options, report=report)
    written += _write_exr_frames(shot, show, options=options, report=report)
    if shot.spec.output.preview:
        from toonctl.stages.contact import write_contact
        from toonctl.stages.preview import write_preview

        report.notice("writing the previews")
        write_contact(show)
        write_preview(show, threads=options.threads or 2)
        written += [shot.tree.contact, shot.tree.preview]
    return written


def _write_picture_psds(shot: Shot, show: "Show", *, options: RunOptions, report: Reporter) -> list[Path]:
    """The layered PSDs of single pictures, if the shot wants any."""
    is_wanted = shot.spec.output.psd_per_picture
    if not (shot.spec.is_layered if is_wanted is None else is_wanted):
        return []
    from toonctl.stages.picture_psd import picture_stacks, write_picture_psd
    from toonctl.stages.pool import Backlog, worker_pool

    report.notice("writing a layered PSD of every picture")
    written: list[Path] = []
    with worker_pool(options.threads) as pool:
        backlog = Backlog[Path](pool, _WAITING, written.append)
        for frame, stack in picture_stacks(show):
            backlog.submit(write_picture_psd, shot.tree, frame, stack, show.size)
        backlog.drain()
    return [shot.tree.psd.parent] if written else []


def _write_exr_frames(shot: Shot, show: "Show", *, options: RunOptions, report: Reporter) -> list[Path]:
    if not shot.spec.output.exr:
        return []
    from toonctl.stages.exr_frames import exr_pictures, write_exr_picture
    from toonctl.stages.pool import Backlog, worker_pool

    report.notice("writing EXR frames")
    written: list[Path] = []
    with worker_pool(options.threads) as pool:
        backlog = Backlog[list[Path]](pool, _WAITING, written.extend)
        for picture in exr_pictures(show):
            backlog.submit(write_exr_picture, shot.tree, picture)
        backlog.drain()
    return [written[0].parent] if written else []


def _write_movies(shot: Shot, report: Reporter, stop: StopFlag) -> "tuple[MovieFile, ...]":
    from toonctl.stages.movies import plan_movies, write_movies

    output = shot.spec.output
    jobs = plan_movies(
        shot.timeline,
        output.movies,
        size=shot.art.size,
        rate=shot.spec.shot.rate,
        has_layers=output.layer_movies,
    )
    if jobs:
        report.start(len(jobs) * shot.timeline.n_frames, f"movies {shot.spec.shot.name}")
    movies: list[MovieFile] = []
    for at, job in enumerate(jobs):

        def tell(frame: int, layer: str = job.layer, before: int = at * shot.timeline.n_frames) -> None:
            done = before + frame - shot.timeline.first_frame + 1
            report.step(done=done, frame=frame, layer=layer, note=f"movie {layer}.{frame:04d}")

        movies += write_movies(shot.tree, shot.timeline, job, stop=stop, on_frame=tell)
    return tuple(movies)


def _warnings(shot: Shot, done: "MergedRun", colors: "Mapping[str, LayerColors]") -> tuple[Warned, ...]:
    found = [*shot.art.warnings, *done.warnings]
    found += [warned for layer in colors.values() for note in layer.notes for warned in note.warnings]
    return tuple(sorted(set(found), key=lambda warned: (warned.code, warned.text)))


def _write_manifest(
    shot: Shot,
    done: "MergedRun",
    movies: "tuple[MovieFile, ...]",
    *,
    notes: "tuple[DrawingNote, ...]",
    options: RunOptions,
) -> Mapping[str, object]:
    from toonctl.stages.manifest import Manifest, write_manifest

    manifest = Manifest(
        version=__version__,
        shot=shot.spec.shot.name,
        shot_file=shot.loaded.path.name,
        shot_sha256=shot.loaded.sha256,
        rate=shot.spec.shot.rate,
        resolved=resolved(shot.spec),
        inputs=shot.art.inputs,
        timeline=shot.timeline,
        movies=movies,
        warnings=done.warnings,
        run=done,
        notes=notes if shot.art.plans else None,
        record_host=options.record_host,
    )
    return write_manifest(shot.tree, manifest)


def _notes(shot: Shot, colors: "Mapping[str, LayerColors]") -> tuple[str, ...]:
    """What a person should know: what fell back, which colors are doubtful, what to color by hand next."""
    from toonctl.stages.palette import pick_by_hand

    notes: list[str] = []
    for layer, told in colors.items():
        fallen = [note.drawing for note in told.notes if note.fell_back]
        if fallen:
            few = f"{', '.join(fallen[:8])}{' ...' if len(fallen) > 8 else ''}"
            notes.append(
                f"layer {layer}: {len(fallen)} inbetweens have places to look at ({few}); `fell_back` in "
                f"`{shot.tree.relative(shot.tree.manifest)}` says where and why"
            )
        n_doubts = sum(len(note.doubts) for note in told.notes)
        if n_doubts:
            drawings = sum(1 for note in told.notes if note.doubts)
            picks = ", ".join(pick.drawing for pick in pick_by_hand(told.notes)[:3])
            notes.append(
                f"layer {layer}: {n_doubts} doubtful regions in {drawings} drawings; "
                f"coloring {picks} by hand would help most (see `{shot.tree.relative(shot.tree.doubts)}`)"
            )
    return tuple(notes)
