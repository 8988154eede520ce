"""The networks that some measures need: which files, where they are looked for, what loads them.

Looked for below the folders of `TOONCTL_MODELS`, by name, at the top or one folder down. Nothing is fetched,
and a file whose digest is not the published one is refused.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.errors import CheckpointError
from toonctl.core.files import digest_file
from toonctl.core.types import Pixels

if TYPE_CHECKING:
    from toonctl.models.lpips import Backbone

Take = Callable[[Pixels, Pixels], float | None]


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A file of published weights: its name below a models folder, and how its SHA-256 begins."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Network:
    """The files that one measure needs, and what makes a measuring function of their paths."""

    files: tuple[NetworkFile, ...]
    load: Callable[[tuple[Path, ...]], Take]

    @property
    def needs(self) -> str:
        """The files, for a sentence."""
        return f"{' and '.join(f'`{file.name}`' for file in self.files)} in a folder of `TOONCTL_MODELS`"


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network ready to measure, with the files it came from and their digests."""

    take: Take
    digests: Mapping[str, str]


def _lpips(backbone: "Backbone", paths: tuple[Path, ...]) -> Take:
    from toonctl.metrics.perceptual import LpipsMeter

    return LpipsMeter(backbone, *paths).take


NETWORKS: Mapping[str, Network] = {
    "lpips": Network(
        (
            NetworkFile("alexnet-owt-7be5be79.pth", "7be5be79"),
            NetworkFile("lpips/weights/v0.1/alex.pth", "df73285e"),
        ),
        partial(_lpips, "alex"),
    ),
    "lpips_vgg": Network(
        (
            NetworkFile("vgg16-397923af.pth", "397923af"),
            NetworkFile("lpips/weights/v0.1/vgg.pth", "a78928a0"),
        ),
        partial(_lpips, "vgg"),
    ),
}
"""The measures that a network can be loaded for, by name."""


def find_network(metric: str) -> tuple[Path, ...] | None:
    """The files a measure needs; None when one is not there, or when no file would help."""
    network = NETWORKS.get(metric)
    found = [_find(file.name) for file in network.files] if network else [None]
    paths = tuple(path for path in found if path is not None)
    return paths if len(paths) == len(found) else None


def load_network(metric: str, paths: tuple[Path, ...]) -> LoadedNetwork:
    """The network of a measure. Raises: CheckpointError when a file is not the published one."""
    network = NETWORKS[metric]
    digests: dict[str, str] = {}
    for file, path in zip(network.files, paths, strict=True):
        digests[file.name] = digest_file(path)
        if not digests[file.name].startswith(file.sha256):
            what = f"`{path.name}` is not the published file: its SHA-256 begins {digests[file.name][:8]}"
            raise CheckpointError(what, str(path), f"install the one that begins {file.sha256}")
    return LoadedNetwork(network.load(paths), digests)


def _find(name: str) -> Path | None:
    for root in filter(None, os.environ.get("TOONCTL_MODELS", "").split(os.pathsep)):
        folder = Path(root).expanduser()
        places = [folder / name, *sorted(folder.glob(f"*/{name}"))]
        for path in places:
            if path.is_file():
                return path
    return None
