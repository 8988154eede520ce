"""Where weights lie in a file or folder, and where their smaller form goes: one part per network."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toonctl.core.errors import CheckpointError, UsageError
from toonctl.core.files import digest_file, write_whole

_WEIGHTS = (".safetensors", ".ckpt", ".pth", ".pt", ".bin")
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_INDEX = ".index.json"


@dataclass(frozen=True, slots=True)
class WeightPart:
    """One network's weights: a file, or the folder that holds its shards, and where they go.

    `stem` is the name of the new files without `.safetensors`.
    """

    source: Path
    folder: Path
    stem: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The files with the weights."""
        if self.source.is_file():
            return (self.source,)
        return tuple(_weights_in(self.source))

    def digest(self) -> str:
        """One SHA-256 for all files together."""
        import hashlib

        both = hashlib.sha256()
        for file in self.files:
            both.update(f"{file.name}\0{digest_file(file)}\n".encode())
        return both.hexdigest()

    def metadata(self) -> Mapping[str, str]:
        """What the first safetensors file says about itself; nothing for other formats."""
        from safetensors import SafetensorError, safe_open

        first = self.files[0]
        if first.suffix != ".safetensors":
            return {}
        try:
            with safe_open(first, "pt") as file:
                return dict(file.metadata() or {})
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"`{first.name}` cannot be read: {error}", str(first)) from error


def find_parts(source: Path, target: Path) -> tuple[WeightPart, ...]:
    """The parts of `source`: a file, a network's folder, or a pipeline's with a folder per network.

    Raises: CheckpointError when there are no weights; UsageError when source and target are the same.
    """
    if not source.exists():
        raise CheckpointError(f"there is no `{source.name}`", str(source), "name a file or folder of weights")
    if source.resolve() == target.resolve():
        raise UsageError("source and target are the same", str(target), "name another place")
    if source.is_file():
        is_file = target.suffix == ".safetensors"
        folder, stem = (target.parent, target.stem) if is_file else (target, source.stem)
        return (WeightPart(source, folder, stem),)
    found = tuple(
        WeightPart(folder, target / folder.relative_to(source), _stem(_weights_in(folder)[0]))
        for folder in (source, *sorted(path for path in source.iterdir() if path.is_dir()))
        if _weights_in(folder)
    )
    if not found:
        raise CheckpointError(f"`{source.name}` holds no weights", str(source), "name a folder of weights")
    return found


def copy_rest(source: Path, target: Path) -> None:
    """Copies everything of a source folder that is neither weights nor their index: configs, tokenizers."""
    for path in _other_files(source):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def write_config(part: WeightPart, entry: Mapping[str, object] | None) -> None:
    """Puts `entry` as `quantization_config` into the part's config, so that no tool misreads the files."""
    config = part.folder / "config.json"
    if entry is None or not config.is_file():
        return
    values = json.loads(config.read_text("utf-8"))
    write_whole(config, json.dumps(values | {"quantization_config": entry}, indent=2).encode())


def write_index(part: WeightPart, places: Mapping[str, str], n_bytes: int) -> None:
    """The index of a part that has several files: which tensor lies in which."""
    index = {"metadata": {"total_size": n_bytes}, "weight_map": dict(sorted(places.items()))}
    write_whole(part.folder / f"{part.stem}.safetensors{_INDEX}", json.dumps(index, indent=2).encode())


def _weights_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in _WEIGHTS)
    safe = [path for path in files if path.suffix == ".safetensors"]
    return safe or files  # the same weights often lie there in both formats


def _other_files(source: Path) -> Iterator[Path]:
    for path in sorted(source.rglob("*")):
        is_weights = path.suffix in _WEIGHTS or path.name.endswith(_INDEX)
        if path.is_file() and not is_weights:
            yield path


def _stem(file: Path) -> str:
    stem = _SHARD.sub("", file.stem)
    return "model" if stem == "pytorch_model" else stem
