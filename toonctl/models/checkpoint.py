"""Weights from disk into a network: every key and shape accounted for, no second copy, no foreign code run.

Large networks are built with `empty_model` and filled with `load_files`, tensor by tensor from mapped files;
small ones that exist already with `load_strict`.
"""

import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError
from toonctl.models.keymaps.rules import KeyMap

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SHOWN_KEYS = 40
_REMAPPED_SHARE, _REMAPPED_BYTES = 8, 2**26
"""A mapped file is mapped anew after so great a share of it was read, or so many bytes if they are more."""

_PICKLES = (".ckpt", ".pth", ".pt", ".bin")
_WRAPPERS = ("state_dict", "module")
_NUMBER = re.compile(r"\.(\d+)\.")

M = TypeVar("M", bound=nn.Module)

Adapt = Callable[[str, Tensor], Tensor]
"""Our name and the tensor of the file -> the tensor as the network wants it; also on the meta device."""


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """Tensors that lie in one file or in several: shapes at hand, values read when asked for."""

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class Source:
    """Weights with the rules that rename them, and what is done to each tensor after that."""

    weights: WeightFiles
    key_map: KeyMap = field(default_factory=lambda: KeyMap("the same names", ()))
    adapt: Adapt = lambda _name, tensor: tensor


def parse_safetensors(data: bytes, *, name: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises: CheckpointError when it is something else."""
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"`{name}` is not a safetensors file: {error}", name, "install toonctl again, or restore the file"
        ) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file on disk. Raises: CheckpointError when it is absent or foreign."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    return parse_safetensors(data, name=path.name)


def open_weights(path: Path) -> WeightFiles:
    """The weights of a file, or of a folder with one set of weights, sharded or not.

    Reads safetensors, and zip pickles of plain tensors without running what else they carry. A folder is read
    by its index file if it has one: every shard the index names must be there.

    Raises: CheckpointError when files are absent, incomplete, of another format, or hold a key twice.
    """
    files = _files(path)
    opened = [
        _open_safetensors(file) if file.suffix == ".safetensors" else _open_pickle(file) for file in files
    ]
    shapes: dict[str, tuple[int, ...]] = {}
    readers: dict[str, Callable[[str], Tensor]] = {}
    for part in opened:
        if twice := shapes.keys() & part.shapes.keys():
            what = f"`{path.name}` holds keys twice: {', '.join(_ranges(twice)[:3])}"
            raise CheckpointError(what, str(path), "leave one set of weights in the folder")
        shapes |= part.shapes
        readers |= dict.fromkeys(part.shapes, part.read)
    return WeightFiles(path.name, shapes, lambda key: readers[key](key))


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a folder of weights. Raises: CheckpointError when it is absent or no table."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        what = f"`{folder.name}` has no `config.json` that can be read: {error.strerror or error}"
        raise CheckpointError(what, str(path), "name a diffusers or transformers folder") from error
    except ValueError as error:
        raise CheckpointError(f"`config.json` is no JSON: {error}", str(path), "fetch it again") from error
    if not isinstance(config, dict):
        raise CheckpointError("`config.json` is not a table", str(path), "fetch it again")
    return config


def read_note(path: Path, key: str) -> str | None:
    """The text that stands in a `.json` of a file's name beside it, else under `key` in its own metadata.

    None where neither is. Raises: CheckpointError when it cannot be read.
    """
    beside = path.with_suffix(".json")
    try:
        if beside.is_file():
            return beside.read_text("utf-8")
        if path.suffix != ".safetensors":
            return None
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get(key)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"`{path.name}` cannot be read: {error}", str(path), "fetch it again"
        ) from error


def open_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a folder. Raises: CheckpointError when there is none."""
    from transformers import AutoTokenizer  # here only: networks without words load faster without it

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        what = f"`{folder.name}` holds no tokenizer"
        raise CheckpointError(
            what, str(folder), "name the folder `google/umt5-xxl` or `tokenizer`"
        ) from error


def empty_model(build: Callable[[], M]) -> M:
    """The network that `build` makes, parameters on the meta device and buffers real; ties are kept."""
    register = nn.Module.register_parameter

    def register_on_meta(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        # A parameter that stands at a second place is on the meta device by then and stays the same one.
        if param is not None and not param.is_meta:
            param = nn.Parameter(param.to("meta"), requires_grad=param.requires_grad)
        register(self, name, param)

    nn.Module.register_parameter = register_on_meta
    try:
        return build()
    finally:
        nn.Module.register_parameter = register


def load_files(
    model: nn.Module,
    sources: Sequence[Source],
    *,
    dtype_of: Callable[[str], torch.dtype | None] = lambda _name: None,
) -> None:
    """Puts the weights of all sources in the place of the model's parameters: nothing missing, nothing over.

    Parameters become the tensors of the files, which stay mapped until they are used, unless `dtype_of` wants
    another precision for a name. Shared parameters are filled once.

    Raises: CheckpointError listing missing, unexpected and misshapen keys, before anything is read.
    """
    slots = _slots(model)
    names = " + ".join(source.weights.name for source in sources)
    found = [
        (name, meta)
        for source in sources
        for key, shape in source.weights.shapes.items()
        for name, meta in _converted(source, key, torch.empty(shape, device="meta"))
    ]
    given = dict(found)
    if len(given) != len(found):
        twice = {name for name, _ in found if sum(name == other for other, _ in found) > 1}
        raise CheckpointError(f"{names} hold the same keys: {', '.join(_ranges(twice)[:3])}", names)
    published = sources[0].key_map.published_name
    wanted = {name: parameter for name, (parameter, _) in slots.items()}
    _refuse_misfits(wanted, given, name=names, call=published)
    for source in sources:
        for key in source.weights.shapes:
            for name, tensor in _converted(source, key, source.weights.read(key)):
                dtype = dtype_of(name)
                _assign(slots[name], tensor if dtype is None else tensor.to(dtype))


def load_strict(model: nn.Module, tensors: dict[str, Tensor], *, name: str) -> None:
    """Fills every parameter of `model` in the model's own precision.

    Raises: CheckpointError listing missing, unexpected and misshapen keys.
    """
    wanted = model.state_dict()
    _refuse_misfits(wanted, tensors, name=name)
    model.load_state_dict({key: tensor.to(wanted[key].dtype) for key, tensor in tensors.items()})


def _refuse_misfits(
    wanted: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    *,
    name: str,
    call: Callable[[str], str] = lambda key: key,
) -> None:
    missing = _ranges(call(key) for key in wanted if key not in given)
    unexpected = _ranges(call(key) for key in given if key not in wanted)
    problems = [f"missing {key}" for key in missing] + [f"unexpected {key}" for key in unexpected]
    problems += _ranges(
        f"{call(key)} is {tuple(given[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in wanted
        if key in given and given[key].shape != wanted[key].shape
    )
    if problems:
        shown = "; ".join(problems[:_SHOWN_KEYS])
        more = f" and {len(problems) - _SHOWN_KEYS} more" if len(problems) > _SHOWN_KEYS else ""
        what = f"`{name}` does not fit the network: {shown}{more}"
        raise CheckpointError(what, name, "install matching weights")


def _ranges(keys: Iterable[str]) -> list[str]:
    """The keys, those that differ in their first number alone written as one: `blocks.0-39.weight`."""
    by_form: dict[tuple[str, str], list[int]] = {}
    for key in keys:
        number = _NUMBER.search(key)
        form = (key[: number.start(1)], key[number.end(1) :]) if number else (key, "")
        by_form.setdefault(form, []).extend([int(number[1])] if number else [])
    return [f"{before}{_spans(numbers)}{after}" for (before, after), numbers in by_form.items()]


def _spans(numbers: Sequence[int]) -> str:
    runs = groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ends)


Slot = tuple[Tensor, list[tuple[nn.Module, str]]]
"""A parameter or stored buffer with every place it stands at."""


def _slots(model: nn.Module) -> dict[str, Slot]:
    by_identity: dict[int, Slot] = {}
    slots: dict[str, Slot] = {}
    for prefix, module in model.named_modules():
        own = {
            **dict(module.named_parameters(recurse=False, remove_duplicate=False)),
            **dict(module.named_buffers(recurse=False, remove_duplicate=False)),
        }
        for attribute, tensor in own.items():
            if attribute in module._non_persistent_buffers_set:
                continue
            name = f"{prefix}.{attribute}" if prefix else attribute
            if id(tensor) not in by_identity:
                slots[name] = by_identity[id(tensor)] = (tensor, [])
            by_identity[id(tensor)][1].append((module, attribute))
    return slots


def _assign(slot: Slot, tensor: Tensor) -> None:
    old, places = slot
    is_parameter = isinstance(old, nn.Parameter)
    new = nn.Parameter(tensor, requires_grad=old.requires_grad) if is_parameter else tensor
    for module, attribute in places:
        setattr(module, attribute, new)


def _converted(source: Source, key: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    return [(name, source.adapt(name, piece)) for name, piece in source.key_map.to_ours(key, tensor)]


def _files(path: Path) -> list[Path]:
    """The files that hold the weights of `path`."""
    if not path.is_dir():
        return [path]
    indices = sorted(path.glob("*.safetensors.index.json"))
    if indices:
        try:
            shards = set(json.loads(indices[0].read_text("utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"`{indices[0].name}` is not an index of weights: {error}", str(path)
            ) from error
        absent = sorted(name for name in shards if not (path / name).is_file())
        if absent:
            what = f"{len(absent)} of {len(shards)} files of `{path.name}` are missing: {', '.join(absent)}"
            raise CheckpointError(what, str(path), "fetch the folder again")
        return [path / name for name in sorted(shards)]
    files = sorted(path.glob("*.safetensors")) or sorted(p for p in path.iterdir() if p.suffix in _PICKLES)
    if not files:
        raise CheckpointError(f"`{path.name}` holds no weights", str(path), "name the folder that holds them")
    return files


def _open_safetensors(path: Path) -> WeightFiles:
    try:
        file = safe_open(path, "pt")
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118  # no dict
    except OSError as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        what = f"`{path.name}` is not a whole safetensors file: {error}"
        raise CheckpointError(what, str(path), "fetch the file again") from error
    return WeightFiles(path.name, shapes, _Mapped(path, lambda: safe_open(path, "pt").get_tensor).read)


class _Mapped:
    """Tensors that are views of a mapped file.

    What was read stays in memory as long as its mapping does. So the file is mapped anew now and then: a
    tensor that is held keeps its mapping, one that was only copied or cast leaves nothing behind.
    """

    def __init__(self, path: Path, map_file: Callable[[], Callable[[str], Tensor]]) -> None:
        self._map_file = map_file
        self._most = max(_REMAPPED_BYTES, path.stat().st_size // _REMAPPED_SHARE)
        self._get, self._n_read = map_file(), 0

    def read(self, key: str) -> Tensor:
        if self._n_read > self._most:
            self._get, self._n_read = self._map_file(), 0
        tensor = self._get(key)
        self._n_read += tensor.nbytes
        return tensor


def _open_pickle(path: Path) -> WeightFiles:
    table = _read_pickle(path)
    shapes = {key: tuple(value.shape) for key, value in table.items()}
    # Files from before torch 1.6 are no zip: they can be read, not mapped.
    is_mapped = zipfile.is_zipfile(path)
    read = _Mapped(path, lambda: _read_pickle(path).__getitem__).read if is_mapped else table.__getitem__
    return WeightFiles(path.name, shapes, read)


def _read_pickle(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle, mapped when it is a zip file. Raises: CheckpointError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file is said by its refusal
            tensors = torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except OSError as error:
        raise _unreadable(path, error) from error
    except pickle.UnpicklingError as error:
        what = f"`{path.name}` carries more than tensors; what it carries is not run"
        raise CheckpointError(what, str(path), "use a safetensors file of the same weights") from error
    except (RuntimeError, EOFError, ValueError) as error:
        what = f"`{path.name}` is neither a safetensors file nor a whole zip file of tensors"
        raise CheckpointError(what, str(path), "fetch the file again, or store it as safetensors") from error
    for wrapper in _WRAPPERS:
        if isinstance(tensors, dict) and isinstance(tensors.get(wrapper), dict):
            tensors = tensors[wrapper]
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        what = f"`{path.name}` is not a table of tensors"
        raise CheckpointError(what, str(path), "name a file of weights")
    return tensors


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    what = f"the weights `{path.name}` cannot be read: {error.strerror or error}"
    return CheckpointError(what, str(path), "name a file that is there")
