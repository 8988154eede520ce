"""Match probabilities between the regions of two drawings by the shipped network."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toonctl.engines.cel.matchers import pair_votes
from toonctl.engines.cel.view import Tokens, View
from toonctl.models.cel_matcher import CelMatcher
from toonctl.regions.describe import Description

_MULTIPLE = 16
_KEPT_HALVES = 160
"""How many comparisons are kept, and can be read back to front as well: each drawing of a segment with its
neighbor, which comes last among those it is compared with. Against comparing anew, with flow that runs the
other way, the share of foreground right changes by -.0012 to +.0001 on eleven cartoon-dev clips, on eight not
at all, and on A1 by -.0002; a fifth of the time of matching is saved."""


@dataclass(frozen=True, slots=True)
class _Half:
    """One half of a comparison: the network relates two drawings both ways at once."""

    view: View
    other: View
    log_match: NDArray[np.float32]


class LearnedMatcher:
    """The shipped network. `dtype` bfloat16 halves the encoder's time on processors that have it."""

    def __init__(self, model: CelMatcher, dtype: torch.dtype) -> None:
        self.model = model.eval()
        self.dtype = dtype
        for module in model.modules():  # what autocast would do anew at every call
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.to(dtype)
            if isinstance(module, nn.Conv2d):  # this order takes a sixth of the time off
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
        self._halves: deque[_Half] = deque(maxlen=_KEPT_HALVES)

    @torch.inference_mode()
    def tokens(self, description: Description) -> Tokens:
        seen, n = description, len(description.geometry)
        if not n:
            return np.zeros((0, self.model.params.dim), np.float16)
        more = _padded(n) - n
        mask = torch.zeros(1, n + more, dtype=torch.bool)
        mask[:, :n] = True
        with self._precision():
            tokens = self.model.tokens(
                torch.from_numpy(seen.planes).float()[None].to(memory_format=torch.channels_last),
                torch.from_numpy(np.pad(seen.points, ((0, more), (0, 0), (0, 0))))[None],
                torch.from_numpy(np.pad(seen.geometry, ((0, more), (0, 0))))[None],
                torch.from_numpy(np.pad(seen.adjacency, ((0, more), (0, more)))).float()[None],
                mask,
            )
        return tokens[0, :n].half().numpy()

    def match(self, view: View, others: Sequence[View]) -> list[NDArray[np.float32]]:
        if not others or not view.n:
            return [np.zeros((view.n, other.n + 1), np.float32) for other in others]
        known = self._kept(view, others[-1])
        if known is not None:
            return [*self.match(view, others[:-1]), known]
        found, back = self._compared(view, others)
        self._halves.append(_Half(view, others[-1], found[-1]))
        self._halves.append(_Half(others[-1], view, back))
        return found

    def match_both(self, view: View, other: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not view.n or not other.n:
            return self.match(view, [other])[0], self.match(other, [view])[0]
        [there], back = self._compared(view, [other])
        return there, back

    @torch.inference_mode()
    def _compared(
        self, view: View, others: Sequence[View]
    ) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
        """Log-probabilities against every one of `others`, and of the last of them against `view`."""
        rows, columns = _padded(view.n), _padded(max(other.n for other in others))
        dim, count = self.model.params.dim, len(others)
        mine, theirs = torch.zeros(1, rows, dim), torch.zeros(count, columns, dim)
        mask_mine = torch.zeros(count, rows, dtype=torch.bool)
        mask_theirs = torch.zeros(count, columns, dtype=torch.bool)
        votes = torch.zeros(count, rows, columns, 2)
        mine[0, : view.n] = torch.from_numpy(view.tokens)
        mask_mine[:, : view.n] = True
        for i, other in enumerate(others):
            theirs[i, : other.n] = torch.from_numpy(other.tokens)
            mask_theirs[i, : other.n] = True
            votes[i, : view.n, : other.n] = torch.from_numpy(pair_votes(view, other))
        with self._precision():
            there, back = self.model.match(mine.expand(count, -1, -1), theirs, votes, mask_mine, mask_theirs)
        found = [_cut(there[i, : view.n], other.n) for i, other in enumerate(others)]
        return found, _cut(back[-1, : others[-1].n], view.n)

    def _kept(self, view: View, other: View) -> NDArray[np.float32] | None:
        for half in self._halves:
            if half.view is view and half.other is other:
                return half.log_match
        return None

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32)


def _padded(n: int) -> int:
    """`n` rounded up, so that few shapes occur: the compute library prepares and keeps a kernel for each."""
    return max(_MULTIPLE, -(-n // _MULTIPLE) * _MULTIPLE)


def _cut(log_match: Tensor, m: int) -> NDArray[np.float32]:
    """The first m columns and the last one."""
    return torch.cat([log_match[:, :m], log_match[:, -1:]], 1).float().numpy()
