"""Numbered line pictures as the one cel layer of a shot."""

from dataclasses import replace

from toonctl.core.art import Cel, Layer, Role
from toonctl.core.errors import SpecError
from toonctl.stages.drawn import DrawnShot, ShotFrames, named, report_missing
from toonctl.stages.findings import Findings
from toonctl.stages.sequence import find_numbered


def read_sequence(pattern: str, layer: str, *, frames: ShotFrames, findings: Findings) -> DrawnShot:
    """The pictures of `pattern` as `layer`: frames by number, or the drawings of a sheet when there is one.

    Raises: ArtError when no picture is found, SpecError when the sheet lacks the layer; pictures that are
    missing, broken or of another size go to `findings`.
    """
    found = find_numbered(pattern, findings.folder)
    exposures = frames.from_sheet(findings)
    if exposures is None:
        exposures = frames.from_numbers(found, findings)
        track: str | None = ""
    else:
        track = exposures.track_of(layer)
    if track is None:
        raise SpecError(f"the sheet has no layer `{layer}`", "art.layer", f"it has {named(exposures.tracks)}")
    shown = exposures.tracks[track]
    names = dict.fromkeys(name for name in shown if name is not None)
    report_missing(found, names, findings)
    cels: dict[str, Cel] = {}
    for name in names:
        path = found.files.get(name)
        if path is None:
            continue
        with findings.gather():
            findings.expect_size(path, findings.picture(path).size)
            cels[name] = Cel(layer, name, path, findings.digest(path))
    marks = exposures.marks.get(track)
    kept = replace(exposures, tracks={layer: shown}, marks={layer: marks} if marks else {})
    return DrawnShot((Layer(layer, Role.CEL, cels),), kept)
