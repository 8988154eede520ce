"""Denoising steps that reuse what a network's blocks added at an earlier step.

The cache works on the whole block stack: what goes in is added to the residual of the last step that was
computed. What happens between blocks (injection, adapters) is part of that residual and so counts once.
MagCache (arXiv 2506.09045), sec. 3.3, is the rule that turns magnitude ratios into steps.

Letters: B batch, L tokens, D width.
"""

from collections.abc import Callable, Collection, Sequence

from torch import Tensor

States = tuple[Tensor, ...]

_KEPT_SHARE = 0.2
"""Share of the first steps that is always computed: there the picture is laid out."""


class StepCache:
    """Residuals by name of a guidance half, for one network and one run of `n_steps` steps.

    `skipped` are the 0-based steps served from the cache; the same on every host, as they are known before.
    """

    def __init__(self, skipped: Collection[int] = (), *, n_steps: int) -> None:
        kept = always_computed(n_steps)
        self.skipped = frozenset(step for step in skipped if 0 <= step < n_steps and step not in kept)
        self.n_served = 0
        self._residuals: dict[str, States] = {}

    def reset(self) -> None:
        """Forgets every residual; called before each segment and each shot."""
        self._residuals.clear()

    def through(self, half: str, step: int, states: States, stack: Callable[..., States]) -> States:
        """What `stack(*states)` gives, computed or served, each state in its own shape such as `[B, L, D]`.

        `half` tells apart what passes through the same network in a step: `cond`, `uncond`. A step to be
        skipped is computed when there is no residual of these shapes yet.
        """
        kept = self._residuals.get(half)
        if step in self.skipped and kept is not None and _shapes(kept) == _shapes(states):
            self.n_served += 1
            return tuple(
                state + residual.to(state.dtype) for state, residual in zip(states, kept, strict=True)
            )
        # A stack may write into its input, so what went in is kept apart when it will be needed.
        before = tuple(state.clone() for state in states) if self.skipped else ()
        after = stack(*states)
        if self.skipped:
            self._residuals[half] = tuple(a - b for a, b in zip(after, before, strict=True))
        return after


def always_computed(n_steps: int) -> frozenset[int]:
    """The 0-based steps that no table may skip: the first fifth, and the last one."""
    first = -(-n_steps * round(_KEPT_SHARE * 10) // 10)
    return frozenset((*range(first), n_steps - 1))


def skipped_steps(ratios: Sequence[float], *, threshold: float, longest: int) -> frozenset[int]:
    """The steps that may be skipped, from `ratios[i]` = mean size of the residual at step i to that at i - 1.

    A step is skipped while the error piled up since the last computed one stays within `threshold`, and at
    most `longest` in a row. MagCache, eq. 6 and 7.
    """
    skipped: set[int] = set()
    kept = always_computed(len(ratios))
    grown, error, in_row = 1.0, 0.0, 0
    for step, ratio in enumerate(ratios):
        if step not in kept:
            grown, in_row = grown * ratio, in_row + 1
            error += abs(1 - grown)
            if error <= threshold and in_row <= longest:
                skipped.add(step)
                continue
        grown, error, in_row = 1.0, 0.0, 0
    return frozenset(skipped)


def _shapes(states: States) -> list[tuple[int, ...]]:
    return [tuple(state.shape) for state in states]
