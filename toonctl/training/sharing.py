"""A step's samples shared over GPUs by accelerate, with DeepSpeed ZeRO-2 as an option."""

import os
from collections.abc import Mapping

from accelerate import Accelerator
from accelerate.utils import DeepSpeedPlugin

from toonctl.core.errors import EngineError
from toonctl.core.lazy import need

CLIP_NORM = 1.0
"""Longest gradient of a step."""


def share(samples_per_step: int, *, on_cpu: bool, zero2: bool) -> Accelerator:
    """Who computes what in the process this is one of: an equal part of each step's samples.

    With `zero2` the optimizer's state and the gradients lie in parts on all GPUs (ZeRO, arXiv 1910.02054,
    stage 2). Raises: EngineError when DeepSpeed is not installed, or the samples do not come out even.
    """
    if zero2:
        need("deepspeed", for_="`zero2 = true`")
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))  # as accelerate's launcher tells every process
    if samples_per_step % n_processes:
        what = f"{samples_per_step} samples a step do not fall evenly on {n_processes} GPUs"
        raise EngineError(what, None, "change `samples_per_step`, or the number of processes")
    each = samples_per_step // n_processes
    plugin = DeepSpeedPlugin(hf_ds_config=dict(zero2_config(each))) if zero2 else None
    return Accelerator(cpu=on_cpu, deepspeed_plugin=plugin, gradient_accumulation_steps=each)


def zero2_config(samples_each: int) -> Mapping[str, object]:
    """DeepSpeed's settings for `samples_each` samples of a step, one at a time, in every process.

    Everything is said outright: what is left to "auto" is read from a data loader, and there is none. Numbers
    stay as the recipe loads them, so DeepSpeed's own half precision is off.
    """
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": samples_each,
        "gradient_clipping": CLIP_NORM,
        "zero_optimization": {"stage": 2, "overlap_comm": True, "contiguous_gradients": True},
        "zero_allow_untested_optimizer": True,
        "fp16": {"enabled": False},
        "bf16": {"enabled": False},
    }
