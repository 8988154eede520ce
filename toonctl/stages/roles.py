"""What a PSD layer is for, told by its name (production.md 1.2)."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from fnmatch import fnmatchcase

from toonctl.core.art import Role

RolePatterns = Mapping[str, Sequence[str]]
"""`[psd.roles]` of the shot file: role -> layer names, `*` and `?` allowed."""


class Level(Enum):
    """Where a layer stands: among the top-level layers, or anywhere inside a cel."""

    TOP = "top"
    INSIDE = "inside"


_ANY = (Level.TOP, Level.INSIDE)
_LEVELS: dict[Role, tuple[Level, ...]] = {
    Role.IGNORE: _ANY,
    Role.LAYOUT: _ANY,
    Role.BACKGROUND: (Level.TOP,),
    Role.BOOK: (Level.TOP,),
    Role.CEL: (Level.TOP,),
    Role.CORRECTION: (Level.INSIDE,),
    Role.LINE: (Level.INSIDE,),
    Role.TRACE: (Level.INSIDE,),
    Role.PAINT: (Level.INSIDE,),
    Role.SHADOW: (Level.INSIDE,),
    Role.HIGHLIGHT: (Level.INSIDE,),
}
"""The roles in the order they are tried."""

_WORDS: dict[Role, frozenset[str]] = {
    Role.IGNORE: frozenset(
        ("guide", "ガイド", "memo", "メモ", "指示", "frame", "フレーム", "タップ", "tap", "sheet")
    ),
    Role.LAYOUT: frozenset(("lo", "layout", "レイアウト", "原図")),
    Role.BACKGROUND: frozenset(("bg", "背景", "美術")),
    Role.BOOK: frozenset(("book", "bk")),
    Role.CORRECTION: frozenset(("修正", "作監", "総作監", "演出", "sakkan")),
    Role.LINE: frozenset(("line", "lines", "線", "実線", "主線", "線画", "lineart")),
    Role.TRACE: frozenset(("trace", "色トレス", "色線", "ctrace")),
    Role.PAINT: frozenset(("paint", "塗り", "彩色", "color", "colour", "fill", "base")),
    Role.SHADOW: frozenset(("shadow", "影", "号影", "kage")),
    Role.HIGHLIGHT: frozenset(("highlight", "hi", "ハイライト")),
}
_SEPARATORS = re.compile(r"[_\-.\s]+")
_IGNORED_STARTS = ("_", "#", "//")
_LETTERS = re.compile(r"[a-z]{1,2}")
_CEL_WORDS = ("cel", "cell", "セル")
_CEL_SUFFIXED = re.compile(r"([a-z]{1,2})セル")
_DRAWING = re.compile(r"0*(\d+[a-z]?)")


def role_of(name: str, *, level: Level, overrides: RolePatterns) -> Role | None:
    """The role of a layer called `name`; None when the name tells nothing.

    `overrides` are asked first, against the whole name and then against its words.
    """
    whole = normal_name(name)
    words = _words(whole)
    for role, levels in _LEVELS.items():
        if level in levels and any(_fits(pattern, whole, words) for pattern in overrides.get(role.value, ())):
            return role
    for role, levels in _LEVELS.items():
        if level in levels and _is_named(role, whole, words):
            return role
    return None


def normal_name(name: str) -> str:
    """`name` as names are compared: full-width forms, case and outer spaces do not count."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def drawing_name(name: str) -> str:
    """How a drawing is named everywhere: numbers without leading zeros (`0012a`: `12a`), others as is."""
    numbered = _DRAWING.fullmatch(normal_name(name))
    return numbered[1] if numbered else unicodedata.normalize("NFKC", name).strip()


def is_drawing_number(name: str) -> bool:
    """Whether `name` is a number with at most one letter behind it (`1`, `2a`, `0010`)."""
    return _DRAWING.fullmatch(normal_name(name)) is not None


def cel_name(name: str) -> str:
    """What a top-level cel is called: `A` for `a`, `cel A`, `Aセル`, `A_line`; other names as is."""
    return _cel_letters(_words(normal_name(name))) or unicodedata.normalize("NFKC", name).strip()


def shared_prefix(names: Iterable[str]) -> str | None:
    """`A` when all `names` begin with `A_`, as the layers of one cel do; None otherwise."""
    split = [_words(normal_name(name)) for name in names]
    firsts = {words[0] for words in split if words}
    if len(firsts) != 1 or any(len(words) < 2 for words in split):
        return None
    only = firsts.pop()
    return only.upper() if _LETTERS.fullmatch(only) else None


def _words(whole: str) -> list[str]:
    return [word for word in _SEPARATORS.split(whole) if word]


def _fits(pattern: str, whole: str, words: Sequence[str]) -> bool:
    wanted = normal_name(pattern)
    return fnmatchcase(whole, wanted) or any(fnmatchcase(word, wanted) for word in words)


def _is_named(role: Role, whole: str, words: Sequence[str]) -> bool:
    if role is Role.IGNORE and whole.startswith(_IGNORED_STARTS):
        return True
    if role is Role.CEL:
        return _cel_letters(words) is not None
    # Layers are counted in front (`2号影`) and behind (`BG1`, `line2`).
    return any(word in _WORDS[role] or word.strip("0123456789") in _WORDS[role] for word in words)


def _cel_letters(words: Sequence[str]) -> str | None:
    """The letters that name a cel, upper case; None when the words are no cel's name."""
    rest = [word for word in words if word not in _CEL_WORDS]
    if not rest:
        return None
    suffixed = _CEL_SUFFIXED.fullmatch(rest[0])
    letters = suffixed[1] if suffixed else rest[0]
    if not _LETTERS.fullmatch(letters):
        return None
    inside = (role for role, levels in _LEVELS.items() if Level.INSIDE in levels)
    known = frozenset(word for role in inside for word in _WORDS.get(role, ()))
    is_cel = all(word.strip("0123456789") in known for word in rest[1:])
    return letters.upper() if is_cel else None
