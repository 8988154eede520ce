"""OpenTimelineIO timelines for conform, written with the optional package `opentimelineio`."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import groupby
from pathlib import PurePosixPath

from toonctl.core.lazy import need
from toonctl.core.timesheet import Timesheet, rate_text


def otio_text(sheet: Timesheet, *, rate: Fraction, first_frame: int, pictures: Mapping[str, str]) -> str:
    """The timeline as OTIO's JSON: a track for each layer of `pictures`, in their order, bottom to top.

    `pictures[layer]` are its delivered frames relative to the timeline, as `../frames/A/cut012.A.####.png`;
    `first_frame` is the number of the first. A marker on the clip names every drawing the sheet exposes.
    Raises: EngineError when `opentimelineio` is not installed.
    """
    otio = need("opentimelineio", for_="an OTIO sheet")
    fps = float(rate)

    def span(index: int, n_frames: int) -> object:
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(index, fps), otio.opentime.RationalTime(n_frames, fps)
        )

    timeline = otio.schema.Timeline(name=sheet.name)
    timeline.metadata["toonctl"] = {"rate": rate_text(rate), "cut": sheet.cut, "scene": sheet.scene}
    for layer, files in pictures.items():
        path = PurePosixPath(files)
        prefix, _, suffix = path.name.partition("#")
        sequence = otio.schema.ImageSequenceReference(
            target_url_base=f"{path.parent}/",
            name_prefix=prefix,
            name_suffix=suffix.lstrip("#"),
            start_frame=first_frame,
            rate=fps,
            frame_zero_padding=path.name.count("#"),
            available_range=span(0, sheet.n_frames),
        )
        clip = otio.schema.Clip(name=f"{sheet.name}.{layer}", media_reference=sequence)
        clip.source_range = span(0, sheet.n_frames)
        for drawing, index, n_frames in _runs(sheet.exposures.get(layer, ())):
            clip.markers.append(otio.schema.Marker(name=drawing, marked_range=span(index, n_frames)))
        track = otio.schema.Track(name=layer, kind=otio.schema.TrackKind.Video)
        track.append(clip)
        timeline.tracks.append(track)
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text


def _runs(shown: tuple[str | None, ...]) -> Iterator[tuple[str, int, int]]:
    """(drawing, index, frames it is held)"""
    index = 0
    for drawing, run in groupby(shown):
        n_frames = sum(1 for _ in run)
        if drawing is not None:
            yield drawing, index, n_frames
        index += n_frames
