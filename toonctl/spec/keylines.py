"""On which line of a TOML text each key stands: TOML readers do not say, and error messages need it."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Table and key names, with the 0-based index inside arrays: `("reference", 0, "frame")`."""

_SKIP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|' + r"'''.*?'''(?:'{0,2})|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\s#]+(?: \d[^,\]}\s#]*)?")  # the space is that of a date and its time


class KeyLines:
    """The line of every key of one TOML text, asked for by path."""

    def __init__(self, lines: Mapping[KeyPath, int]) -> None:
        self._lines = lines

    def line_of(self, path: KeyPath) -> int:
        """1-based line of `path`, or of the nearest table around it that is written; 1 when there is none."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 1


def key_lines(text: str) -> KeyLines:
    """The key-to-line map of `text`, which must be valid TOML."""
    return KeyLines(_Scanner(text).document())


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_SKIP) < len(self._text):
            start = self._at
            if self._text.startswith("[[", start):
                self._at += 2
                path = self._resolve(self._keys())
                index = self._counts.get(path, 0)
                self._counts[path] = index + 1
                self._note(path, start)
                table = (*path, index)
                self._note(table, start)
                self._expect("]]")
            elif self._text.startswith("[", start):
                self._at += 1
                table = self._resolve(self._keys())
                self._note(table, start)
                self._expect("]")
            else:
                self._pair(table)
        return self._lines

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = (*table, *self._keys())
        for length in range(len(table) + 1, len(path) + 1):
            self._note(path[:length], start)
        self._skip(_BLANK)
        self._expect("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        start = self._text[self._at]
        if start == "[":
            self._items(path, is_table=False)
        elif start == "{":
            self._items(path, is_table=True)
        elif not self._take(_STRING):
            self._take(_SCALAR)

    def _items(self, path: KeyPath, *, is_table: bool) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip(_SKIP)] not in "]}":
            if is_table:
                self._pair(path)
            else:
                self._note((*path, index), self._at)
                self._value((*path, index))
            index += 1
            self._skip(_SKIP)
            if self._text[self._at] == ",":
                self._at += 1
        self._at += 1

    def _keys(self) -> KeyPath:
        names: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = self._take(_STRING)
            names.append(next(iter(tomllib.loads(f"{quoted} = 0"))) if quoted else self._take(_BARE))
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return tuple(names)
            self._at += 1

    def _resolve(self, names: KeyPath) -> KeyPath:
        """`names` with the index of the current element after every array of tables but the last name."""
        path: KeyPath = ()
        for place, name in enumerate(names):
            path = (*path, name)
            if path in self._counts and place < len(names) - 1:
                path = (*path, self._counts[path] - 1)
        return path

    def _note(self, path: KeyPath, position: int) -> None:
        self._lines.setdefault(path, bisect_right(self._starts, position))

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _expect(self, mark: str) -> None:
        self._skip(_BLANK)
        self._at += len(mark)
