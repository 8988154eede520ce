"""The tree of a layered PSD as records, free of psd-tools, whose import takes longer than opening a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.art import Size
from toonctl.core.errors import ArtError
from toonctl.formats.blend import Box
from toonctl.formats.icc import ColorProfile

if TYPE_CHECKING:
    from psd_tools import PSDImage

NodePath = tuple[int, ...]
"""Place in the tree: index among the top-level layers, then among the children, counted from the bottom."""


@dataclass(frozen=True, slots=True)
class PsdNode:
    """One layer or group. `box` is left, top, right, bottom in document pixels, all 0 when there are none.

    `blend` is a value of `Blend`, or the PSD's own name of a mode that is not composited here. `unsupported`
    says what only psd-tools can draw (`layer effect`), None for a plain layer; a group does not inherit it.
    """

    name: str
    path: NodePath
    is_group: bool
    is_visible: bool
    opacity: int
    blend: str
    is_clipped: bool
    has_mask: bool
    children: tuple["PsdNode", ...]
    box: Box
    unsupported: str | None

    def walk(self) -> Iterator["PsdNode"]:
        """The node itself and everything in it, bottom to top."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, eq=False)
class PsdDocument:
    """An open PSD. `mode` is `RGB` or `gray`, `nodes` its top-level layers bottom to top.

    `has_bad_profile` says that an ICC profile is there but cannot be used; pixels are then taken as sRGB.
    `image` is psd-tools' own record, None when the tree comes from the cache. `digest` is the SHA-256 of the
    file, where that is known.
    """

    path: Path
    size: Size
    depth: int
    mode: str
    profile: ColorProfile | None
    has_bad_profile: bool
    nodes: tuple[PsdNode, ...]
    image: "PSDImage | None"
    digest: str = ""

    @property
    def icc_name(self) -> str | None:
        """The name of the embedded profile."""
        return self.profile.name if self.profile else None

    def node(self, path: NodePath) -> PsdNode:
        """The node at `path`. Raises: ArtError when there is none, as after an edit of the file."""
        nodes, found = self.nodes, None
        for index in path:
            if not 0 <= index < len(nodes):
                found = None
                break
            found = nodes[index]
            nodes = found.children
        if found is None:
            raise ArtError(f"`{self.path.name}` has changed while it was read", str(self.path), "run again")
        return found
