"""The drawing commands: the shot-file model of each, and the engines that draw for it."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TypeVar, cast

from pydantic import create_model

from toonctl.spec.engine_tables import EngineTable
from toonctl.spec.shot import ShotSpec

T = TypeVar("T")


class _OnDemand(Mapping[str, T]):
    """Classes by name, imported when one is asked for: a command pays for its own models alone."""

    def __init__(self, places: Mapping[str, str]) -> None:
        """`places` are `module:Class`, the module below this package."""
        self._places = places

    def __getitem__(self, name: str) -> T:
        module, _, kind = self._places[name].partition(":")
        return cast("T", getattr(import_module(f"toonctl.spec.{module}"), kind))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places


COMMANDS: Mapping[str, type[ShotSpec]] = _OnDemand(
    {
        "colorize-long": "colorize_long:ColorizeLongSpec",
        "inbetween": "inbetween:InbetweenSpec",
        "layerpack": "layerpack:LayerpackSpec",
        "postkey": "postkey:PostkeySpec",
    }
)
"""The shot-file model of every drawing command, with the table of its default engine."""

TASKS: Mapping[str, str] = {
    "colorize-long": "colorize_long",
    "inbetween": "inbetween",
    "layerpack": "inbetween",
    "postkey": "postkey",
}
"""The folder of `engines/` whose engines draw for a command."""

ENGINE_TABLES: Mapping[str, Mapping[str, type[EngineTable]]] = {
    "colorize_long": _OnDemand(
        {"cel": "engine_tables:CelColorize", "longanimation": "engine_longanimation:LongAnimation"}
    ),
    "inbetween": _OnDemand(
        {
            "cel": "engine_tables:CelInbetween",
            "tooncrafter": "engine_tooncrafter:ToonCrafter",
            "framepack": "engine_framepack:Framepack",
            "wan-flf2v": "engine_wan_flf2v:WanFlf2v",
        }
    ),
    "postkey": _OnDemand(
        {"cel": "engine_tables:CelPostkey", "tooncomposer": "engine_tooncomposer:ToonComposer"}
    ),
}
"""`[engine]` by task and engine, the default engine first."""


def engines_of(command: str) -> Mapping[str, type[EngineTable]]:
    """The engines that may draw for a command, and the table of each."""
    return ENGINE_TABLES[TASKS[command]]


@cache
def shot_model(command: str, engine: str) -> type[ShotSpec]:
    """The shot-file model of a command with the `[engine]` table of one of its engines.

    Raises: KeyError when there is no such command or engine.
    """
    model, table = COMMANDS[command], engines_of(command)[engine]
    if model.model_fields["engine"].annotation is table:
        return model
    return create_model(f"{model.__name__}_{engine}", __base__=model, engine=(table, table()))
