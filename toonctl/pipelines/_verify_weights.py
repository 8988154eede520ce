"""Original and smaller weights side by side on the same pictures, with the same noise, by one protocol.

Protocol `quantize-2`: RGB over white, values of 0..1 compared as floating point, PSNR of each picture, mean
over pictures; noise from the clip's name alone; every clip by itself. Both rows are measured alike, since
protocols differ by more than weights do. Engines draw as they do for a shot: the time includes their reading
of networks, and a smaller denoiser is used in the form it was given (`dtype` of half precision, memory plan
of a packed form). The matcher paints by region, each of a color of its own.
"""

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonctl.core.errors import ArtError
from toonctl.pipelines._verify_draw import Clip, ClipDrawer, Draw, Drawn
from toonctl.pipelines._verify_engines import DrawingEngine, cast
from toonctl.pipelines._weight_parts import WeightPart

if TYPE_CHECKING:
    from toonctl.models.quantization.policy import Choice
    from toonctl.pipelines.quantize import QuantizeOptions

PROTOCOL = "quantize-2"
_PICTURES = (".png", ".tga", ".tif", ".tiff", ".jpg", ".jpeg")
_SAMPLE_S = 0.005


@dataclass(frozen=True, slots=True)
class Row:
    """One set of weights: bytes on disk, highest memory beyond what was there before, time, and likeness.

    `psnr_db` is against the true drawings, None where there are none to compare with.
    """

    name: str
    disk_bytes: int
    peak_mb: float | None
    ms_per_frame: float
    psnr_db: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both rows; `apart_db` is the PSNR between their pictures, `loss_db` how much less like the truth."""

    protocol: str
    n_frames: int
    original: Row
    smaller: Row
    apart_db: float

    @property
    def loss_db(self) -> float | None:
        """How much PSNR against the truth the smaller weights cost; negative when they gain."""
        if self.original.psnr_db is None or self.smaller.psnr_db is None:
            return None
        return self.original.psnr_db - self.smaller.psnr_db


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything found before a tensor is converted: the clips, and how each set of weights draws them.

    `openers` make what draws, in the order of the rows: first the original, then what is called `name`.
    """

    name: str
    clips: tuple[Clip, ...]
    openers: tuple[Callable[[], Draw], Callable[[], Draw]]
    device: str


def bench(parts: Sequence[WeightPart], choices: "Sequence[Choice]", options: "QuantizeOptions") -> Bench:
    """What it takes to compare `parts` with their smaller form.

    Raises: UsageError when no engine draws with them, or not under these options; ArtError when there are too
    few pictures; CheckpointError when other weights of the engine are absent.
    """
    assert options.frames is not None
    clips = tuple(_clips(options.frames))
    [part, *others], [choice, *_] = parts, choices
    if choice.policy.name == "cel" and not others and options.engine in (None, "cel"):
        after = part.folder / f"{part.stem}.safetensors"
        both = (lambda: _cel(part.source, None), lambda: _cel(after, choice))
        return Bench(choice.given, clips, both, options.device)
    chosen = cast(parts, choices, engine=options.engine, given=options.weights)
    changes: dict[str, object] = {}
    if chosen.form is not None:
        changes["dtype" if chosen.form in ("fp16", "bf16") else "memory"] = chosen.form
    openers = (
        _opener(chosen.engine, options, {"weights": dict(chosen.original)}),
        _opener(chosen.engine, options, {"weights": dict(chosen.smaller), **changes}),
    )
    return Bench(chosen.form or choice.given, clips, openers, options.device)


def _opener(
    engine: DrawingEngine, options: "QuantizeOptions", asked: Mapping[str, object]
) -> Callable[[], Draw]:
    """What opens an engine. Raises: UsageError when it cannot draw under these options."""
    whole = {"device": options.device, "steps": options.n_steps, **asked}
    ClipDrawer(engine.task, engine.name, whole, options.size)
    return lambda: ClipDrawer(engine.task, engine.name, whole, options.size)


def compare(parts: Sequence[WeightPart], outputs: Sequence[Path], at: Bench) -> Comparison:
    """Draws every clip with both sets of weights. Raises: CheckpointError, OutOfMemory."""
    first, second = at.openers
    # What the first drawing leaves in the process (compiled kernels, caches) would be the first row's alone.
    first()(at.clips[0])
    before = sum(file.stat().st_size for part in parts for file in part.files)
    after = sum(path.stat().st_size for path in outputs)
    rows: list[Row] = []
    drawn: list[list[Drawn]] = []
    for name, opener, n_bytes in (("original", first, before), (at.name, second, after)):
        with _peak_memory(at.device) as peak:
            draw = opener()
            began = time.perf_counter()
            seen = [draw(clip) for clip in at.clips]
            elapsed_s = time.perf_counter() - began
            del draw
        drawn.append(seen)
        count = sum(len(each.pictures) for each in seen)
        rows.append(Row(name, n_bytes, peak(), 1000 * elapsed_s / count, _likeness(seen)))
    pairs = [
        (a, b)
        for one, two in zip(*drawn, strict=True)
        for a, b in zip(one.pictures, two.pictures, strict=True)
    ]
    return Comparison(PROTOCOL, len(pairs), rows[0], rows[1], _mean_psnr(pairs))


def _likeness(drawn: list[Drawn]) -> float | None:
    pairs = [pair for each in drawn for pair in zip(each.pictures, each.truths, strict=False)]
    return _mean_psnr(pairs) if pairs else None


def _mean_psnr(pairs: list[tuple[Any, Any]]) -> float:
    import numpy as np

    from toonctl.metrics.pixel import psnr_of

    values = [psnr_of(float(np.mean((a.astype(np.float64) - b) ** 2))) for a, b in pairs]
    return float(np.mean(values))


def _clips(folder: Path) -> list[Clip]:
    """A clip per folder of pictures, or one clip when the pictures lie in `folder` itself."""
    folders = [folder, *sorted(path for path in folder.glob("*") if path.is_dir())]
    clips = [
        Clip(each.name, tuple(sorted(path for path in each.iterdir() if path.suffix.lower() in _PICTURES)))
        for each in folders
        if each.is_dir()
    ]
    usable = [clip for clip in clips if len(clip.paths) > 1]
    if not usable:
        raise ArtError("there are no two pictures to draw between", str(folder), "name a folder of frames")
    return usable


def _cel(path: Path, choice: "Choice | None") -> Draw:
    """Colors every drawing from the one before, a color of its own for each region."""
    import torch

    from toonctl.engines.cel.learned import LearnedMatcher
    from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams
    from toonctl.models.checkpoint import Source, load_files
    from toonctl.models.quantization.layers import pack_layers
    from toonctl.models.quantization.unpacking import open_unpacked

    model = CelMatcher(CelMatcherParams())
    weights = open_unpacked(path, torch.float32)
    load_files(model, [Source(weights)], dtype_of=lambda _name: torch.float32)
    if choice is not None:
        pack_layers(model, lambda name, weight: choice.storage(name, tuple(weight.shape), weight.dtype))
    matcher = LearnedMatcher(model, torch.float32)

    def draw(clip: Clip) -> Drawn:
        views = [_view(path, matcher) for path in clip.paths]
        pictures = [_painted(view, matcher.match(view, [before])[0]) for before, view in pairwise(views)]
        return Drawn(pictures, [])

    return draw


def _view(path: Path, matcher: Any) -> Any:
    import numpy as np

    from toonctl.core.types import LineFrame
    from toonctl.engines.cel.view import view_drawing
    from toonctl.formats.png import read_line
    from toonctl.regions.segment import SegmentOptions

    ink = read_line(path)
    frame = LineFrame(ink, np.zeros_like(ink))
    return view_drawing(path.stem, frame, SegmentOptions.for_height(ink.shape[0]), matcher.tokens)


def _painted(view: Any, log_match: Any) -> Any:
    """The drawing with the color of each region's best match; none and lines are black."""
    import numpy as np

    n_colors = log_match.shape[1]
    colors = np.random.default_rng(0).random((n_colors, 3), np.float32)
    colors[-1] = 0
    by_label = np.concatenate([np.zeros((1, 3), np.float32), colors[log_match.argmax(1)]])
    return by_label[view.runs.label_map()]


@contextmanager
def _peak_memory(device: str) -> Iterator[Callable[[], float | None]]:
    """Measures the highest memory beyond that before the block, in MB: the card's, or the host's."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield lambda: (torch.cuda.max_memory_allocated(device) - before) / 2**20
        return
    _give_back()
    start, is_over = _resident_mb(), threading.Event()
    highest = [start or 0.0]

    def watch() -> None:
        while not is_over.wait(_SAMPLE_S):
            highest[0] = max(_resident_mb() or 0.0, highest[0])

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: None if start is None else highest[0] - start
    finally:
        is_over.set()
        watcher.join()


def _give_back() -> None:
    """Gives freed memory back to the system: kept, it would be there for the next row without being asked."""
    gc.collect()
    with suppress(OSError, AttributeError):  # a libc that keeps none has no such function
        ctypes.CDLL(None).malloc_trim(0)


def _resident_mb() -> float | None:
    """Memory that the process holds, mapped weights counted. None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) / 1024 if found else None
