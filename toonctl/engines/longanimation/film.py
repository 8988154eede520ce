"""A film segment by segment: sketch, sampling, pictures, and the memory that the next segment needs.

Letters: F frames or slots, H W the networks' size.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toonctl.core.errors import EngineError, OutOfMemory
from toonctl.core.types import LineFrame
from toonctl.engines.base import FilmPicture, FilmRequest
from toonctl.engines.diffusion.attention import NATIVE, computing
from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.plans import Plan, is_out_of_memory, plans_for, run_down
from toonctl.engines.longanimation.kept import FilmStore
from toonctl.engines.longanimation.networks import Networks
from toonctl.engines.longanimation.options import ENGINE, FilmOptions
from toonctl.engines.longanimation.pictures import Fit, as_seen, blank, drawings, eight_bit, painted, sketches
from toonctl.engines.longanimation.program import Program, program_of
from toonctl.models.longanimation.denoiser import FilmMemory
from toonctl.models.longanimation.film import (
    PreparedSegment,
    SegmentPast,
    draw_segment,
    film_latents,
    n_slots,
)
from toonctl.models.longanimation.line_extractor import sketch_of
from toonctl.models.longanimation.memory import Reading, upstream_frames
from toonctl.models.longanimation.sampling import Fusion, SampledSegment
from toonctl.models.longanimation.segments import Segment
from toonctl.models.longanimation.state import FilmState
from toonctl.models.longanimation.words import TEXT_TOKENS, encode_text, text_ids

_FRAMES_AT_ONCE = 8
_TOKEN_PX = 16

T = TypeVar("T")


class _Late(Exception):
    """A stop that cannot wait for the segment to end."""


class Film:
    """One request under way."""

    def __init__(self, request: FilmRequest, options: FilmOptions, networks: Networks) -> None:
        self._request = request
        self._options = options
        self._networks = networks
        self._program: Program = program_of(request, options)
        self._fit = Fit.into(request.size, options.box)
        self._store = FilmStore(request.state, networks.device)
        self._plans: tuple[Plan, ...] = ()
        self._peaks: Peaks | None = None
        self._kernel = NATIVE

    @torch.no_grad()
    def paint(self) -> Iterator[FilmPicture | None]:
        """The wanted pictures, segment by segment; None between segments. Raises: as `FilmEngine.paint`."""
        wanted = self._program.wanted(self._request.wanted)
        if not wanted:
            return
        begin = self._begin(min(wanted))
        prompts = self._program.prompts[begin : max(wanted) + 1]
        self._with_room("reading the text", lambda: self._read_texts(prompts))
        for segment in self._program.segments[begin : max(wanted) + 1]:
            try:
                pictures = self._segment(segment)
            except _Late:
                yield None
                return
            for frame, name in wanted.get(segment.number, {}).items():
                yield FilmPicture(name, self._fit.delivered(pictures[frame - segment.start]))
            yield None

    def _begin(self, first: int) -> int:
        """The segment to start with so that `first` can be painted: the last one whose past is on disk."""
        return next((n for n in range(first, 0, -1) if self._store.memory(n - 1) is not None), 0)

    def _segment(self, segment: Segment) -> NDArray[np.uint8]:
        """The pictures RGB `[F, H, W, 3]` of a segment; what the next one needs is on disk by then."""
        number = segment.number
        is_last = number + 1 == len(self._program.segments)
        state = self._past(number)
        sampled = self._store.sampled(number)
        if sampled is None:
            sampled = self._sample(segment, state)
            self._store.keep_sampled(number, sampled)
        latents = film_latents(sampled.latents, (segment.n_shown - 1) // 4 + 1)
        pictures = self._with_room("decoding", lambda: self._decoded(latents))
        if not is_last and self._store.memory(number) is None:
            tails = sampled.tails
            left = self._with_room("reading the film", lambda: self._left(segment, state, pictures))
            self._store.keep_memory(FilmState(number, left, tails))
        return pictures

    def _decoded(self, latents: Tensor) -> NDArray[np.uint8]:
        coder = self._networks.coder()
        return eight_bit(self._fit.cut(coder.decode(latents.to(coder.vae.device, coder.vae.dtype))))

    def _with_room(self, what: str, work: Callable[[], T]) -> T:
        """What `work` gives; tried again with everything else put away when the card is full."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        self._networks.make_room()
        self._request.tell(f"{what} ran out of memory; going on with one network at a time, in tiles")
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        hint = "use a card with more memory, or a smaller `width` and `height`"
        raise OutOfMemory(f"out of memory while {what}, with one network on the card", "engine", hint)

    def _past(self, number: int) -> FilmState | None:
        """The state before segment `number`, None before the first."""
        if number == 0:
            return None
        state = self._store.memory(number - 1)
        if state is None:
            what = f"what segment {number} of the film left for the next one is gone"
            raise EngineError(what, f"state/memory: memory_{number - 1}", "`--resume` paints it again")
        return state

    def _sample(self, segment: Segment, state: FilmState | None) -> SampledSegment:
        past = None
        if state is not None:
            memory = self._with_room("reading the film", lambda: self._recall(state))
            past = SegmentPast(memory, Fusion(state.tails))
        prepared = self._with_room("encoding the lines", lambda: self._prepared(segment))
        schedule = self._networks.schedule()
        if not self._plans:
            n_tokens = TEXT_TOKENS + prepared.noise.shape[1] // 2 * self._tokens_a_frame()
            n_halves = 2 if schedule.is_guided and schedule.guides_together else 1
            self._start_sampling(n_tokens, n_halves)
        noise_state = prepared.generator.get_state()

        def attempt(plan: Plan) -> SampledSegment:
            prepared.generator.set_state(noise_state)
            self._plans = self._plans[self._plans.index(plan) :]
            bind = self._networks.denoiser(plan).bind
            with computing(self._kernel):
                return draw_segment(
                    bind, segment, prepared=prepared, past=past, schedule=schedule, on_step=self._on_step
                )

        def tell(text: str) -> None:
            self._networks.make_room()
            self._networks.drop_denoiser()
            self._request.tell(text)

        return run_down(self._plans, attempt, tell, self._peaks)

    def _start_sampling(self, n_tokens: int, n_halves: int) -> None:
        """Decides how segments are sampled: the memory plans to try, and the attention kernel."""
        networks = self._networks
        self._peaks = Peaks(ENGINE, networks.need(n_tokens, n_halves), networks.device)
        self._plans = plans_for(self._options.memory, networks.device, self._peaks.need, self._peaks)
        self._kernel = networks.kernel(n_tokens, n_halves)
        if self._kernel != NATIVE and self._options.attention == "auto":
            self._request.tell(f"attention is computed by the kernel `{self._kernel}`")

    def _prepared(self, segment: Segment) -> PreparedSegment:
        """A segment's tensors. Draws, in the published order: the reference's latents, then the noise."""
        options, coder = self._options, self._networks.coder()
        device, dtype = coder.vae.device, coder.vae.dtype
        reference = self._request.references[min(options.reference, len(self._request.references)) - 1]
        names = [self._program.film[frame] for frame in segment.shown(len(self._program.film))]
        lines = [
            blank(self._request.size) if name is None else self._request.loader(name)() for name in names
        ]
        sketch = self._sketch(lines)
        is_own = segment.number == 0 or (options.slot_sketch == "reference" and not options.is_upstream)
        front = self._sketch([reference.lines], painting=reference.picture) if is_own else sketch[:1]
        generator = torch.Generator("cpu").manual_seed(options.seed)
        image = coder.encode_reference(painted(reference.picture, self._fit).to(device, dtype), generator)
        # Sketches have draws of their own: the published program's, which nothing seeds, do not count.
        drawn = torch.Generator("cpu").manual_seed(options.seed) if options.is_upstream else None
        encoded = coder.encode_film(sketch.to(device), drawn)
        shape = (1, n_slots(encoded.shape[1]), *encoded.shape[2:])
        noise = torch.randn(shape, generator=generator, dtype=dtype).to(device)
        front_latents = coder.encode_film(front.to(device), drawn)
        return PreparedSegment(noise, image, front_latents, encoded, self._texts(segment), generator)

    def _sketch(self, lines: Sequence[LineFrame], *, painting: NDArray[np.uint8] | None = None) -> Tensor:
        """The sketch `[F, 3, H, W]` of line drawings: the artist's own lines, run through no extractor.

        The published run extracts lines from whatever it is given, drawings and `painting` alike.
        """
        if not self._options.is_upstream:
            return sketches(lines, self._fit)
        extractor, device = self._networks.extractor(), self._networks.device
        if painting is None:
            seen = drawings(lines, self._fit).expand(-1, 3, -1, -1)
        else:
            seen = painted(painting, self._fit)[None] / 2 + 0.5
        extracted = [extractor(frame[None].to(device, self._networks.dtype)) for frame in seen]
        return sketch_of(torch.cat(extracted)).cpu()

    def _recall(self, state: FilmState) -> FilmMemory:
        """The memory of the film so far."""
        reader = self._networks.reader()
        reading = state.reading
        if self._options.is_upstream and reading.n_frames > self._options.budget_frames:
            seen = torch.cat([self._seen_of(number) for number in range(state.segment + 1)])
            chosen = list(upstream_frames(len(seen), self._options.budget_frames))
            reading = reader.extend(reader.begin(), seen[chosen])
        return reader.memory(reading)

    def _left(self, segment: Segment, state: FilmState | None, pictures: NDArray[np.uint8]) -> Reading:
        """The reading of the film once it has gone on with what the segment delivers."""
        own = segment.own_delivered
        features = self._seen(pictures[own.start : own.stop])
        if self._options.is_upstream:
            self._store.keep_features(segment.number, features)
        reader = self._networks.reader()
        return reader.extend(state.reading if state else reader.begin(), features)

    def _seen(self, pictures: NDArray[np.uint8]) -> Tensor:
        eyes, device = self._networks.eyes(), self._networks.device
        parts = as_seen(pictures).split(_FRAMES_AT_ONCE)
        return torch.cat([eyes(part.to(device)) for part in parts])

    def _seen_of(self, number: int) -> Tensor:
        features = self._store.features(number)
        if features is None:
            what = f"what the film showed in segment {number + 1} is gone"
            raise EngineError(what, "state/memory", "`--overwrite` paints the film again")
        return features

    def _read_texts(self, prompts: Sequence[str]) -> None:
        """Encodes the texts of these segments that are not on disk yet, then puts the encoder away."""
        wanted = [
            text for text in (self._negative(), *dict.fromkeys(prompts)) if self._store.text(text) is None
        ]
        if not wanted:
            return
        tokenizer, encoder = self._networks.tokenizer(), self._networks.text_encoder()
        features = [encode_text(encoder, text_ids(tokenizer, text)) for text in wanted]
        self._store.keep_texts(wanted, features)
        del encoder
        self._networks.drop_text_encoder()

    def _texts(self, segment: Segment) -> tuple[Tensor, ...]:
        """Negative and positive, or the positive alone where nothing is guided."""
        wanted = (self._negative(), self._program.prompts[segment.number])
        texts = [self._store.text(text) for text in wanted]
        found = tuple(text.to(self._networks.dtype) for text in texts if text is not None)
        return found if self._options.guidance > 1 else found[-1:]

    def _negative(self) -> str:
        return "" if self._options.is_upstream else self._options.negative_prompt

    def _tokens_a_frame(self) -> int:
        width, height = self._fit.outer
        return (width // _TOKEN_PX) * (height // _TOKEN_PX)

    def _on_step(self, _step: int, _latents: Tensor) -> None:
        if self._request.is_late():
            raise _Late
