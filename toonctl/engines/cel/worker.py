"""The engine's work that needs no memory of other drawings; runs in worker processes."""

from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from toonctl.engines.base import Fetch, PaintedReference
from toonctl.engines.cel.matchers import GeometricMatcher, LearnedMatcher, Matcher
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.view import View, view_drawing
from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams
from toonctl.models.checkpoint import load_strict, read_safetensors

WEIGHTS = "cel_matcher.safetensors"


@cache
def matcher(kind: str) -> Matcher:
    """The matcher of that kind, made once per process. Raises: CheckpointError when the weights are unusable."""
    # One thread a process: two processes with one thread each beat one with two, and sums keep their order.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if kind == "geometric":
        return GeometricMatcher()
    path = files("toonctl.weights").joinpath(WEIGHTS)
    model = CelMatcher(CelMatcherParams())
    load_strict(model, read_safetensors(path), name=WEIGHTS)
    return LearnedMatcher(model, torch.bfloat16 if _has_fast_bfloat16() else torch.float32)


def _has_fast_bfloat16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported()) if hasattr(torch.cpu, "_is_avx512_bf16_supported") else False


def view(name: str, fetch: Fetch, options: ColorizeOptions) -> View:
    """The view of the drawing `name`."""
    compare = matcher(options.matcher)
    frame = fetch(name)
    return view_drawing(name, frame, options.segment(frame.ink.shape[0]), compare.tokens)


def view_reference(
    reference: PaintedReference, options: ColorizeOptions
) -> tuple[View, NDArray[np.uint16], NDArray[np.float32]]:
    """The view of a painted drawing, its color by region `[n]`, and the share of the region that has it `[n]`."""
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
    purity = counts.max(1, initial=0) / np.maximum(counts.sum(1), 1)
    return seen, counts.argmax(1).astype(np.uint16), purity.astype(np.float32)


def _count(
    labels: NDArray[np.uint16], index: NDArray[np.uint16], n: int, n_colors: int
) -> NDArray[np.int64]:
    """Pixels by region and color, `[n, n_colors]`."""
    key = labels.astype(np.int64) * n_colors + index
    return np.bincount(key, minlength=(n + 1) * n_colors).reshape(n + 1, n_colors)[1:]
