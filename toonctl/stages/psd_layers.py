"""The top-level layers of an artist's PSD as planes of the shot, with the drawings of each cel."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from toonctl.core.art import LayerRole, Role
from toonctl.formats.psd_tree import PsdDocument, PsdNode
from toonctl.stages.cel_parts import ReadOptions, cel_parts, layer_role
from toonctl.stages.findings import Code, Findings
from toonctl.stages.roles import (
    Level,
    cel_name,
    drawing_name,
    is_drawing_number,
    normal_name,
    role_of,
    shared_prefix,
)

_TRAILING_NUMBER = re.compile(r"(\d+[a-z]?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PsdLayer:
    """A plane in a PSD: CEL, BACKGROUND or BOOK.

    `drawings` are those of a cel in animation-folder form; empty for the still form, whose one drawing is
    `node`.
    """

    name: str
    role: Role
    node: PsdNode
    drawings: Mapping[str, PsdNode] = field(default_factory=dict[str, PsdNode])


def read_layers(
    document: PsdDocument,
    *,
    options: ReadOptions,
    sheet: Mapping[str, Set[str]],
    is_line_art: bool,
    findings: Findings,
) -> tuple[PsdLayer, ...]:
    """The planes of `document`, bottom to top; warnings and the role of every layer go to `findings`.

    `sheet` holds the drawings that the exposure sheet names for each track, by normal name: a group of that
    name is a cel whatever it is called, and its children are drawings when they have these names.
    """
    layers: list[PsdLayer] = []
    roles: list[LayerRole] = []
    for node in document.nodes:
        name, role = top_role(node, options=options, tracks=sheet.keys())
        if role is None:
            findings.warn(
                Code.UNKNOWN_LAYER,
                f"`{document.path.name}`: the name of layer `{node.name}` tells no role, it is left out;"
                " rename it or name it in `[psd.roles]`",
            )
        is_read = role in (Role.CEL, Role.BACKGROUND, Role.BOOK) and node.is_visible
        layer = None
        if is_read and role is not None:
            wanted = sheet.get(normal_name(name), frozenset())
            layer = PsdLayer(
                name,
                role,
                node,
                _drawings(node, wanted, options, document.path, findings) if role is Role.CEL else {},
            )
            layers.append(layer)
        roles += _roles(node, role or Role.IGNORE, layer, options=options, is_line_art=is_line_art)
        if layer is not None:
            _report(layer, document.path, options=options, is_line_art=is_line_art, findings=findings)
    findings.layers(document.path, tuple(roles))
    return _unique(layers, document.path, findings)


def top_role(
    node: PsdNode, *, options: ReadOptions, tracks: Set[str] = frozenset()
) -> tuple[str, Role | None]:
    """What a top-level layer is called and what it is for; None when neither name nor content tell."""
    role = role_of(node.name, level=Level.TOP, overrides=options.roles)
    name = cel_name(node.name)
    if role is Role.CEL:
        return name, role
    if role is None:
        prefix = shared_prefix([child.name for child in node.children])
        if normal_name(name) in tracks or _is_animation_folder(node, options):
            return name, Role.CEL
        if prefix is not None:
            return prefix, Role.CEL
    return name, role


def number_in_name(path: Path) -> str | None:
    """The drawing that a file shows by its name: `1` for `cut012_0001.psd`, None without a number."""
    found = _TRAILING_NUMBER.search(path.stem)
    return drawing_name(found[1]) if found else None


def _is_animation_folder(node: PsdNode, options: ReadOptions) -> bool:
    drawn = [child for child in node.children if not _is_unread(child, options)]
    return node.is_group and bool(drawn) and all(is_drawing_number(child.name) for child in drawn)


def _is_unread(child: PsdNode, options: ReadOptions) -> bool:
    role = role_of(child.name, level=Level.INSIDE, overrides=options.roles)
    return role in (Role.IGNORE, Role.LAYOUT, Role.CORRECTION)


def _drawings(
    node: PsdNode, wanted: Set[str], options: ReadOptions, path: Path, findings: Findings
) -> dict[str, PsdNode]:
    """The drawings of an animation folder by name; their visibility does not count. Empty in still form."""
    names = {drawing_name(child.name) for child in node.children}
    if not _is_animation_folder(node, options) and not (node.is_group and wanted & names):
        return {}
    drawings: dict[str, PsdNode] = {}
    for child in node.children:
        if _is_unread(child, options):
            continue
        name = drawing_name(child.name)
        if name in drawings:
            findings.warn(
                Code.DUPLICATE_NAME,
                f"`{path.name}`: layer `{node.name}` has two drawings `{name}`, the upper one is used",
            )
        drawings[name] = child
    return drawings


def _unique(layers: list[PsdLayer], path: Path, findings: Findings) -> tuple[PsdLayer, ...]:
    """The layers under names of their own: of two cels the upper one, of other planes both."""
    taken: dict[str, PsdLayer] = {}
    for layer in layers:
        name = layer.name
        if name in taken:
            use = "the upper one is used" if layer.role is Role.CEL else "both are used"
            findings.warn(Code.DUPLICATE_NAME, f"`{path.name}` has two layers `{name}`, {use}")
            if layer.role is Role.CEL:
                del taken[name]
            else:
                number = next(n for n in range(2, len(layers) + 2) if f"{name}_{n}" not in taken)
                name = f"{name}_{number}"
        taken[name] = PsdLayer(name, layer.role, layer.node, layer.drawings)
    return tuple(taken.values())


def _report(
    layer: PsdLayer, path: Path, *, options: ReadOptions, is_line_art: bool, findings: Findings
) -> None:
    """The warnings that the layers of one plane give."""
    if layer.role is not Role.CEL:
        _report_unsupported(layer.node, layer.name, path, findings)
        return
    drawings = layer.drawings or {"": layer.node}
    for name, node in drawings.items():
        place = f"{layer.name}/{name}" if name else layer.name
        parts = cel_parts(node, options=options, is_line_art=is_line_art)
        if is_line_art and not parts.has_line:
            findings.warn(Code.NO_LINE, f"`{path.name}`: `{place}` has no line layer")
        for correction in parts.corrections:
            what = f"`{path.name}`: the correction layer `{place}/{correction.name}` is skipped"
            findings.warn(Code.CORRECTION_SKIPPED, f'{what}; `[psd] corrections = "apply"` uses it')
        for adjustment in parts.adjustments:
            what = f"`{path.name}`: the adjustment layer `{place}/{adjustment.name}` is left out"
            findings.warn(Code.NOT_RASTER, f"{what}; rasterise this layer")
        for part in parts.parts:
            for used in part.nodes:
                _report_unsupported(
                    used, f"{place}/{used.name}" if used is not node else place, path, findings
                )
        _report_duplicates(node, place, path, findings)


def _report_unsupported(node: PsdNode, place: str, path: Path, findings: Findings) -> None:
    if node.unsupported is not None:
        what = (
            f"`{path.name}`: `{place}` holds what only a drawing program shows exactly ({node.unsupported})"
        )
        findings.warn(Code.NOT_RASTER, f"{what}; rasterise this layer")
    for child in node.children:
        if child.is_visible:
            _report_unsupported(child, f"{place}/{child.name}", path, findings)


def _report_duplicates(node: PsdNode, place: str, path: Path, findings: Findings) -> None:
    names = [child.name for child in node.children if child.is_visible]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.warn(
            Code.DUPLICATE_NAME, f"`{path.name}`: `{place}` has several layers `{name}`, all are used"
        )
    for child in node.children:
        _report_duplicates(child, f"{place}/{child.name}", path, findings)


def _roles(
    node: PsdNode, role: Role, layer: PsdLayer | None, *, options: ReadOptions, is_line_art: bool
) -> list[LayerRole]:
    """The role of a top-level layer and of everything in it, names as paths (`A/1/線`)."""
    roles = [LayerRole(node.name, role)]
    if layer is None or role is not Role.CEL:
        return roles + _inherited(node.children, node.name, role if layer is not None else Role.IGNORE)
    for drawing in layer.drawings.values() or [node]:
        parts = cel_parts(drawing, options=options, is_line_art=is_line_art)
        place = node.name if drawing is node else f"{node.name}/{drawing.name}"
        if drawing is not node:
            roles.append(LayerRole(place, Role.CEL if drawing.is_group else parts.parts[0].role))
        for child in drawing.children:
            roles += [LayerRole(f"{place}/{name}", layer_role(inner, parts)) for name, inner in _walk(child)]
    return roles


def _inherited(children: tuple[PsdNode, ...], place: str, role: Role) -> list[LayerRole]:
    return [LayerRole(f"{place}/{name}", role) for child in children for name, _ in _walk(child)]


def _walk(node: PsdNode) -> list[tuple[str, PsdNode]]:
    inner = [(f"{node.name}/{name}", found) for child in node.children for name, found in _walk(child)]
    return [(node.name, node), *inner]
