"""Smaller denoisers and what they take over from the large one."""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from toonctl.models.tooncrafter.params import UNetParams
from toonctl.models.tooncrafter.unet import UNet


def student_params(teacher: UNetParams, kind: str) -> UNetParams:
    """Sizes of the student `kind`: `thin` has one block a level less, `v1` and `v2` are KDQ's narrow ones.

    Raises: ValueError for another kind, or a teacher that has no block to spare.
    """
    if kind == "thin":
        if teacher.n_res_blocks < 2:
            raise ValueError("a thin student needs a teacher with two blocks a level")
        return replace(teacher, n_res_blocks=teacher.n_res_blocks - 1)
    if kind == "v1":
        return replace(teacher, model_channels=160, channel_mult=(1, 2, 2, 4), head_dim=32, dropout=0.15)
    if kind == "v2":
        return replace(teacher, model_channels=160, channel_mult=(1, 2, 4, 4), head_dim=64)
    raise ValueError(f"`{kind}` is no student; students are thin, v1, v2")


def warm_start(student: UNet, teacher: UNet) -> tuple[str, ...]:
    """Copies from the teacher every tensor that has a counterpart of its shape; the names copied.

    A student with fewer blocks a level takes the first ones of each level on the way down; on the way up,
    where a block's width follows from what it is joined with, the first ones and the last.
    """
    source, copied = teacher.state_dict(), []
    counterpart = _counterparts(student.params, teacher.params)
    with torch.no_grad():
        for name, tensor in student.state_dict().items():
            found = _find(source, name, counterpart)
            if found is not None and found.shape == tensor.shape:
                tensor.copy_(found)
                copied.append(name)
    return tuple(copied)


def _find(source: Mapping[str, Tensor], name: str, counterpart: Mapping[str, str]) -> Tensor | None:
    block = re.match(r"(input|output)_blocks\.\d+\.", name)
    if block is None:
        return source.get(name)
    place = counterpart.get(block[0])
    return None if place is None else source.get(place + name.removeprefix(block[0]))


def _counterparts(student: UNetParams, teacher: UNetParams) -> dict[str, str]:
    """The teacher's block for every block of the student, as beginnings of names."""
    pairs = {"input_blocks.0.": "input_blocks.0."}
    n_levels = len(student.channel_mult)
    if n_levels != len(teacher.channel_mult):
        return pairs
    ours, theirs = student.n_res_blocks, teacher.n_res_blocks
    for level in range(n_levels):
        start, their_start = 1 + level * (ours + 1), 1 + level * (theirs + 1)
        for i in range(ours):
            pairs[f"input_blocks.{start + i}."] = f"input_blocks.{their_start + i}."
        if level < n_levels - 1:
            pairs[f"input_blocks.{start + ours}."] = f"input_blocks.{their_start + theirs}."
        up, their_up = level * (ours + 1), level * (theirs + 1)
        for i in range(ours):
            pairs[f"output_blocks.{up + i}."] = f"output_blocks.{their_up + i}."
        pairs[f"output_blocks.{up + ours}."] = f"output_blocks.{their_up + theirs}."
    return pairs
