"""Built-in engine from sketches to a colored shot: sketches are colored, then inbetweened; CPU, no download.

A sketch's lines are cleaned if it is rough. Where its matte is white, and as far as its strength is below 1,
lines come from what an inbetween of the neighboring keys would show there: sketches without either are
colored first, so that the others have neighbors. Lines have the colors that those of the references have
between the same two paints. Coloring is that of `engines/colorize_long/cel.py`,
inbetweens those of `engines/inbetween/cel.py`; all keys are colored in every run, or taken from the state of
an earlier one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from toonctl.core.types import Between, ColorModel
from toonctl.engines.base import (
    DrawnFrame,
    DrawnInbetween,
    EngineFacts,
    InbetweenRequest,
    Key,
    PostkeyRequest,
    StateStore,
)
from toonctl.engines.cel.worker import WEIGHTS
from toonctl.engines.colorize_long.cel import Engine as ColorizeEngine
from toonctl.engines.inbetween.cel import Engine as InbetweenEngine
from toonctl.engines.postkey._coloring import LAYER, SketchColoring
from toonctl.engines.postkey._stored import Compartment, load_colored

NEEDS = {"cuda": False, "packages": (), "weights": (WEIGHTS,)}
GRID = {"width": 1, "height": 1, "frames": 1}


@dataclass(frozen=True, slots=True)
class _Hand:
    """Passes inbetweens on as frames, in the process that drew them."""

    deliver: Callable[[DrawnFrame], object]

    def __call__(self, drawn: DrawnInbetween) -> object:
        return self.deliver(DrawnFrame(drawn.name, drawn.picture, drawn.paint, drawn.line, drawn.fell_back))


class Engine:
    """Draws a whole colored shot from references and sketches."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format and weights. Raises: CheckpointError when the weights are unusable."""
        return ColorizeEngine().facts(options)

    def draw(self, request: PostkeyRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing: colored sketches first, then what lies between.

        Raises: SpecError for missing options, CheckpointError for unusable weights.
        """
        wanted = {each.name for each in request.wanted}
        coloring = SketchColoring(request)
        for name in coloring.color():
            job = (request.deliver, request.state, name, request.color_model)
            yield request.executor.submit(_deliver_key, *job).result() if name in wanted else None
        betweens = tuple(Between(LAYER, w.name, w.first, w.time) for w in request.wanted if w.time > 0)
        if not betweens:
            return
        keys = sorted(coloring.keys.values(), key=lambda key: key.index)
        yield from InbetweenEngine().draw(
            InbetweenRequest(
                size=request.size,
                layers=(LAYER,),
                keys=tuple(Key(key.index, {LAYER: key.load}) for key in keys),
                wanted=betweens,
                options={LAYER: request.options},
                deliver=_Hand(request.deliver),
                executor=request.executor,
                state=Compartment(request.state, "between"),
            )
        )


def _deliver_key(
    deliver: Callable[[DrawnFrame], object],
    state: StateStore,
    name: str,
    model: ColorModel,
) -> object:
    key = load_colored(state, name)
    if key is None:
        raise KeyError(name)
    picture, paint, line = key.planes(model)
    return deliver(DrawnFrame(name, picture, paint, line, color_regions=key.color_regions, doubts=key.doubts))
