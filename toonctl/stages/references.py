"""The painted drawings that set the colors, and the backgrounds and books that come with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from toonctl.core.art import Cel, Layer, Reference, Role
from toonctl.core.errors import ArtError, Problem, SpecError
from toonctl.core.timesheet import format_frames
from toonctl.formats.psd_tree import PsdDocument, PsdNode
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.drawn import DrawnShot, named, psd_cel
from toonctl.stages.exposures import Exposures, track_key
from toonctl.stages.findings import Findings
from toonctl.stages.psd_layers import PsdLayer, read_layers
from toonctl.stages.read_psd_art import still_layer
from toonctl.stages.roles import drawing_name


@dataclass(frozen=True, slots=True)
class ReferenceFiles:
    """One `[[reference]]` of the shot file; `key` is where it stands (`reference[1]`)."""

    key: str
    frame: int | None
    image: str | None
    line: str | None
    layer: str | None
    psd: str | None
    drawings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundReferences:
    """The references of one table, and the stack of its PSD: stills, with cels only to show their place."""

    references: tuple[Reference, ...]
    stack: tuple[Layer, ...] = ()


def read_reference(
    files: ReferenceFiles, shot: DrawnShot, *, options: ReadOptions, findings: Findings
) -> FoundReferences:
    """What one table gives for the drawings of `shot`.

    Raises: ArtError for pictures that cannot be used; SpecError for layers, drawings or frames the shot
    lacks.
    """
    if files.psd is not None:
        return _read_psd(files, files.psd, shot, options, findings)
    if files.image is None:
        raise SpecError("the reference has no picture", files.key, 'add `image = "color/walk.0001.png"`')
    layer = _asked_layer(files, shot)
    drawing = _at_frame(files, layer, shot.exposures)
    if files.frame is not None and drawing is None:
        what = f"layer `{layer.name}` shows nothing at frame {files.frame}"
        raise SpecError(what, f"{files.key}.frame", "give a frame that shows the drawing")
    cel = _picture(files.image, layer.name, drawing, findings)
    line = _picture(files.line, layer.name, drawing, findings, is_line_art=True) if files.line else None
    return FoundReferences((Reference(layer.name, drawing, cel, line),))


def add_stills(
    shot: Sequence[Layer], stacks: Sequence[Sequence[Layer]], background: Layer | None
) -> tuple[Layer, ...]:
    """`shot` with a background at the bottom and with the stills of the first reference that has any.

    Stills of the shot's own PSD win, role by role; `background` stands for all backgrounds of references.
    Each still keeps its place among the cels it lay between.
    """
    layers = list(shot)
    if background and any(background.name == layer.name for layer in shot):
        background = replace(background, name=f"{background.name}_0")
    own = {layer.role for layer in shot} | ({Role.BACKGROUND} if background else set[Role]())
    for role in (Role.BACKGROUND, Role.BOOK):
        if role in own:
            continue
        stack = next((stack for stack in stacks if any(layer.role is role for layer in stack)), ())
        for at, still in enumerate(stack):
            if still.role is role and all(still.name != layer.name for layer in layers):
                layers.insert(_place(layers, stack[:at]), still)
    return (*((background,) if background else ()), *layers)


def background_layer(path: str, findings: Findings) -> Layer:
    """`[art] background` as a layer. Raises: ArtError when the picture cannot be used."""
    cel = _picture(path, "BG", None, findings)
    return Layer("BG", Role.BACKGROUND, {"BG": replace(cel, name="BG")})


def _place(layers: Sequence[Layer], below: Sequence[Layer]) -> int:
    """The index right above the topmost of `below` that is among `layers`."""
    names = [layer.name for layer in layers]
    return max((names.index(layer.name) + 1 for layer in below if layer.name in names), default=0)


def _picture(
    path: str, layer: str, drawing: str | None, findings: Findings, *, is_line_art: bool = False
) -> Cel:
    file = findings.folder / path
    info = findings.picture(file)
    findings.expect_size(file, info.size)
    return Cel(layer, drawing or file.stem, file, findings.digest(file), is_line_art=is_line_art)


def _asked_layer(files: ReferenceFiles, shot: DrawnShot) -> Layer:
    cels = shot.cel_layers
    if files.layer is None and len(cels) == 1:
        return cels[0]
    if files.layer is None:
        what = "the reference does not say which layer it paints"
        raise SpecError(what, f"{files.key}.layer", f"the shot has {named(layer.name for layer in cels)}")
    return _shot_layer(files.layer, shot, f"{files.key}.layer")


def _shot_layer(name: str, shot: DrawnShot, key: str) -> Layer:
    layer = shot.cel_layer(name)
    if layer is None:
        has = named(layer.name for layer in shot.cel_layers)
        raise SpecError(f"the shot has no layer `{name}`", key, f"it has {has}")
    return layer


def _at_frame(files: ReferenceFiles, layer: Layer, exposures: Exposures) -> str | None:
    """The drawing of `layer` at the reference's frame; None when none is given, or nothing shows there."""
    if files.frame is None:
        return None
    index = files.frame - exposures.first_frame
    if not 0 <= index < exposures.n_frames:
        frames = range(exposures.first_frame, exposures.first_frame + exposures.n_frames)
        what = f"frame {files.frame} is not in the shot"
        raise SpecError(what, f"{files.key}.frame", f"the shot has {format_frames(frames)}")
    return exposures.tracks[layer.name][index]


def _read_psd(
    files: ReferenceFiles, psd: str, shot: DrawnShot, options: ReadOptions, findings: Findings
) -> FoundReferences:
    document = findings.psd(findings.folder / psd)
    findings.expect_size(document.path, document.size)
    wanted = {track_key(layer): {drawing_name(name)} for layer, name in files.drawings.items()}
    planes = read_layers(document, options=options, sheet=wanted, is_line_art=False, findings=findings)
    cels = {track_key(plane.name): plane for plane in planes if plane.role is Role.CEL}
    pairs = (
        _named_drawings(files, shot, cels, document) if files.drawings else _all_drawings(files, shot, cels)
    )
    references: list[Reference] = []
    for layer, drawing, node in pairs:
        name = drawing or document.path.stem
        cel = psd_cel(layer.name, name, node, document=document, findings=findings)
        references.append(Reference(layer.name, drawing, replace(cel, is_line_art=False)))
    stack = tuple(
        # A cel of another name in the shot must not count as a place.
        Layer(plane.name, Role.CEL) if plane.role is Role.CEL else still_layer(document, plane, findings)
        for plane in planes
    )
    return FoundReferences(tuple(references), stack)


def _named_drawings(
    files: ReferenceFiles, shot: DrawnShot, cels: Mapping[str, PsdLayer], document: PsdDocument
) -> list[tuple[Layer, str, PsdNode]]:
    """What `drawings = { A = "1" }` names. Raises: SpecError or ArtError listing all that is not there."""
    pairs: list[tuple[Layer, str, PsdNode]] = []
    spec: list[Problem] = []
    art: list[Problem] = []
    for asked, name in files.drawings.items():
        key = f"{files.key}.drawings.{asked}"
        drawing = drawing_name(name)
        plane, layer = cels.get(track_key(asked)), shot.cel_layer(asked)
        if layer is None:
            has = named(known.name for known in shot.cel_layers)
            spec.append(Problem(f"the shot has no layer `{asked}`", key, f"it has {has}"))
        elif drawing not in layer.cels:
            spec.append(
                Problem(f"layer `{layer.name}` has no drawing `{name}`", key, f"it has {named(layer.cels)}")
            )
        if plane is None:
            has = named(known.name for known in cels.values())
            art.append(
                Problem(f"`{document.path.name}` has no cel `{asked}`", str(document.path), f"it has {has}")
            )
        elif plane.drawings and drawing not in plane.drawings:
            what = f"`{document.path.name}`: cel `{plane.name}` has no drawing `{name}`"
            art.append(Problem(what, str(document.path), f"it has {named(plane.drawings)}"))
        elif layer is not None:
            pairs.append((layer, drawing, plane.drawings.get(drawing, plane.node)))
    if spec:
        raise SpecError.listing([*spec, *art])
    if art:
        raise ArtError.listing(art)
    return pairs


def _all_drawings(
    files: ReferenceFiles, shot: DrawnShot, cels: Mapping[str, PsdLayer]
) -> Iterator[tuple[Layer, str | None, PsdNode]]:
    """Every cel of the PSD that the shot has too: at the reference's frame, by number, or as a design."""
    is_any = False
    for plane in cels.values():
        layer = shot.cel_layer(plane.name)
        if layer is None:
            continue
        shown = _at_frame(files, layer, shot.exposures)
        if plane.drawings:
            chosen = [shown] if files.frame is not None else [*plane.drawings]
            pairs = [(n, plane.drawings[n]) for n in chosen if n and n in plane.drawings and n in layer.cels]
        elif files.frame is not None and shown is None:
            pairs = []
        else:
            pairs = [(shown, plane.node)]
        is_any = is_any or bool(pairs)
        yield from ((layer, name, node) for name, node in pairs)
    if not is_any:
        has = named(layer.name for layer in shot.cel_layers)
        what = f"the reference `{files.psd}` paints no drawing of the shot"
        raise SpecError(
            what, files.key, f"the shot has {has}; the PSD has {named(p.name for p in cels.values())}"
        )
