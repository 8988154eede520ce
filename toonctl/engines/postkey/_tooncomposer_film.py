"""A shot drawn by ToonComposer, segment after segment; what a killed run has drawn is in the state."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
from safetensors.torch import load, save
from torch import Tensor

from toonctl.core.errors import SpecError
from toonctl.core.types import Pixels
from toonctl.engines.base import DrawnFrame, PostkeyRequest
from toonctl.engines.diffusion.step_cache import StepCache, always_computed
from toonctl.engines.postkey._tooncomposer_networks import Networks
from toonctl.engines.postkey._tooncomposer_options import ToonComposerOptions
from toonctl.engines.postkey._tooncomposer_pictures import Framing, as_frame
from toonctl.engines.postkey._tooncomposer_plan import Pictures, Segment, colliding, needed, plan_segments
from toonctl.models.tooncomposer.conditioning import Conditioning, SparseFrames, latent_index
from toonctl.models.tooncomposer.system import Inputs, Prompt, RunSettings
from toonctl.models.tooncomposer.transformer import Sketches, Through

_PLANES = ("video", "sketches", "first_color", "image")


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A drawn frame RGB `[H, W, 3]`, yet to become the picture `name` of the shot; picklable."""

    framing: Framing
    name: str
    frame: Pixels

    def delivered(self, deliver: Callable[[DrawnFrame], object]) -> object:
        """What `deliver` gives for the picture."""
        return deliver(DrawnFrame(self.name, self.framing.picture(self.frame), is_flat=False))


class Film:
    """The frames of a shot. Raises: SpecError when references and sketches cannot be drawn after."""

    def __init__(self, request: PostkeyRequest, options: ToonComposerOptions) -> None:
        self._request, self._options = request, options
        width, height = request.size
        self._framing = Framing.of((height, width), options.size, options.fit)
        self._references = {reference.index: reference for reference in request.references}
        self._sketches = {sketch.index: sketch for sketch in request.sketches}
        pictures = Pictures(tuple(sorted(self._references)), tuple(sorted(self._sketches)))
        self._segments = plan_segments(request.n_frames, pictures, longest=options.segment_frames)
        if options.compat == "fixed":
            self._refuse_collisions()
        self._loaded: Networks | None = None

    def draw(self) -> Iterator[tuple[NewFrame, ...]]:
        """The wanted frames of each segment; none after each step on the way there."""
        wanted = {each.index: each.name for each in self._request.wanted}
        skipped = self._options.skipped
        if always := sorted(step + 1 for step in skipped & always_computed(self._options.steps)):
            self._request.tell(f"steps {', '.join(map(str, always))} are always computed")
        for segment in needed(self._segments, wanted):
            frames = self._stored(segment)
            if frames is None:
                frames = yield from self._draw(segment)
            yield tuple(
                NewFrame(self._framing, wanted[index], frames[index - segment.first])
                for index in segment.frames
                if index in wanted
            )

    def close(self) -> None:
        """Frees the networks."""
        if self._loaded is not None:
            self._loaded.close()

    @property
    def _networks(self) -> Networks:
        if self._loaded is None:
            self._loaded = Networks(self._options, self._request.tell)
        return self._loaded

    def _draw(self, segment: Segment) -> Generator[tuple[()], None, Pixels]:
        """The frames RGB `[F, H, W, 3]` of a segment, kept in the state."""
        options = self._options
        positive, negative = self._text()
        yield ()
        conditioning, image = self._conditioning(segment)
        yield ()
        settings = RunSettings(options.steps, options.guidance, options.shift, options.seed + segment.number)
        inputs = Inputs(conditioning, Prompt(positive, negative, image), settings)
        cache = StepCache(options.skipped, n_steps=options.steps)
        latents = inputs.noise()
        for after in self._networks.denoise(inputs, partial(around, cache)):
            latents = after
            yield ()
        frames = self._networks.decode(latents)[: segment.last - segment.first + 1]
        file = BytesIO()
        np.savez_compressed(file, frames=frames)
        self._request.state.put(_frames_name(segment.number), file.getvalue())
        return frames

    def _stored(self, segment: Segment) -> Pixels | None:
        data = self._request.state.get(_frames_name(segment.number))
        if data is None:
            return None
        with np.load(BytesIO(data), allow_pickle=False) as stored:
            return stored["frames"]

    def _text(self) -> tuple[Tensor, Tensor]:
        """Features of what is wanted and of what is not, encoded once a shot."""
        data = self._request.state.get("text")
        if data is None:
            prompts = (self._request.prompt, self._options.negative_prompt)
            positive, negative = self._networks.text(*prompts)
            data = save({"positive": positive, "negative": negative})
            self._request.state.put("text", data)
        features = load(data)
        return features["positive"], features["negative"]

    def _conditioning(self, segment: Segment) -> tuple[Conditioning, Tensor]:
        """What a segment is drawn after, and the features of its first picture, encoded once a shot."""
        name = f"segment_{segment.number}.conditioning"
        indices = tuple(latent_index(frame - segment.first) for frame in segment.sketches)
        alpha = self._alpha(segment)
        data = self._request.state.get(name)
        if data is None:
            found, image = self._networks.conditioning(self._sparse(segment), alpha)
            planes = (found.video, found.sketches.latents, found.first_color, image)
            data = save({key: plane.contiguous() for key, plane in zip(_PLANES, planes, strict=True)})
            self._request.state.put(name, data)
        kept = load(data)
        video, latents, first, image = (kept[key] for key in _PLANES)
        return Conditioning(video, Sketches(latents, indices, alpha), first), image

    def _sparse(self, segment: Segment) -> SparseFrames:
        """The pictures of a segment at its own frames."""
        first = segment.first
        colors = {
            frame - first: self._framing.color(self._references[frame].load(), self._options.paper)
            for frame in segment.colors
        }
        if segment.after is not None and segment.taken is not None:
            neighbor = self._segments[segment.after]
            frames = self._stored(neighbor)
            if frames is None:
                raise KeyError(_frames_name(neighbor.number))
            colors[segment.taken - first] = as_frame(frames[segment.taken - neighbor.first])
        sketches: dict[int, Tensor] = {}
        masks: dict[int, Tensor] = {}
        is_stretched = self._options.compat == "upstream"
        for frame in segment.sketches:
            sketch = self._sketches[frame].load()
            sketches[frame - first] = self._framing.sketch(sketch)
            if sketch.free is not None:
                masks[frame - first] = self._framing.mask(sketch.free, is_stretched=is_stretched)
        return SparseFrames(segment.length, self._options.size, colors, sketches, masks)

    def _refuse_collisions(self) -> None:
        groups = [group for segment in self._segments for group in colliding(segment)]
        if groups:
            named = (" and ".join(self._sketches[frame].name for frame in group) for group in groups)
            what = f"sketches too close to each other to be told apart: {'; '.join(named)}"
            hint = (
                'leave four frames between them, or one out; `compat = "upstream"` gives all to the network'
            )
            raise SpecError(what, "sketch.frame", hint)

    def _alpha(self, segment: Segment) -> float | tuple[float, ...]:
        strengths = tuple(self._sketches[frame].strength for frame in segment.sketches)
        return strengths[0] if len(set(strengths)) == 1 else strengths or 1.0


def _frames_name(number: int) -> str:
    return f"segment_{number}.frames"


def around(cache: StepCache, is_positive: bool, index: int) -> Through | None:
    """The cache around the blocks in one half of a step, None where nothing is ever served."""
    if not cache.skipped:
        return None
    half = "cond" if is_positive else "uncond"

    def through(tokens: Tensor, stack: Callable[[Tensor], Tensor]) -> Tensor:
        [after] = cache.through(half, index, (tokens,), lambda before: (stack(before),))
        return after

    return through
