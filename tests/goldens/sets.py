"""The project's own copies of the shared golden sets, and copies of them with something wrong."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

DATA = Path(__file__).parent / "data"


def cases(engine: str) -> Mapping[str, Mapping[str, Any]]:
    """The cases of an engine's set by name."""
    return json.loads((DATA / engine / "cases.json").read_text("utf-8"))["cases"]


def part_of(engine: str, names: list[str], folder: Path) -> Path:
    """A new folder with these cases of an engine's set alone, ready to be spoiled."""
    folder.mkdir(parents=True)
    chosen = {name: cases(engine)[name] for name in names}
    (folder / "cases.json").write_text(json.dumps({"engine": engine, "cases": chosen}), "utf-8")
    for name in names:
        shutil.copyfile(DATA / engine / f"{name}.safetensors", folder / f"{name}.safetensors")
    return folder


def spoil(folder: Path, case: str, tensor: str) -> None:
    """Moves one value of a stored tensor by 1."""
    path = folder / f"{case}.safetensors"
    tensors = load_file(path)
    tensors[tensor] = tensors[tensor].clone()
    tensors[tensor].view(-1)[-1] += 1
    save_file(tensors, path)
