"""LongAnimation on CogVideoX 1.5: paints long shots as a film with a memory of its colors; needs CUDA.

Segments of 81 frames are painted after one reference, with a memory of all that was painted (LongAnimation,
sec. 3). Where the published program is known to be at fault, `compat = "upstream"` repeats it, and the
default does this instead:

- every frame is delivered: there frame 1, the frames after the last whole segment, and all of a shot shorter
  than 81 frames are lost (`upstream` refuses such a length);
- segments stand 64 frames apart, so that fused latents show the same frames: there 65, one frame off;
- a drawing is painted once, however long it is held: there every frame by itself;
- the prompt gets its words of praise once: there once more with each segment;
- the artist's own lines are the sketch: there an extractor redraws them;
- sketches are encoded to the mode of their distribution: there to a sample that no seed decides (`upstream`
  samples too, but by the seed);
- the film that the memory reads is kept as it was painted: there, and only there, it goes through H.264;
- past 650 frames the oldest windows of the memory are thinned: there all are read again, evenly spread;
- a picture of another shape is fitted in whole: there it is cut, and the reference stretched.

The reference's latents keep the scale they were trained with (1.0) in both.
"""

from collections.abc import Iterator, Mapping

from toonctl.engines.base import EngineFacts, FilmPicture, FilmRequest
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.weights import weights_facts
from toonctl.engines.longanimation.film import Film
from toonctl.engines.longanimation.networks import Networks
from toonctl.engines.longanimation.options import ENGINE, FilmOptions

NEEDS = {
    "cuda": True,
    "packages": ("diffusers", "transformers"),
    "weights": ("base", "vae", "text", "tokenizer", "scheduler", "sketch", "dglm", "lvu"),
}
GRID = {"width": 16, "height": 16, "frames": 1}


class Engine:
    """Paints the drawings of a layer."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Device, number format and weights. Raises: CheckpointError, EngineError without the device."""
        film = FilmOptions.of(options)
        device = pick_device(film.device)
        weights = weights_facts(ENGINE, Networks(film, device).roles(), film.weights)
        return EngineFacts(str(film.number_format(device)).removeprefix("torch."), weights, str(device))

    def paint(self, request: FilmRequest) -> Iterator[FilmPicture | None]:
        """Every wanted drawing once, segment by segment.

        Raises: EngineError, CheckpointError, OutOfMemory after the automatic fall-backs.
        """
        options = FilmOptions.of(request.options)
        networks = Networks(options, pick_device(options.device))
        yield from Film(request, options, networks).paint()
