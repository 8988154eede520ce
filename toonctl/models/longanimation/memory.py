"""The memory of a film: its frames read once, kept as beacons, appended to as segments are delivered.

Windows of the video understanding model are causal and of fixed length, so the beacons of complete windows
never change when frames come after them: reading a film in parts gives what reading it at once gives.

Letters: F frames, T tokens per frame, W model width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from toonctl.models.longanimation.denoiser import FilmMemory
from toonctl.models.longanimation.lvu import BeaconCache, LongVideoModel

BUDGET_FRAMES = 650
RECENT_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids before and after the video."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A film as far as it was read.

    `cache` holds prompt and complete windows, whose 0-based numbers are `windows`, in order. `recent` are the
    features `[F, T, W]` of the newest frames: those the local memory shows, and those of the window that is
    not complete yet. `n_frames` were read in all.
    """

    cache: BeaconCache
    windows: tuple[int, ...]
    recent: Tensor
    n_frames: int


@dataclass(frozen=True, slots=True)
class FilmReader:
    """Reads delivered frames into a `Reading`, and a `Reading` into the memory of the next segment.

    At most `budget_windows` windows are kept. Beyond, the older half of them is thinned evenly, the newer
    half stays whole. Tokens, cost and state therefore have a bound, whatever the film's length.

    Raises: ValueError for windows that do not hold whole frames, or whole beacons.
    """

    model: LongVideoModel
    prompt: Prompt
    tokens_per_frame: int = 144
    recent_frames: int = RECENT_FRAMES
    budget_windows: int = BUDGET_FRAMES // 10

    def __post_init__(self) -> None:
        sizes = self.model.sizes
        if sizes.window % self.tokens_per_frame or sizes.window % sizes.ratio:
            what = f"a window of {sizes.window} tokens needs whole frames of {self.tokens_per_frame}"
            raise ValueError(f"{what} and whole beacons of {sizes.ratio}")

    @property
    def frames_per_window(self) -> int:
        return self.model.sizes.window // self.tokens_per_frame

    def begin(self) -> Reading:
        """The reading of a film of which nothing is drawn yet."""
        width = self.model.sizes.hidden
        nothing = self.model.embed_tokens.weight.new_zeros(0, self.tokens_per_frame, width)
        return Reading(self.model.begin(self.prompt.prefix), (), nothing, 0)

    def extend(self, reading: Reading, features: Tensor) -> Reading:
        """The reading with the features `[F, T, W]` of the next frames; only complete windows are run."""
        per_window = self.frames_per_window
        pending = torch.cat([self._pending(reading), features.to(reading.recent)])
        cache, windows = reading.cache, reading.windows
        for first in range(0, len(pending) - per_window + 1, per_window):
            cache = self.model.extend(cache, pending[first : first + per_window].flatten(0, 1))
            windows = (*windows, cache.n_video_tokens // self.model.sizes.window - 1)
        n_frames = reading.n_frames + len(features)
        n_recent = max(self.recent_frames, n_frames % per_window)
        recent = torch.cat([reading.recent, features.to(reading.recent)])[-n_recent:]
        return self._thinned(Reading(cache, windows, recent, n_frames))

    def memory(self, reading: Reading) -> FilmMemory:
        """The memory for the next segment: the whole film, and its last frames read by themselves."""
        whole = self._read(reading.cache, self._pending(reading))
        prompt = _head(reading.cache, len(self.prompt.prefix))
        return FilmMemory(whole, self._read(prompt, reading.recent[-self.recent_frames :]))

    def _read(self, cache: BeaconCache, features: Tensor) -> Tensor:
        for window in features.split(self.frames_per_window):
            cache = self.model.extend(cache, window.flatten(0, 1))
        return self.model.read(cache, self.prompt.suffix)

    def _pending(self, reading: Reading) -> Tensor:
        n_pending = reading.n_frames % self.frames_per_window
        return reading.recent[len(reading.recent) - n_pending :]

    def _thinned(self, reading: Reading) -> Reading:
        """The same within the budget, in which a window that is not complete counts too."""
        has_pending = reading.n_frames % self.frames_per_window > 0
        while len(reading.windows) + has_pending > self.budget_windows:
            place = window_to_drop(reading.windows)
            n_beacons = self.model.sizes.window // self.model.sizes.ratio
            first = len(self.prompt.prefix) + place * n_beacons
            windows = reading.windows[:place] + reading.windows[place + 1 :]
            reading = replace(
                reading, cache=_without(reading.cache, first, first + n_beacons), windows=windows
            )
        return reading


def window_to_drop(windows: Sequence[int]) -> int:
    """The place of the window whose loss leaves the smallest gap, in the older half; never the first one.

    Raises: ValueError when there are fewer than four windows.
    """
    if len(windows) < 4:
        raise ValueError("a budget of fewer than four windows cannot be kept")
    return min(range(1, len(windows) // 2), key=lambda i: (windows[i + 1] - windows[i - 1], i))


def upstream_frames(n_frames: int, budget: int = BUDGET_FRAMES) -> tuple[int, ...]:
    """The 0-based frames the published program reads of a film so far: all, or that many evenly spread."""
    if n_frames <= budget:
        return tuple(range(n_frames))
    spacing = (n_frames - 1) / (budget - 1)
    return (*(int(i * spacing) for i in range(budget - 1)), n_frames - 1)


def _head(cache: BeaconCache, n_tokens: int) -> BeaconCache:
    """The cache as it was after its first tokens, before any video token."""
    return BeaconCache(
        tuple(keys[:, :n_tokens] for keys in cache.keys),
        tuple(values[:, :n_tokens] for values in cache.values),
    )


def _without(cache: BeaconCache, first: int, end: int) -> BeaconCache:
    def cut(kept: Tensor) -> Tensor:
        return torch.cat([kept[:, :first], kept[:, end:]], 1)

    return replace(cache, keys=tuple(map(cut, cache.keys)), values=tuple(map(cut, cache.values)))
