"""The layered PSD of a shot: every drawing of every cel with its parts apart, in animation-folder form."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from toonctl.core.errors import CheckFailed
from toonctl.core.types import Role, Size
from toonctl.formats.png import read_picture
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.stages.show import Show
from toonctl.stages.tree import OutputTree
