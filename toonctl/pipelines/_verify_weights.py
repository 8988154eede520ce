"""Original and smaller weights side by side on the same pictures, with the same noise, by one protocol.

Protocol `quantize-1`: RGB over white, values clamped to 0..1 and compared as floating point, PSNR of each
picture, mean over pictures; noise from the clip's name alone; every clip by itself. Both rows are measured
alike, since protocols differ by more than weights do.
"""

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonctl.core.errors import ArtError, UsageError
from toonctl.pipelines._weight_parts import WeightPart

if TYPE_CHECKING:
    from toonctl.models.quantization.policy import Choice
    from toonctl.pipelines.quantize import QuantizeOptions

PROTOCOL = "quantize-1"
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
class Clip:
    """The pictures of one clip in order."""

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one set of weights drew: pictures `[H, W, 3]` in 0..1, and true ones where there are any."""

    pictures: list[Any]
    truths: list[Any]


Draw = Callable[[Clip], Drawn]


def compare(
    parts: Sequence[WeightPart],
    choices: "Sequence[Choice]",
    outputs: Sequence[Path],
    options: "QuantizeOptions",
) -> Comparison:
    """Draws every clip in the frames' folder with both sets of weights.

    Raises: UsageError when the network has no way to be compared; ArtError when there are too few pictures.
    """
    known = {"cel": _cel, "tooncrafter": _tooncrafter}
    part, choice = parts[0], choices[0]
    if len(parts) > 1 or choice.policy.name not in known:
        hint = f"`--verify` knows single files of: {', '.join(known)}"
        raise UsageError(f"a {choice.policy.name} network cannot be compared", "--verify", hint)
    assert options.frames is not None
    clips = _clips(options.frames)
    prepare = known[choice.policy.name]
    # What the first drawing leaves in the process (compiled kernels, caches) would be the first row's alone.
    prepare(part.source, part, None, options)(clips[0])
    rows: list[Row] = []
    drawn: list[list[Drawn]] = []
    for name, path, packed in (("original", part.source, None), (choice.given, outputs[0], choice)):
        with _peak_memory(options.device) as peak:
            draw = prepare(path, part, packed, options)
            began = time.perf_counter()
            seen = [draw(clip) for clip in clips]
            elapsed_s = time.perf_counter() - began
            del draw
        drawn.append(seen)
        count = sum(len(each.pictures) for each in seen)
        rows.append(Row(name, path.stat().st_size, peak(), 1000 * elapsed_s / count, _likeness(seen)))
    first, second = drawn
    pairs = [
        (a, b)
        for one, two in zip(first, second, strict=True)
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


def _cel(path: Path, _part: WeightPart, choice: "Choice | None", _options: "QuantizeOptions") -> Draw:
    """Colors every drawing from the one before, a color of its own for each region."""
    import torch

    from toonctl.engines.cel.matchers import LearnedMatcher
    from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams
    from toonctl.models.checkpoint import Source, load_files, open_weights
    from toonctl.models.quantization.layers import pack_layers
    from toonctl.models.quantization.unpacking import unpacked_weights

    model = CelMatcher(CelMatcherParams())
    load_files(model, [Source(unpacked_weights(open_weights(path)))], dtype_of=lambda _name: torch.float32)
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


def _tooncrafter(path: Path, part: WeightPart, choice: "Choice | None", options: "QuantizeOptions") -> Draw:
    """Draws the frames between the first and the last picture; those between are the truth."""
    import torch

    from toonctl.models.checkpoint import open_weights
    from toonctl.models.quantization.layers import pack_layers
    from toonctl.models.quantization.policy import TARGETS
    from toonctl.models.quantization.unpacking import unpacked_weights
    from toonctl.models.tooncrafter.model import load_tooncrafter
    from toonctl.models.tooncrafter.params import ToonCrafterParams
    from toonctl.models.tooncrafter.precision import precision
    from toonctl.pipelines._verify_window import WindowDrawer

    sizes = part.metadata().get("toonctl.params")
    params = ToonCrafterParams.from_json(sizes) if sizes else ToonCrafterParams()
    half = torch.float32
    if choice is not None:
        half = getattr(TARGETS[choice.given], "dtype", choice.policy.half.dtype)
    weights = unpacked_weights(open_weights(path), half)
    model = load_tooncrafter(weights, params, dtype_of=precision(half)).to(options.device)
    if choice is not None:
        pack_layers(model, lambda name, weight: choice.storage(name, tuple(weight.shape), weight.dtype))
    drawer = WindowDrawer(model, options.size, options.n_steps)
    return lambda clip: drawer.draw(clip.paths, seed=zlib.crc32(clip.name.encode()))


@contextmanager
def _peak_memory(device: str) -> Iterator[Callable[[], float | None]]:
    """Measures the highest memory beyond that before the block, in MB: the card's, or private memory."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield lambda: (torch.cuda.max_memory_allocated(device) - before) / 2**20
        return
    start, highest, is_over = _private_mb(), [_private_mb()], threading.Event()

    def watch() -> None:
        while not is_over.wait(_SAMPLE_S):
            highest.append(max(_private_mb() or 0.0, highest.pop() or 0.0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: None if start is None else (highest[0] or 0.0) - start
    finally:
        is_over.set()
        watcher.join()


def _private_mb() -> float | None:
    """Memory that is this process's alone; mapped files do not count. None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("RssAnon:")]
    return int(found[0].split()[1]) / 1024 if found else None
