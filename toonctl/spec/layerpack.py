"""The shot file of `layerpack`: layered keys."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_tables import CelInbetween
from toonctl.spec.inbetween import few_keys
from toonctl.spec.keys import KeyedLayer, KeyTable, TimingTable, frames_in_order
from toonctl.spec.shot import ShotSpec, layers_named_twice
from toonctl.spec.table import Fault

MOST_LAYERS = 40


class LayerpackSpec(ShotSpec):
    """The shot file of `layerpack`."""

    art_kind: ClassVar[Literal["lines", "keys", "sketches"]] = "keys"

    is_layered: ClassVar[bool] = True

    keys: Annotated[tuple[KeyTable, ...], Field(strict=False)] = Field(default=(), alias="key")
    timing: TimingTable = TimingTable()
    layers: Annotated[tuple[KeyedLayer, ...], Field(strict=False)] = Field(default=(), alias="layer")
    engine: CelInbetween = CelInbetween()

    def faults(self) -> Iterator[Fault]:
        yield from layers_named_twice(self.layers)
        yield from few_keys(len(self.keys))
        frames = [key.frame for key in self.keys]
        yield from frames_in_order(frames, table="key", first_frame=self.shot.first_frame)
        for index, key in enumerate(self.keys):
            if key.psd is None and key.layers is None:
                what = "a key of `layerpack` is layered"
                hint = "give it a `psd` or `layers`; `toonctl inbetween` takes plain pictures"
                yield Fault(("key", index), what, hint)
            elif key.layers is not None and len(key.layers) > MOST_LAYERS:
                what = f"the key has {len(key.layers)} layers, {MOST_LAYERS} are allowed"
                yield Fault(("key", index, "layers"), what, "merge layers that move as one")
