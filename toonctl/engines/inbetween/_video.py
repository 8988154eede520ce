"""Engines of video networks: keys and times become a clip, and the clip's frames the pictures between keys.

What a network is like stands in a file of its own: its options, and what draws its clips.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from toonctl.core.types import Pixels
from toonctl.engines.base import EngineFacts, InbetweenRequest, StateStore
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.weights import weights_facts
from toonctl.engines.inbetween._clips import places, shared
from toonctl.engines.inbetween._options import STRIDE, VideoOptions
from toonctl.engines.inbetween._pictures import Fit, draw_pictures, size_of
from toonctl.engines.inbetween._stages import Host, as_picture
from toonctl.models.registry import locate
from toonctl.regions.packing.plan import Canvas


@dataclass(frozen=True, slots=True)
class Clip:
    """What is to be drawn: `steps` ways from frame to frame, the two keys being frames 0 and `steps`."""

    keys: tuple[Pixels, Pixels]
    steps: int
    prompt: str
    seed: int


class Filmer(Protocol):
    """Draws clips with networks that stay in `host`."""

    host: Host

    def film(self, clip: Clip, state: StateStore) -> Tensor:
        """A film `[1, 3, F, H, W]` in -1..1; what a killed run needs is kept in `state`.

        Raises: OutOfMemory after the automatic fall-backs.
        """
        ...


@dataclass(frozen=True, slots=True)
class VideoNetwork:
    """A network by name: the roles of its weights, its options, and what draws under them.

    `filmer` takes options, folders of the roles, and where the networks compute.
    """

    name: str
    roles: tuple[str, ...]
    options: type[VideoOptions]
    filmer: Callable[[Any, Mapping[str, Path], Host], Filmer]


class VideoEngine:
    """Draws what lies between keys, each layer for itself. Networks are read once, whatever it draws."""

    def __init__(self, network: VideoNetwork) -> None:
        self._network = network
        self._opened: tuple[VideoOptions, Filmer] | None = None

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format, weights and device. Raises: EngineError without the device, CheckpointError."""
        asked = self._network.options.of(options)
        device = pick_device(asked.device)
        weights = weights_facts(self._network.name, self._network.roles, asked.weights)
        return EngineFacts(str(asked.network_dtype).removeprefix("torch."), weights, str(device))

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        """The sizes it draws at."""
        return Canvas(self._network.options.of(options).canvas_sizes(), STRIDE)

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, span by span.

        Raises: EngineError, CheckpointError, OutOfMemory after the automatic fall-backs.
        """
        return draw_pictures(
            request, lambda options: self.pictures(options, request.state, tell=request.tell)
        )

    def pictures(
        self,
        options: Mapping[str, object],
        state: StateStore,
        *,
        tell: Callable[[str], object] = lambda _text: None,
    ) -> "VideoPictures":
        """What draws whole pictures between two. Raises: CheckpointError when its weights are unusable."""
        asked = self._network.options.of(options)
        if self._opened is None or self._opened[0] != asked:
            name, roles = self._network.name, self._network.roles
            folders = {role: locate(name, role, given=asked.weights) for role in roles}
            host = Host(pick_device(asked.device), asked.memory, tell)
            self._opened = asked, self._network.filmer(asked, folders, host)
        filmer = self._opened[1]
        filmer.host = replace(filmer.host, tell=tell)
        return VideoPictures(asked, filmer, state)


@dataclass(frozen=True, slots=True)
class VideoPictures:
    """Whole pictures between two, out of clips."""

    options: VideoOptions
    filmer: Filmer
    state: StateStore

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        """The pictures RGB `[H, W, 3]` at `times`, as `PictureInbetweener` has it. Raises: OutOfMemory."""
        steps = self.options.steps_between(times)
        found = places(times, steps)
        if held := shared(found):
            self.filmer.host.tell(held)
        fit = Fit(size_of(first), self.options.size_for(size_of(first)))
        clip = Clip((fit.into(first), fit.into(last)), steps, prompt, seed)
        film = self.filmer.film(clip, self.state)
        return [fit.back(as_picture(film, place)) for place in found]
