"""The engine's work that needs no memory of other drawings; runs in worker processes."""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import CheckpointError
from toonctl.core.lazy import uncollected
from toonctl.engines.base import LoadLine, PaintedReference
from toonctl.engines.cel.matchers import Describer, GeometricMatcher, Matcher
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.view import View, view_drawing

WEIGHTS = "cel_matcher.safetensors"


@cache
def matcher(kind: str) -> Matcher:
    """The matcher of that kind, once per process. Raises: CheckpointError when the weights are unusable."""
    if kind == "later":
        return Describer()
    if kind == "geometric":
        return GeometricMatcher()
    with uncollected():
        import torch  # here only: the other matcher starts a second earlier without it

        from toonctl.engines.cel.learned import LearnedMatcher
        from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams
        from toonctl.models.checkpoint import load_strict, parse_safetensors

    # One thread a process: two processes with one thread each beat one with two, and sums keep their order.
    torch.set_num_threads(1)
    model = CelMatcher(CelMatcherParams())
    load_strict(model, parse_safetensors(read_weights(), name=WEIGHTS), name=WEIGHTS)
    return LearnedMatcher(model, getattr(torch, number_format()))


def read_weights() -> bytes:
    """The shipped weights file. Raises: CheckpointError when it is absent."""
    path = files("toonctl.weights").joinpath(WEIGHTS)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"the weights `{WEIGHTS}` cannot be read: {error.strerror or error}",
            str(path),
            "install toonctl again, or use `--set engine.matcher=geometric`",
        ) from error


@cache
def number_format() -> str:
    """`bfloat16` where the processor computes with it (half the time), else `float32`."""
    import torch

    is_fast = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bfloat16" if is_fast is not None and is_fast() else "float32"


def view(name: str, load: LoadLine, options: ColorizeOptions) -> View:
    """The view of the drawing `name`."""
    compare = matcher(options.matcher)
    frame = load()
    return view_drawing(name, frame, options.segment(frame.ink.shape[0]), compare.tokens)


def view_reference(reference: PaintedReference, options: ColorizeOptions) -> tuple[View, NDArray[np.uint16]]:
    """The view of a painted drawing, and its color by region `[n]`."""
    compare = matcher(options.matcher)
    frame = reference.line
    seen = view_drawing(reference.drawing or "", frame, options.segment(frame.ink.shape[0]), compare.tokens)
    labels = seen.runs.label_map()
    # Soft line edges mix colors: pixels free of any ink decide, unless the region has none.
    clear = (frame.ink < 16) & (labels > 0)
    n_colors = int(reference.index.max()) + 1
    counts = _count(labels[clear], reference.index[clear], seen.n, n_colors)
    everywhere = _count(labels.ravel(), reference.index.ravel(), seen.n, n_colors)
    counts = np.where(counts.sum(1, keepdims=True) > 0, counts, everywhere)
    return seen, counts.argmax(1).astype(np.uint16)


def _count(labels: NDArray[np.uint16], index: NDArray[np.uint16], n: int, n_colors: int) -> NDArray[np.int64]:
    """Pixels by region and color, `[n, n_colors]`."""
    key = labels.astype(np.int64) * n_colors + index
    return np.bincount(key, minlength=(n + 1) * n_colors).reshape(n + 1, n_colors)[1:]
