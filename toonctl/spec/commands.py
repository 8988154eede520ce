"""The drawing commands: the shot-file model of each, and the engines that draw for it."""

from collections.abc import Mapping
from functools import cache

from pydantic import create_model

from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.spec.engine_framepack import Framepack
from toonctl.spec.engine_longanimation import LongAnimation
from toonctl.spec.engine_tables import CelColorize, CelInbetween, CelPostkey, EngineTable
from toonctl.spec.engine_tooncomposer import ToonComposer
from toonctl.spec.engine_tooncrafter import ToonCrafter
from toonctl.spec.engine_wan_flf2v import WanFlf2v
from toonctl.spec.inbetween import InbetweenSpec
from toonctl.spec.layerpack import LayerpackSpec
from toonctl.spec.postkey import PostkeySpec
from toonctl.spec.shot import ShotSpec

COMMANDS: Mapping[str, type[ShotSpec]] = {
    "colorize-long": ColorizeLongSpec,
    "inbetween": InbetweenSpec,
    "layerpack": LayerpackSpec,
    "postkey": PostkeySpec,
}
"""The shot-file model of every drawing command, with the table of its default engine."""

TASKS: Mapping[str, str] = {
    "colorize-long": "colorize_long",
    "inbetween": "inbetween",
    "layerpack": "inbetween",
    "postkey": "postkey",
}
"""The folder of `engines/` whose engines draw for a command."""

ENGINE_TABLES: Mapping[str, Mapping[str, type[EngineTable]]] = {
    "colorize_long": {"cel": CelColorize, "longanimation": LongAnimation},
    "inbetween": {
        "cel": CelInbetween,
        "tooncrafter": ToonCrafter,
        "framepack": Framepack,
        "wan-flf2v": WanFlf2v,
    },
    "postkey": {"cel": CelPostkey, "tooncomposer": ToonComposer},
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
