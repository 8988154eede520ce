"""The drawing commands: the shot-file model of each, and the engines that draw for it."""

from collections.abc import Mapping

from toonctl.spec.colorize_long import ColorizeLongSpec
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
"""The shot-file model of every drawing command."""

TASKS: Mapping[str, str] = {
    "colorize-long": "colorize_long",
    "inbetween": "inbetween",
    "layerpack": "inbetween",
    "postkey": "postkey",
}
"""The folder of `engines/` whose engines draw for a command."""
