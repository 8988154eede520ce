"""ToonComposer (arXiv 2508.10881) on Wan 2.1 14B: a whole colored shot from references, sketches and words.

Draws opaque RGB frames in segments of 4n + 1 frames that are joined at sketches and references; sketches and
references may stand at any frames. A drawing held for two frames is the first of them; `ease` and `chart`
have no say, the network finds the timing. The image encoder sees the first frame of a segment, plain gray
where no painted picture stands there. Networks and numbers are the published ones. Where the published
program is faulty this engine is not, unless `compat = "upstream"` asks for the fault:

* A region matte is cropped like its sketch; published, it is stretched to the video's shape and lies askew.
* Two sketches within one latent frame (four frames) are refused; published, the latent frame is entered
  twice and its residual written once.

Faults that `compat` does not bring back: lengths that are not 4n + 1 are drawn longer and cut, pictures of
odd shapes do not miss the size by a row, references may have alpha or be gray, the low-rank attention stays
within its frame on every machine, and rotary positions are always those of the sketches' own frames.
"""

from collections.abc import Iterator, Mapping

from toonctl.engines.base import EngineFacts, PostkeyRequest
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.weights import weights_facts
from toonctl.engines.postkey._tooncomposer_film import Film
from toonctl.engines.postkey._tooncomposer_networks import ENGINE, pick_dtype, roles
from toonctl.engines.postkey._tooncomposer_options import ToonComposerOptions

NEEDS = {"cuda": True, "packages": ("diffusers", "transformers"), "weights": ("tooncomposer",)}
GRID = {"width": 16, "height": 16, "frames": 4}


class Engine:
    """Draws a whole colored shot from references and sketches."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format, weights and device. Raises: EngineError, CheckpointError when one is missing."""
        chosen = ToonComposerOptions.of(options)
        device = pick_device(chosen.device)
        dtype = str(pick_dtype(chosen, device)).removeprefix("torch.")
        weights = weights_facts(ENGINE, roles(chosen), chosen.weights)
        return EngineFacts(dtype, weights, device.type)

    def draw(self, request: PostkeyRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, segment by segment, None after each step between.

        Raises: SpecError when no reference stands at a frame or sketches stand too close to each other,
        CheckpointError for unusable weights, OutOfMemory after the automatic fall-backs.
        """
        film = Film(request, ToonComposerOptions.of(request.options))
        try:
            for frames in film.draw():
                jobs = [request.executor.submit(each.delivered, request.deliver) for each in frames]
                yield None
                for job in jobs:
                    yield job.result()
        finally:
            film.close()
