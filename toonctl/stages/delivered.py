"""Whether a shot's delivery stands: whole, and made by this version from the same files and settings."""

import json
from pathlib import Path
from typing import Any

from toonctl import __version__
from toonctl.core.art import Art
from toonctl.core.errors import CheckFailed, DeliveryError
from toonctl.spec.load import resolved
from toonctl.spec.shot import ShotSpec
from toonctl.stages.gather import check_frames
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import OutputTree


def is_delivered(folder: Path, spec: ShotSpec, art: Art, *, command: str) -> bool:
    """Whether `folder` (`out/<shot>`) holds what `command` would deliver of this art."""
    tree = OutputTree(folder, spec.shot.name)
    try:
        manifest: Any = json.loads(tree.manifest.read_bytes())
        made = (manifest["tool"]["version"], manifest["command"], manifest["status"])
        inputs = sorted((file["path"], file["sha256"]) for file in manifest["inputs"])
        is_same = manifest["shot"]["resolved"] == json.loads(json.dumps(resolved(spec)))
        movies = [folder / movie["file"] for movie in manifest["movies"]]
        if made != (__version__, command, "complete") or not is_same:
            return False
        if inputs != sorted((file.path, file.sha256) for file in art.inputs):
            return False
        check_frames(tree, Timeline.of(art), job_key=str(manifest["job_key"]))
    except (OSError, ValueError, LookupError, TypeError, CheckFailed, DeliveryError):
        return False
    return all(movie.exists() for movie in movies)
