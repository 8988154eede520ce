"""A layered PSD, or numbered ones, as the layers of a shot, matched with the exposure sheet."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from toonctl.core.art import Cel, Layer, Role
from toonctl.core.errors import ArtError, SpecError
from toonctl.formats.psd_tree import PsdDocument
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.drawn import DrawnShot, ShotFrames, named, psd_cel, report_missing
from toonctl.stages.exposures import Exposures, frame_range, track_key
from toonctl.stages.findings import Code, Findings
from toonctl.stages.psd_layers import PsdLayer, number_in_name, read_layers, top_role
from toonctl.stages.roles import Level, role_of
from toonctl.stages.sequence import find_numbered, is_pattern

_UNDRAWN = (Role.IGNORE, Role.LAYOUT, Role.BACKGROUND, Role.BOOK)


@dataclass(frozen=True, slots=True)
class _Stack:
    """The layers found in `source`, bottom to top; `hidden` are the names of invisible cels."""

    source: Path
    layers: tuple[Layer, ...]
    hidden: frozenset[str] = frozenset()


def read_psd_art(
    path: str, *, frames: ShotFrames, options: ReadOptions, findings: Findings, is_line_art: bool = True
) -> DrawnShot:
    """The layers of the PSD `path`, or of all PSDs that fit it when it holds `####`.

    `is_line_art` says what layers are whose name does not tell: lines, or else paint.
    Raises: ArtError and SpecError; what the sheet asks for in vain goes to `findings`.
    """
    exposures = frames.from_sheet(findings)
    wanted = exposures.drawings if exposures else {}
    if is_pattern(path):
        found = find_numbered(path, findings.folder)
        numbered = exposures or frames.from_numbers(found, findings)
        asked = [name for shown in numbered.tracks.values() for name in shown if name is not None]
        report_missing(found, asked, findings)
        used = {name: found.files[name] for name in dict.fromkeys(asked) if name in found.files}
        stack = _numbered_stack(findings.folder / path, used, options, findings, is_line_art=is_line_art)
        exposures = exposures or _by_number(numbered, stack.layers)
    else:
        document = findings.psd(findings.folder / path)
        findings.expect_size(document.path, document.size)
        planes = read_layers(
            document, options=options, sheet=wanted, is_line_art=is_line_art, findings=findings
        )
        layers = tuple(_layer(document, p, wanted, findings, is_line_art=is_line_art) for p in planes)
        stack = _Stack(document.path, layers, _hidden_cels(document, options))
        exposures = exposures or _held(stack, frames, findings)
    return _matched(stack, exposures, options, findings)


def still_layer(document: PsdDocument, plane: PsdLayer, findings: Findings) -> Layer:
    """A background or book with its one still cel."""
    cel = psd_cel(plane.name, plane.name, plane.node, document=document, findings=findings)
    return Layer(plane.name, plane.role, {plane.name: replace(cel, is_line_art=False)})


def _layer(
    document: PsdDocument,
    plane: PsdLayer,
    wanted: Mapping[str, Set[str]],
    findings: Findings,
    *,
    is_line_art: bool,
) -> Layer:
    if plane.role is not Role.CEL:
        return still_layer(document, plane, findings)
    drawings = plane.drawings or {_still_name(document.path, wanted.get(track_key(plane.name))): plane.node}
    cels = {
        name: replace(
            psd_cel(plane.name, name, node, document=document, findings=findings), is_line_art=is_line_art
        )
        for name, node in drawings.items()
    }
    return Layer(plane.name, Role.CEL, cels)


def _still_name(path: Path, wanted: Set[str] | None) -> str:
    """The name of the one drawing of a still cel: that of its track's only drawing, or the file's number."""
    if wanted is not None and len(wanted) == 1:
        return next(iter(wanted))
    return number_in_name(path) or "1"


def _numbered_stack(
    source: Path, files: Mapping[str, Path], options: ReadOptions, findings: Findings, *, is_line_art: bool
) -> _Stack:
    """The layers of PSDs that hold one drawing of each cel; stills are those of the first that has them."""
    layers: dict[str, Layer] = {}
    hidden: frozenset[str] = frozenset()
    for name, path in files.items():
        with findings.gather():
            document = findings.psd(path)
            findings.expect_size(path, document.size)
            hidden |= _hidden_cels(document, options)
            below: str | None = None
            for plane in read_layers(
                document, options=options, sheet={}, is_line_art=is_line_art, findings=findings
            ):
                if plane.role is not Role.CEL:
                    layer = layers.get(plane.name) or still_layer(document, plane, findings)
                else:
                    node = plane.drawings.get(name, plane.node)
                    cel = psd_cel(plane.name, name, node, document=document, findings=findings)
                    known = layers[plane.name].cels if plane.name in layers else dict[str, Cel]()
                    layer = Layer(
                        plane.name, Role.CEL, {**known, name: replace(cel, is_line_art=is_line_art)}
                    )
                layers = _placed(layers, layer, below)
                below = plane.name
    return _Stack(source, tuple(layers.values()), hidden)


def _placed(layers: Mapping[str, Layer], layer: Layer, below: str | None) -> dict[str, Layer]:
    """`layers` with `layer` in its place, a new one right above `below`."""
    if layer.name in layers:
        return {name: layer if name == layer.name else known for name, known in layers.items()}
    order = list(layers)
    order.insert(order.index(below) + 1 if below in order else 0, layer.name)
    return {name: layer if name == layer.name else layers[name] for name in order}


def _by_number(numbered: Exposures, layers: Sequence[Layer]) -> Exposures:
    tracks = {
        layer.name: tuple(name if name in layer.cels else None for name in numbered.tracks[""])
        for layer in layers
        if layer.role is Role.CEL
    }
    return replace(numbered, tracks=tracks)


def _held(stack: _Stack, frames: ShotFrames, findings: Findings) -> Exposures:
    """One drawing a cel, held through the shot: what a PSD without a sheet can mean."""
    cels = [layer for layer in stack.layers if layer.role is Role.CEL]
    many = [layer.name for layer in cels if len(layer.cels) > 1]
    if many:
        raise SpecError(
            f"no sheet says when the drawings of {named(many)} are shown",
            "art.sheet",
            'add `sheet = "cut012.xdts"`, or `exposure = { A = "1x6 2x6" }`',
        )
    chosen = range(frames.first_frame, frames.first_frame + 1)
    if frames.frames is not None:
        chosen = frame_range(frames.frames, findings)
    tracks = {layer.name: (next(iter(layer.cels)),) * len(chosen) for layer in cels}
    return Exposures(chosen.start, len(chosen), tracks, {})


def _hidden_cels(document: PsdDocument, options: ReadOptions) -> frozenset[str]:
    roles = (top_role(node, options=options) for node in document.nodes if not node.is_visible)
    return frozenset(track_key(name) for name, role in roles if role is Role.CEL)


def _matched(stack: _Stack, exposures: Exposures, options: ReadOptions, findings: Findings) -> DrawnShot:
    """The layers that the sheet shows, each with its track; what does not fit goes to `findings`."""
    source = stack.source
    cel_names = [layer.name for layer in stack.layers if layer.role is Role.CEL]
    if not cel_names:
        found = [layer.name for layer in stack.layers]
        hint = f"name cels `A`, `B` ..., or use `[psd.roles]`; it has {named(found)}"
        raise ArtError(f"`{source.name}` has no cel layer", str(source), hint)
    layers: list[Layer] = []
    tracks: dict[str, tuple[str | None, ...]] = {}
    marks: dict[str, Mapping[int, str]] = {}
    for layer in stack.layers:
        track = exposures.track_of(layer.name)
        if layer.role is not Role.CEL:
            layers.append(layer)
        elif track is None:
            what = f"cel `{layer.name}` of `{source.name}` is not in the sheet and is left out"
            findings.warn(Code.NOT_IN_SHEET, what)
        else:
            layers.append(layer)
            tracks[layer.name] = exposures.tracks[track]
            if track in exposures.marks:
                marks[layer.name] = exposures.marks[track]
            _report_undrawn(layer, exposures.tracks[track], source, findings)
    for track, shown in exposures.tracks.items():
        is_drawn = role_of(track, level=Level.TOP, overrides=options.roles) not in _UNDRAWN and any(shown)
        if is_drawn and track_key(track) not in {track_key(name) for name in cel_names}:
            is_hidden = track_key(track) in stack.hidden
            hint = "make the group visible" if is_hidden else f"it has {named(cel_names)}"
            what = "hides cel" if is_hidden else "has no cel"
            findings.art_problem(f"`{source.name}` {what} `{track}`, which the sheet shows", source, hint)
    return DrawnShot(tuple(layers), replace(exposures, tracks=tracks, marks=marks))


def _report_undrawn(layer: Layer, shown: Sequence[str | None], source: Path, findings: Findings) -> None:
    lacking = [name for name in dict.fromkeys(shown) if name is not None and name not in layer.cels]
    if lacking:
        findings.art_problem(
            f"`{source.name}`: cel `{layer.name}` has no drawing {named(lacking)}, which the sheet shows",
            source,
            f"it has {named(layer.cels)}",
        )
