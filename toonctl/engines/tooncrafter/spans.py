"""All drawings between two keys: planned windows drawn in turn, each kept on disk as soon as it is there.

Letters: h w picture size.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import cv2
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from toonctl.core.errors import CheckFailed, EngineError
from toonctl.core.types import Pixels, Size
from toonctl.engines.base import StateStore
from toonctl.engines.diffusion.attention import NATIVE, choose, computing
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.plans import Plan, plans_for, run_down
from toonctl.engines.inbetween._pictures import Fit
from toonctl.engines.tooncrafter.clips import ClipDrawer, ClipJob, Look
from toonctl.engines.tooncrafter.networks import ENGINE, Networks, longest_attention, need, trained_frames
from toonctl.engines.tooncrafter.options import Options
from toonctl.engines.tooncrafter.windows import SpanPlan, Spot, Window, plan_span
from toonctl.models.tooncrafter.sampler import Step
from toonctl.models.tooncrafter.watch import LatentWatch

LATENTS = "latents."
"""How the names of kept figures begin."""

_EIGHT = 8
"""A tiled picture's sides are multiples of the coder's pixels."""


class Studio:
    """The networks of a run, loaded when first needed and kept under the memory plan that held."""

    def __init__(self, options: Options, tell: Callable[[str], object]) -> None:
        self.options = options
        self._tell = tell
        self._device = pick_device(options.device)
        self._plans: tuple[Plan, ...] = ()
        self._peaks: Peaks | None = None
        self._kernel = NATIVE
        self._networks: Networks | None = None

    def draw(self, job: ClipJob, watch: Callable[[str, Tensor], Look]) -> Pixels:
        """All frames of a window, under the first memory plan that has room for it.

        Raises: OutOfMemory after the last plan, CheckpointError, CheckFailed.
        """
        if not self._plans:
            size = self.options.drawn_size((job.first.shape[1], job.first.shape[0]))
            self._start(size)

        def attempt(plan: Plan) -> Pixels:
            if self._plans[0] is not plan:
                self._networks = None  # what lies on the card would be in the way of the smaller form
                self._plans = self._plans[self._plans.index(plan) :]
            if self._networks is None:
                self._networks = Networks(self.options, self._device, plan)
                self._check_size(self._networks.stride_px)
            with computing(self._kernel):
                return ClipDrawer(self._networks, self.options).draw(job, watch)

        return run_down(self._plans, attempt, self._tell, self._peaks)

    def _start(self, size: Size) -> None:
        """Decides how windows of `size` are drawn: the memory plans to try, and the attention kernel."""
        self._peaks = Peaks(ENGINE, need(self.options, self._device, size), self._device)
        plans = plans_for(self.options.memory, self._device, self._peaks.need, self._peaks)
        self._plans = tuple(plan for plan in plans if plan is not Plan.NF4)
        self._kernel = choose(
            self.options.attention, lambda: longest_attention(self.options, self._device, size), self._device
        )
        if self.options.attention == "auto" and self._kernel != NATIVE:
            self._tell(f"attention is computed by the kernel `{self._kernel}`")

    def _check_size(self, stride_px: int) -> None:
        width, height = self.options.width, self.options.height
        if width % stride_px or height % stride_px:
            what = f"{width}x{height} is no size this network can draw at"
            hint = f"take multiples of {stride_px}; it was trained at 512x320"
            raise EngineError(what, "engine.width", hint)


@dataclass(frozen=True, slots=True)
class Span:
    """Two keys RGB `[h, w, 3]` of one size, the times 0..1 wanted between them, rising, and the words."""

    first: Pixels
    last: Pixels
    times: tuple[float, ...]
    prompt: str
    seed: int


class SpanDrawer:
    """Draws what lies between two keys; windows that `state` holds are not drawn again."""

    def __init__(self, studio: Studio, state: StateStore) -> None:
        self._studio, self._state = studio, state

    def draw(self, span: Span, positions: Collection[int]) -> Iterator[tuple[int, Pixels] | None]:
        """The pictures `[h, w, 3]` of the times at `positions` by position; None after each window.

        How they are divided into windows follows from all times, so any part gives the same pictures.
        Raises: EngineError when the keys differ in size; what `Studio.draw` raises.
        """
        options = self._studio.options
        if span.first.shape != span.last.shape:
            what = f"the keys differ in size: {_size(span.first)} and {_size(span.last)}"
            raise EngineError(what, hint="draw them on one canvas")
        plan = plan_span(
            span.times,
            trained=trained_frames(options),
            is_fitted=options.window == "fitted",
            is_near=options.timing == "near",
        )
        fit = Fit(_size_of(span.first), canvas(_size_of(span.first), options))
        run = _SpanRun(self._studio, self._state, span, plan, fit)
        wanted = sorted(positions, key=lambda position: (plan.spot(position).window, position))
        for number in plan.needed(positions):
            drawn = run.window(number)
            for position in wanted:
                spot = plan.spot(position)
                if spot.window == number:
                    yield position, fit.back(drawn[spot.place])
            yield None

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        """As `PictureInbetweener.between`."""
        span = Span(first, last, tuple(times), prompt, seed)
        found = dict(each for each in self.draw(span, range(len(times))) if each is not None)
        return [found[position] for position in range(len(times))]


def canvas(size: Size, options: Options) -> Size:
    """The size windows are kept at: that of the network, or with tiles the picture's own, eight by eight."""
    width, height = options.drawn_size(size)
    if options.detail == "upscaled":
        return width, height
    whole = [-(-side // _EIGHT) * _EIGHT for side in size]
    return max(width, whole[0]), max(height, whole[1])


@dataclass(slots=True)
class _SpanRun:
    """A span being drawn; `_drawn` holds of every window the pictures that are used, by place."""

    studio: Studio
    state: StateStore
    span: Span
    plan: SpanPlan
    fit: Fit
    _drawn: dict[int, Mapping[int, Pixels]] = field(default_factory=dict[int, Mapping[int, Pixels]])

    def window(self, number: int) -> Mapping[int, Pixels]:
        """The pictures of a window that are used, at canvas size, drawn or taken from the disk."""
        name = f"{self.name}.{number}"
        window = self.plan.windows[number]
        found = _unpacked(self.state.get(f"window.{name}"), window.places)
        if found is None:
            first, last = map(self._picture, window.ends)
            job = ClipJob(
                first,
                last,
                window.n_frames,
                window.last - window.first,
                self.span.prompt,
                _seed(self.span.seed, number),
            )
            watch = _Watching(self.state, name, window) if self.studio.options.watch_latents else _ignore
            frames = self.studio.draw(job, watch)
            found = {place: frames[place] for place in window.places}
            self.state.put(f"window.{name}", _packed(found))
        self._drawn[number] = found
        return found

    @property
    def name(self) -> str:
        """Tells this span from every other of the job."""
        span = self.span
        facts = json.dumps([span.times, span.prompt, span.seed, span.first.shape])
        both = hashlib.sha256(facts.encode())
        both.update(span.first.tobytes())
        both.update(span.last.tobytes())
        return both.hexdigest()[:16]

    def _picture(self, spot: Spot) -> Pixels:
        if spot.is_key:
            return self.fit.into(self.span.last if spot.place else self.span.first)
        return self._drawn[spot.window][spot.place]


class _Watching:
    """Keeps the figures of a window's steps, also those of a drawing that collapses."""

    def __init__(self, state: StateStore, name: str, window: Window) -> None:
        self._state, self._name, self._window = state, name, window

    def __call__(self, part: str, beside: Tensor) -> Look:
        watch = LatentWatch(beside)

        def look(step: Step) -> None:
            fault = ""
            try:
                watch.look(step)
            except CheckFailed as error:
                fault = str(error)
                raise
            finally:
                figures = [asdict(each) for each in watch.figures]
                document = {"window": self._name, "part": part, "fault": fault, "figures": figures}
                document |= {"first": self._window.first, "last": self._window.last}
                self._state.put(f"{LATENTS}{self._name}.{part}.json", json.dumps(document).encode())

        return look


def _ignore(part: str, beside: Tensor) -> Look:
    return lambda step: None


def _seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed} window {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _packed(pictures: Mapping[int, Pixels]) -> bytes:
    coded = {
        str(place): cv2.imencode(".png", picture[..., ::-1])[1].reshape(-1)
        for place, picture in pictures.items()
    }
    return save(coded)


def _unpacked(data: bytes | None, places: Sequence[int]) -> Mapping[int, Pixels] | None:
    """The pictures of `places`, None when they are not all there."""
    if data is None:
        return None
    try:
        coded = load(data)
        return {place: _picture(coded[str(place)]) for place in places}
    except (SafetensorError, KeyError, ValueError, cv2.error):
        return None  # half a file from elsewhere: the window is drawn again


def _picture(coded: Pixels) -> Pixels:
    picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("these bytes are no picture")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def _size_of(picture: Pixels) -> Size:
    return picture.shape[1], picture.shape[0]


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
