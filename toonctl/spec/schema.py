"""The JSON Schema of shot files; with `#:schema ./shot.schema.json` on line 1, editors check in place."""

from typing import Any

from pydantic.json_schema import models_json_schema

from toonctl.spec.commands import COMMANDS, engines_of, shot_model

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def shot_schema(command: str | None = None) -> dict[str, Any]:
    """The schema of one command's shot files, or of those of all commands.

    Raises: KeyError when there is no such command.
    """
    commands = COMMANDS if command is None else (command,)
    models = [shot_model(name, engine) for name in commands for engine in engines_of(name)]
    kinds, schema = models_json_schema([(model, "validation") for model in models], by_alias=True)
    title = f"toonctl {command}" if command else "toonctl shot file"
    return {"$schema": _DIALECT, "title": title, "anyOf": list(kinds.values()), **schema}
