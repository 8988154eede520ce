"""Weights from disk into a network: safetensors only, every key and shape accounted for."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError

_SHOWN_KEYS = 8


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
        what = f"the weights `{path.name}` cannot be read: {error.strerror or error}"
        raise CheckpointError(what, str(path), "name a file that is there") from error
    return parse_safetensors(data, name=path.name)


def load_strict(model: nn.Module, tensors: dict[str, Tensor], *, name: str) -> None:
    """Fills every parameter of `model` in the model's own precision.

    Raises: CheckpointError listing missing, unexpected and misshapen keys.
    """
    wanted = model.state_dict()
    problems = [f"missing {key}" for key in wanted if key not in tensors]
    problems += [f"unexpected {key}" for key in tensors if key not in wanted]
    problems += [
        f"{key} is {tuple(tensors[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    if problems:
        shown = "; ".join(problems[:_SHOWN_KEYS])
        more = f" and {len(problems) - _SHOWN_KEYS} more" if len(problems) > _SHOWN_KEYS else ""
        what = f"`{name}` does not fit the network: {shown}{more}"
        raise CheckpointError(what, name, "install matching weights")
    model.load_state_dict({key: tensor.to(wanted[key].dtype) for key, tensor in tensors.items()})
