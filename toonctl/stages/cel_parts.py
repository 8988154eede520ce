"""Which layers of a PSD drawing are its lines, its trace lines and its paint."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from toonctl.core.art import Role
from toonctl.formats.blend import Blend
from toonctl.formats.psd_tree import PsdNode
from toonctl.stages.roles import Level, RolePatterns, role_of

_UNREAD = (Role.IGNORE, Role.LAYOUT)
_LINES = (Role.LINE, Role.TRACE)
_PAINTS = (Role.PAINT, Role.SHADOW, Role.HIGHLIGHT)
_OWN_BLENDS = frozenset(blend.value for blend in Blend if blend is not Blend.PASS_THROUGH)
_ADJUSTMENT = "adjustment or fill layer"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """`[psd]` of the shot file: more layer names for roles, and whether corrections replace the line."""

    roles: RolePatterns = field(default_factory=dict[str, tuple[str, ...]])
    applies_corrections: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Layers that make up one plane of a drawing, bottom to top.

    `blend` is that of paint; `base` are the layers that it is clipped to, empty when it is not.
    """

    role: Role
    nodes: tuple[PsdNode, ...]
    blend: str = "normal"
    base: tuple[PsdNode, ...] = ()


@dataclass(frozen=True, slots=True)
class CelParts:
    """The planes of a drawing, bottom to top, and what there is to tell about it.

    `corrections` and `adjustments` were left out. `has_line` is False when no layer is known to be line art.
    """

    parts: tuple[Part, ...]
    corrections: tuple[PsdNode, ...] = ()
    adjustments: tuple[PsdNode, ...] = ()
    has_line: bool = True

    def of(self, *roles: Role) -> tuple[PsdNode, ...]:
        """The layers of all parts of these roles."""
        return tuple(node for part in self.parts if part.role in roles for node in part.nodes)


@dataclass(frozen=True, slots=True)
class _Found:
    """A visible layer of a drawing, and the layer it is clipped to."""

    node: PsdNode
    role: Role | None
    base: PsdNode | None


def cel_parts(drawing: PsdNode, *, options: ReadOptions, is_line_art: bool) -> CelParts:
    """The parts of `drawing`, a single layer or a group.

    A layer whose name tells nothing is line art when lines are expected (`is_line_art`) and no other layer is
    named so, and paint otherwise.
    """
    if not drawing.is_group:
        named = role_of(drawing.name, level=Level.INSIDE, overrides=options.roles)
        guess = Role.LINE if is_line_art else Role.PAINT
        role = named if named is not None and named in (*_LINES, *_PAINTS) else guess
        return CelParts((Part(role, (drawing,)),), has_line=role is Role.LINE)
    found = _find(drawing.children, options)
    adjustments = tuple(item.node for item in found if item.node.unsupported == _ADJUSTMENT and not item.role)
    corrections = tuple(item.node for item in found if item.role is Role.CORRECTION)
    if options.applies_corrections and corrections:
        found = [_corrected(item) for item in found if item.role is not Role.LINE]
        corrections = ()
    found = [item for item in found if item.node not in (*adjustments, *corrections)]
    is_named = any(item.role is Role.LINE for item in found)
    guess = Role.LINE if is_line_art and not is_named else Role.PAINT
    # One layer alone is line art by rule (production.md 1.2), several without a name only by guess.
    is_single = guess is Role.LINE and len(found) == 1 and found[0].role is None
    return CelParts(_parts(found, guess), corrections, adjustments, is_named or is_single)


def layer_role(node: PsdNode, parts: CelParts) -> Role:
    """The role that a layer inside a drawing got in the end; IGNORE when it is not read."""
    for part in parts.parts:
        if any(node.path[: len(used.path)] == used.path for used in part.nodes):
            return part.role
    is_correction = any(node.path[: len(used.path)] == used.path for used in parts.corrections)
    return Role.CORRECTION if is_correction else Role.IGNORE


def _find(children: Sequence[PsdNode], options: ReadOptions) -> list[_Found]:
    """What is visible among `children`, bottom to top, plain groups of no known role opened up."""
    found: list[_Found] = []
    base: PsdNode | None = None
    for child in children:
        role = role_of(child.name, level=Level.INSIDE, overrides=options.roles)
        is_read = child.is_visible and role not in _UNREAD
        if not child.is_clipped:
            base = child if is_read else None
        if not is_read or (child.is_clipped and base is None):
            continue
        if role is None and _is_plain_group(child):
            found += _find(child.children, options)
        else:
            found.append(_Found(child, role, base if child.is_clipped else None))
    return found


def _is_plain_group(node: PsdNode) -> bool:
    is_seen_through = node.blend in (Blend.PASS_THROUGH, Blend.NORMAL) and node.unsupported is None
    return (
        node.is_group and is_seen_through and node.opacity == 255 and not (node.has_mask or node.is_clipped)
    )


def _corrected(item: _Found) -> _Found:
    return replace(item, role=Role.LINE) if item.role is Role.CORRECTION else item


def _parts(found: Sequence[_Found], guess: Role) -> tuple[Part, ...]:
    parts: list[Part] = []
    part_of: dict[tuple[int, ...], int] = {}
    for item in found:
        role = item.role or guess
        at = part_of.get(item.base.path) if item.base else None
        if item.base and at is None:
            continue  # its base is left out, so it shows nothing
        if item.base and at is not None and (parts[at].role in _LINES or item.role is None):
            # A nameless layer clipped to another, or anything clipped to a line, only colors it.
            parts[at] = replace(parts[at], nodes=(*parts[at].nodes, item.node))
            continue
        blend = item.node.blend if role in _PAINTS and item.node.blend in _OWN_BLENDS else "normal"
        base = (item.base,) if item.base and role in _PAINTS else ()
        parts.append(Part(role, (item.node,), blend, base))
        part_of[item.node.path] = len(parts) - 1
    return _merged(parts)


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Flats that follow each other as one part: thirty layers of paint are no thirty pictures to hold."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if last and _is_flat(last) and _is_flat(part):
            merged[-1] = replace(last, nodes=(*last.nodes, *part.nodes))
        else:
            merged.append(part)
    return tuple(merged)


def _is_flat(part: Part) -> bool:
    return part.role is Role.PAINT and part.blend == "normal" and not part.base
