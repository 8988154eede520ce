"""PSDs that were looked at before: their trees and decoded layers, by the file's content (production.md 5.9).

What is known needs neither the file's pixels nor psd-tools, whose import takes longer than most of a `check`.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonctl import __version__
from toonctl.core.cache import Shelf
from toonctl.core.errors import ArtError
from toonctl.core.files import digest_file
from toonctl.formats.art_file import missing, open_art
from toonctl.formats.icc import ColorProfile
from toonctl.formats.psd_tree import NodePath, PsdDocument, PsdNode

if TYPE_CHECKING:
    from toonctl.core.types import Pixels

_LIMIT = 2 * 2**30
_BOX = struct.Struct("<6I")
_OPEN_DOCUMENTS, _TREES = 2, 64

_shelf = Shelf("psd", _LIMIT)

Stamp = tuple[int, int]
"""What the system says of a file that changes with its content: time and length."""


def recall_psd(path: Path) -> PsdDocument:
    """The tree of the PSD at `path`, from the cache when these bytes were opened before; `digest` is set.

    Raises: ArtError as `open_psd`.
    """
    return _recalled(path, _stamp(path))


@lru_cache(maxsize=_TREES)
def _recalled(path: Path, stamp: Stamp) -> PsdDocument:
    digest = _digest(path, stamp)
    name = f"{digest}-tree-{__version__}"
    kept = _shelf.get(name)
    if kept is not None:
        try:
            return _document(json.loads(kept), path, digest)
        except (ValueError, KeyError, TypeError):
            _shelf.drop(name)
    document = replace(_opened(path, stamp), image=None, digest=digest)
    if _stamp(path) == stamp:
        _shelf.put(name, json.dumps(_tree(document), ensure_ascii=False).encode())
    return document


def recall_nodes(document: PsdDocument, paths: Sequence[NodePath]) -> "Pixels":
    """`load_nodes`, from the cache when these layers were decoded before.

    Raises: ArtError as `load_nodes`, and when the file is no longer the one whose tree `document` is.
    """
    key = hashlib.sha256(json.dumps(list(paths)).encode()).hexdigest()[:16]
    name = f"{document.digest}-{key}-{__version__}"
    kept = _shelf.get(name)
    if kept is not None:
        rgba = _unpacked(kept, document)
        if rgba is not None:
            return rgba
        _shelf.drop(name)
    from toonctl.formats.psd import load_nodes

    stamp = _stamp(document.path)
    if _digest(document.path, stamp) != document.digest:
        raise ArtError(
            f"`{document.path.name}` has changed while it was read", str(document.path), "run again"
        )
    rgba = load_nodes(_opened(document.path, stamp), paths)
    _shelf.put(name, _packed(rgba))
    return rgba


def _stamp(path: Path) -> Stamp:
    try:
        facts = path.stat()
    except OSError as error:
        raise missing(path, error) from error
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=_TREES)
def _digest(path: Path, _stamp: Stamp) -> str:
    """The SHA-256 of a file; worker processes are forked with those that are known."""
    with open_art(path):  # refuses what is too big to be worth reading
        return digest_file(path)


@lru_cache(maxsize=_OPEN_DOCUMENTS)
def _opened(path: Path, _stamp: Stamp) -> PsdDocument:
    from toonctl.formats.psd import open_psd

    return open_psd(path)


def _tree(document: PsdDocument) -> dict[str, Any]:
    profile = document.profile
    return {
        "size": document.size,
        "depth": document.depth,
        "mode": document.mode,
        "profile": profile and [profile.name, base64.b64encode(profile.data).decode(), profile.mode],
        "has_bad_profile": document.has_bad_profile,
        "nodes": [_row(node) for node in document.nodes],
    }


def _row(node: PsdNode) -> list[Any]:
    flags = [node.is_group, node.is_visible, node.is_clipped, node.has_mask]
    children = [_row(child) for child in node.children]
    return [node.name, flags, node.opacity, node.blend, node.box, node.unsupported, children]


def _document(tree: dict[str, Any], path: Path, digest: str) -> PsdDocument:
    profile = None
    if tree["profile"] is not None:
        name, data, mode = tree["profile"]
        profile = ColorProfile(name, base64.b64decode(data), mode)
    width, height = tree["size"]
    nodes = tuple(_node(row, (index,)) for index, row in enumerate(tree["nodes"]))
    bad = tree["has_bad_profile"]
    return PsdDocument(path, (width, height), tree["depth"], tree["mode"], profile, bad, nodes, None, digest)


def _node(row: list[Any], path: NodePath) -> PsdNode:
    name, (is_group, is_visible, is_clipped, has_mask), opacity, blend, box, unsupported, children = row
    left, top, right, bottom = box
    return PsdNode(
        name=name,
        path=path,
        is_group=is_group,
        is_visible=is_visible,
        opacity=opacity,
        blend=blend,
        is_clipped=is_clipped,
        has_mask=has_mask,
        children=tuple(_node(child, (*path, index)) for index, child in enumerate(children)),
        box=(left, top, right, bottom),
        unsupported=unsupported,
    )


def _packed(rgba: "Pixels") -> bytes:
    """The picture, cut to what is not empty: reading it back takes less time than unpacking would."""
    import numpy as np

    height, width = rgba.shape[:2]
    is_used = np.ascontiguousarray(rgba).view(np.uint32)[..., 0] != 0
    rows, columns = np.flatnonzero(is_used.any(1)), np.flatnonzero(is_used.any(0))
    if not rows.size:
        return _BOX.pack(width, height, 0, 0, 0, 0)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box = _BOX.pack(width, height, left, top, right - left, bottom - top)
    return box + rgba[top:bottom, left:right].tobytes()


def _unpacked(data: bytes, document: PsdDocument) -> "Pixels | None":
    """What `_packed` packed; None when it is not of this document."""
    import numpy as np

    if len(data) < _BOX.size:
        return None
    width, height, left, top, n_columns, n_rows = _BOX.unpack_from(data)
    fits = left + n_columns <= width and top + n_rows <= height
    if (width, height) != document.size or not fits or len(data) != _BOX.size + 4 * n_columns * n_rows:
        return None
    rgba = np.zeros((height, width, 4), np.uint8)
    part = np.frombuffer(data, np.uint8, offset=_BOX.size).reshape(n_rows, n_columns, 4)
    rgba[top : top + n_rows, left : left + n_columns] = part
    return rgba
