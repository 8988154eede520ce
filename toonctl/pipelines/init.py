"""`init`: a shot file that explains itself, the schema editors check it by, and small art to try it on."""

import inspect
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, cast, get_args

from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole
from toonctl.pipelines.init_files import EXAMPLES

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from toonctl.spec.table import Table

SHOT_FILE = "shot.toml"
SCHEMA_FILE = "shot.schema.json"
_WIDTH = 108  # of a comment


class Kind(StrEnum):
    """What the drawings of the new shot are, or the command it is for."""

    FLAT = "flat"
    PSD = "psd"
    INBETWEEN = "inbetween"
    LAYERPACK = "layerpack"
    POSTKEY = "postkey"


@dataclass(frozen=True, slots=True)
class Started:
    """The shot file that was written, every file in the order of writing, and the command to try next."""

    shot: Path
    files: tuple[Path, ...]
    next_command: str


def run(folder: Path, *, kind: Kind) -> Started:
    """A new shot in `folder`, which is made when absent; nothing that is there is replaced.

    Raises: DeliveryError when `folder` is a file or already holds a file this would write.
    """
    shot = folder / SHOT_FILE
    example = EXAMPLES[kind]
    names = example.files
    if folder.exists() and not folder.is_dir():
        raise DeliveryError(f"`{folder.name}` is a file", str(folder), "name a folder for the new shot")
    taken = [name for name in (SHOT_FILE, SCHEMA_FILE, *names) if (folder / name).exists()]
    if taken:
        raise DeliveryError(
            f"`{taken[0]}` is already there, nothing was changed",
            str(folder / taken[0]),
            "name another folder: `toonctl init FOLDER`",
        )
    try:
        example.write(folder)
        (folder / SCHEMA_FILE).write_bytes(_schema_text(example.command).encode())
    except OSError as error:
        raise DeliveryError(f"cannot write to `{folder}`: {error.strerror or error}", str(folder)) from error
    # The shot file comes last: where it lies, the example is whole.
    write_whole(shot, shot_text(kind).encode())
    files = tuple(folder / name for name in (*names, SCHEMA_FILE, SHOT_FILE))
    return Started(shot, files, f"toonctl {example.command} {shlex.quote(str(shot))}")


def shot_text(kind: Kind) -> str:
    """The commented shot file: what the example sets, and every other key with its default, commented out."""
    from toonctl.spec.commands import COMMANDS

    example = EXAMPLES[kind]
    blocks = [
        f"#:schema ./{SCHEMA_FILE}\n"
        f"# A shot for `toonctl {example.command}`. Paths are relative to this file.\n"
        "# A key behind `#` shows its default: remove the `#` to change it."
    ]
    model = COMMANDS[example.command]
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    for name in sorted(fields, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER)):
        table, is_list = _table_of(fields[name])
        given = example.tables.get(name, ())
        first, *others = given if isinstance(given, tuple) and given else (given or {},)
        blocks.append(
            "\n".join(_table_lines(name, table, cast("Mapping[str, object]", first), is_list=is_list))
        )
        for other in others:
            blocks.append(
                "\n".join([f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in other.items())])
            )
    return "\n\n".join(blocks) + "\n"


_ORDER = ("shot", "art", "key", "reference", "sketch", "timing", "engine", "output", "layer", "psd")


def _table_lines(
    name: str, table: "type[Table]", values: Mapping[str, object], *, is_list: bool
) -> Iterator[str]:
    """One table: what it is for, its heading, and all its keys, first those that `values` set."""
    yield from _comment(inspect.getdoc(table) or "")
    heading = f"[[{name}]]" if is_list else f"[{name}]"
    yield f"#{heading}" if is_list and not values else heading
    for key, field in sorted(table.model_fields.items(), key=lambda item: item[0] not in values):
        yield from _key_lines(key, field, value=values.get(key))


def _table_of(field: "FieldInfo") -> "tuple[type[Table], bool]":
    """The table a key of the shot file holds, and whether it is a list of such tables."""
    kind = field.annotation
    inner = get_args(kind)
    return (inner[0], True) if inner else (cast("type[Table]", kind), False)


def _key_lines(key: str, field: "FieldInfo", *, value: object) -> Iterator[str]:
    about = field.description or {"name": "The engine."}.get(key, "")
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is not None:
        yield from _comment(about)
        yield f"{key} = {_toml(value)}"
    elif default is not None and default != {}:
        yield from _comment(about)
        yield f"#{key} = {_toml(default)}"
    else:
        yield from _comment(f"{key}: {about}")


def _comment(text: str) -> Iterator[str]:
    """`text` as comment lines; a list of short keys and long texts reads best unbroken up to the width."""
    for line in text.splitlines():
        yield from (f"# {part}" for part in wrap(line, _WIDTH))


def _toml(value: object) -> str:
    """One value as TOML spells it."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in pairs) + " }" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)


def _schema_text(command: str) -> str:
    from toonctl.spec.schema import shot_schema

    return json.dumps(shot_schema(command), ensure_ascii=False, indent=2) + "\n"
