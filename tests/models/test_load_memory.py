"""What loading takes of host memory by the size of the file, as people see it: mapped pages too."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

N_TENSORS, SHAPE = 64, (1024, 2048)
"""As float32 512 MiB."""

LOAD = """
import sys
from pathlib import Path
import torch
from torch import nn
from toonctl.models.checkpoint import Source, empty_model, load_files, open_weights

def memory(name):
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024

path, n_tensors = Path(sys.argv[1]), int(sys.argv[2])
weights = open_weights(path)
before = memory("VmRSS:")
model = empty_model(lambda: nn.ModuleList(nn.Linear(2048, 1024, bias=False) for _ in range(n_tensors)))
load_files(model, [Source(weights)], dtype_of=lambda _name: torch.bfloat16)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.sum()
print((memory("VmHWM:") - before) / path.stat().st_size)
"""


@pytest.mark.parametrize(
    ("name", "dtype", "most"),
    [
        ("cast.safetensors", torch.float32, 1.2),
        ("cast.ckpt", torch.float32, 1.2),
        ("as-it-is.safetensors", torch.bfloat16, 1.1),
    ],
)
def test_a_loaded_and_used_network_takes_less_than_its_file_and_a_third(
    tmp_path: Path, name: str, dtype: torch.dtype, most: float
) -> None:
    tensors = {f"{i}.weight": torch.full(SHAPE, 0.01 * i, dtype=dtype) for i in range(N_TENSORS)}
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors}, path)
    del tensors
    command = [sys.executable, "-c", LOAD, str(path), str(N_TENSORS)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    path.unlink()
    assert float(found.stdout) < most
