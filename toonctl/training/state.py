"""What a training run keeps on disk to go on from: the parameters that learn, and the optimizer's memory."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from toonctl.core.errors import DeliveryError

_MODEL, _OPTIMIZER = "model.", "optimizer."


def state_of(
    parameters: Mapping[str, Tensor], optimizer: torch.optim.Optimizer | None = None
) -> dict[str, Tensor]:
    """Parameters by name, and every moment of the optimizer's, as one flat table."""
    tensors: dict[str, Tensor] = {f"{_MODEL}{name}": tensor.detach() for name, tensor in parameters.items()}
    for number, state in optimizer.state_dict()["state"].items() if optimizer else ():
        tensors |= {f"{_OPTIMIZER}{number}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return tensors


@torch.no_grad()
def restore(
    tensors: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    path: Path,
) -> None:
    """Puts back what `state_of` gave; without moments the optimizer begins anew.

    Raises: DeliveryError when the state at `path` is of other parameters.
    """
    kept = {key.removeprefix(_MODEL): t for key, t in tensors.items() if key.startswith(_MODEL)}
    if {key: t.shape for key, t in kept.items()} != {key: p.shape for key, p in parameters.items()}:
        hint = "choose another `out` in the recipe"
        raise DeliveryError("the saved run is of another network", str(path), hint)
    for key, parameter in parameters.items():
        parameter.copy_(kept[key])
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(_OPTIMIZER):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = tensor
    if moments:
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})


def stored(tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The tensors as safetensors wants them: on the CPU, in one piece, in `dtype` if one is named."""
    return {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
