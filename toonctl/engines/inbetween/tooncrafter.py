"""ToonCrafter (arXiv 2405.17933): whole pictures between two keys, in windows of 16 frames at 512x320; CUDA.

Any number of drawings, any size and any number of keys; keys come out as they went in. The network draws
flattened RGB pictures, so a shot has one layer; `layerpack` packs several into one picture. Keys with alpha
are laid on white, and the alpha of what lies between is found again from what both keys leave open
(`_matte`). Networks and numbers are the published ones. Where the published program is faulty this engine is
not, unless `compat = "upstream"` asks for the fault:

* A window of other than 16 frames gives each frame its own image tokens; published, all frames share all.
* A window that covers part of the way tells the network its smaller motion; published, there are none.

Faults that `compat` does not bring back: pictures of another shape are fitted in whole instead of cropped,
two keys are encoded instead of eight copies of each, clips are decoded each with its own keys.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import numpy as np

from toonctl.core.errors import EngineError
from toonctl.core.types import Between
from toonctl.engines.base import DrawnInbetween, EngineFacts, InbetweenRequest, KeyPicture, StateStore
from toonctl.engines.cel.inbetween.fallback import hold
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.weights import weights_facts
from toonctl.engines.inbetween._matte import matte
from toonctl.engines.inbetween._pictures import on_white
from toonctl.engines.tooncrafter.networks import ENGINE, find_weights, open_model, pick_dtype
from toonctl.engines.tooncrafter.options import Options
from toonctl.engines.tooncrafter.spans import Span, SpanDrawer, Studio
from toonctl.regions.packing.plan import Canvas

NEEDS = {"cuda": True, "packages": ("transformers", "tokenizers"), "weights": ("tooncrafter",)}
GRID = {"width": 1, "height": 1, "frames": 1}

_EIGHT = 8
"""Pixels that the coder makes one of: no cell shares one with its neighbor."""


def _unheard(text: str) -> None:
    """Where nobody listens."""


class Engine:
    """Draws what lies between keys."""

    def __init__(self) -> None:
        self._studio: Studio | None = None

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format, weights and device. Raises: EngineError, CheckpointError when one is missing."""
        chosen = Options.of(options)
        device = pick_device(chosen.device)
        open_model(chosen, device)  # what is no ToonCrafter is told before a file changes
        weights = weights_facts(ENGINE, tuple(find_weights(chosen)), chosen.weights)
        return EngineFacts(str(pick_dtype(chosen, device)).removeprefix("torch."), weights, device.type)

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, span by span; None after each window between.

        Between equal keys the key is held, as where only one key has the layer. Raises: EngineError for
        several layers or keys that differ in size, OutOfMemory after the automatic fall-backs, CheckFailed
        when a drawing is no picture.
        """
        layer, *others = request.layers
        if others:
            n_layers = 1 + len(others)
            what = f"tooncrafter draws flattened pictures, and here {n_layers} layers move together"
            hint = "use `toonctl layerpack`, which packs them, or `--engine cel`"
            raise EngineError(what, "engine.name", hint)
        options = Options.of(request.options[layer])
        shot = _ShotDrawer(request, self._opened(options, request.tell))
        order = sorted(request.wanted, key=lambda each: (each.first, each.time))
        for first, wanted in groupby(order, key=lambda each: each.first):
            for drawn in shot.span(first, tuple(wanted)):
                yield None if drawn is None else request.deliver(drawn)

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        """Its window's size, lying or upright."""
        asked = Options.of(options)
        width, height = asked.width, asked.height
        return Canvas(tuple(dict.fromkeys([(width, height), (height, width)])), _EIGHT)

    def pictures(
        self, options: Mapping[str, object], state: StateStore, *, tell: Callable[[str], object] = _unheard
    ) -> SpanDrawer:
        """Draws RGB pictures between two of them, for those who pack layers. Raises: CheckpointError."""
        return SpanDrawer(self._opened(Options.of(options), tell), state)

    def _opened(self, options: Options, tell: Callable[[str], object]) -> Studio:
        """The networks under these options; kept, since spans and layers come one after another."""
        if self._studio is None or self._studio.options != options:
            self._studio = Studio(options, tell)
        return self._studio


class _ShotDrawer:
    """The one layer of a request."""

    def __init__(self, request: InbetweenRequest, studio: Studio) -> None:
        self._request, self._options = request, studio.options
        self._layer = request.layers[0]
        self._drawer = SpanDrawer(studio, request.state)

    def span(self, first: int, wanted: tuple[Between, ...]) -> Iterator[DrawnInbetween | None]:
        """The drawings between key `first` and the next."""
        one, two = (self._key(first + i) for i in (0, 1))
        if one is None or two is None:
            for between in wanted:
                yield self._lone(between, one, two)
            return
        if one.picture.shape == two.picture.shape and np.array_equal(one.picture, two.picture):
            for between in wanted:
                yield hold(between, one, "")
            return
        planned = self._request.planned or self._request.wanted
        times = sorted({each.time for each in planned if each.first == first})
        of_time: dict[float, list[Between]] = {}
        for between in wanted:
            of_time.setdefault(between.time, []).append(between)
        span = Span(
            on_white(one.picture),
            on_white(two.picture),
            tuple(times),
            self._prompt(first),
            self._options.seed,
        )
        keys = (one.picture, two.picture)
        for found in self._drawer.draw(span, {times.index(time) for time in of_time}):
            if found is None:
                yield None
                continue
            position, picture = found
            for between in of_time[times[position]]:
                yield DrawnInbetween(self._layer, between.name, matte(picture, keys), None, None, ())

    def _key(self, number: int) -> KeyPicture | None:
        load = self._request.keys[number].layers.get(self._layer)
        return None if load is None else load()

    def _prompt(self, first: int) -> str:
        prompts = self._options.prompts
        own = prompts[first] if first < len(prompts) else ""
        return own or self._request.prompt

    def _lone(self, between: Between, one: KeyPicture | None, two: KeyPicture | None) -> DrawnInbetween:
        """The key that has the layer where that is the nearer one, else an empty picture."""
        width, height = self._request.size
        blank = KeyPicture(np.zeros((height, width, 4), np.uint8), None)
        nearer = (one if between.time < 0.5 else two) or blank
        return hold(between, nearer, "held: the layer is in one key only")
