"""The preview: one page that plays the shot in any browser, without a network (production.md 6)."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from math import ceil

from toonctl.core.files import write_whole
from toonctl.core.types import Pixels, Role, Size
from toonctl.formats.png import read_picture
from toonctl.formats.thumbnail import data_uri, fit, shrink, thumbnail
from toonctl.stages.palette import doubt_entry, hex_color, pick_by_hand
from toonctl.stages.show import Show

_BUDGET_BYTES = (
    26_000_000  # of pictures in a page: a browser opens it at once, a mail server may still take it
)
_WIDTHS_PX = (640, 480, 360)
_LINE_COLORS = 64
_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Scale:
    """How a page keeps to its budget: thumbnails of `size`, of every `step`-th drawing."""

    size: Size
    step: int


Drawing = tuple[str, str]
"""A layer, and the name of one of its drawings"""

Uris = tuple[str, str | None]
"""The thumbnails of a drawing: its colors, and its lines where it has any"""


@dataclass(frozen=True, slots=True)
class _Samples:
    """Thumbnails that were made to find the scale, for the page."""

    scale: Scale
    made: Mapping[Drawing, Uris]

    def uris(self, show: Show, layer: str, drawing: str) -> Uris:
        """The thumbnails of a drawing, made if it was no sample."""
        return self.made.get((layer, drawing)) or _uris(show, self.scale.size, (layer, drawing))


def write_preview(show: Show, *, threads: int = 2, budget_bytes: int = _BUDGET_BYTES) -> Scale:
    """`preview/index.html`, and the scale its pictures have. Raises: DeliveryError when the disk refuses."""
    with ThreadPoolExecutor(threads) as pool:
        samples = _sampled(show, pool, budget_bytes)
        page = _page(show, samples, pool)
    write_whole(show.tree.preview, page.encode())
    return samples.scale


def _page(show: Show, samples: _Samples, pool: ThreadPoolExecutor) -> str:
    data = json.dumps(_content(show, samples, pool), ensure_ascii=False, separators=(",", ":"))
    template = files("toonctl.stages").joinpath("preview_page.html").read_text(encoding="utf-8")
    # `</script>` in a name must not end the data, whatever it stands in.
    return template.replace("__SHOT_DATA__", data.replace("<", "\\u003c"))


def _content(show: Show, samples: _Samples, pool: ThreadPoolExecutor) -> dict[str, object]:
    rate, timeline, scale = show.rate, show.timeline, samples.scale
    return {
        "name": show.tree.shot,
        "rate": [rate.numerator, rate.denominator],
        "fps": show.fps,
        "first": timeline.first_frame,
        "count": timeline.n_frames,
        "size": list(show.size),
        "thumb": list(scale.size),
        "note": f"one drawing in {scale.step} is pictured" if scale.step > 1 else "",
        "layers": [
            _cel_layer(show, name, samples, pool)
            if role is Role.CEL
            else _still_layer(show, name, role, scale)
            for name, role in show.stack
        ],
        "references": _references(show, scale),
    }


def _cel_layer(show: Show, layer: str, samples: _Samples, pool: ThreadPoolExecutor) -> dict[str, object]:
    names = show.timeline.drawings(layer)
    place = {name: at for at, name in enumerate(names)}
    kept = names[:: samples.scale.step]
    uris = dict(zip(kept, pool.map(partial(samples.uris, show, layer), kept), strict=True))
    told = show.colors.get(layer)
    notes = {note.drawing: note for note in told.notes} if told else {}
    drawings: list[dict[str, object]] = []
    for name in names:
        note = notes.get(name)
        doubts = [doubt_entry(doubt, told.palette.model) for doubt in note.doubts] if told and note else []
        color, line = uris.get(name, (None, None))
        drawings.append({"name": name, "color": color, "line": line, "doubts": doubts})
    return {
        "name": layer,
        "kind": "cel",
        "frames": [place[name] if name is not None else -1 for name in show.timeline.exposures[layer]],
        "drawings": drawings,
        "palette": _palette(show, layer),
        "picks": [[place[p.drawing], round(p.gain, 4)] for p in pick_by_hand(told.notes)] if told else [],
    }


def _still_layer(show: Show, layer: str, role: Role, scale: Scale) -> dict[str, object]:
    picture = data_uri(thumbnail(shrink(read_picture(show.tree.still(layer)), scale.size), n_colors=None))
    drawing: dict[str, object] = {"name": layer, "color": picture, "line": None, "doubts": []}
    frames = [0] * show.timeline.n_frames
    return {
        "name": layer,
        "kind": role.value,
        "frames": frames,
        "drawings": [drawing],
        "palette": [],
        "picks": [],
    }


def _palette(show: Show, layer: str) -> list[list[str]]:
    told = show.colors.get(layer)
    if told is None:
        return []
    used = {index for note in told.notes for index in note.color_regions}
    return [
        [f"color_{index:02d}", hex_color(rgba)]
        for index, rgba in enumerate(told.palette.model.colors)
        if rgba[3] and (index in used or not used)
    ]


def _references(show: Show, scale: Scale) -> list[dict[str, object]]:
    uris = [data_uri(thumbnail(shrink(r.rgba, fit(_size(r.rgba), max(scale.size))))) for r in show.references]
    single: list[dict[str, object]] = [
        {"title": f"{reference.layer}, {reference.title}", "pictures": [uri]}
        for reference, uri in zip(show.references, uris, strict=True)
    ]
    first = {r.layer: at for at, r in reversed(list(enumerate(show.references)))}
    if len(first) < 2:
        return single
    stacked = [uris[first[layer]] for layer, _ in show.stack if layer in first]
    return [{"title": "all layers", "pictures": stacked}, *single]


def _uris(show: Show, size: Size, drawing: Drawing) -> Uris:
    color = data_uri(thumbnail(shrink(show.color(*drawing), size)))
    line = show.line(*drawing)
    if line is None:
        return color, None
    return color, data_uri(thumbnail(shrink(line, size), n_colors=_LINE_COLORS))


def _sampled(show: Show, pool: ThreadPoolExecutor, budget_bytes: int) -> _Samples:
    """The largest pictures that keep the page in its budget, judged by samples spread over the shot."""
    drawings = [(layer, name) for layer in show.timeline.layers for name in show.timeline.drawings(layer)]
    samples = _spread(drawings, _SAMPLES)
    made, expected = dict[Drawing, Uris](), 0.0
    for width_px in _WIDTHS_PX:
        size = fit(show.size, width_px)
        made = dict(zip(samples, pool.map(partial(_uris, show, size), samples), strict=True))
        weight = sum(len(color) + len(line or "") for color, line in made.values())
        expected = weight * len(drawings) / max(1, len(samples))
        if expected <= budget_bytes:
            return _Samples(Scale(size, 1), made)
    return _Samples(Scale(fit(show.size, _WIDTHS_PX[-1]), ceil(expected / budget_bytes)), made)


def _spread(items: Sequence[Drawing], count: int) -> Sequence[Drawing]:
    if len(items) <= count:
        return items
    return [items[at * (len(items) - 1) // (count - 1)] for at in range(count)]


def _size(picture: Pixels) -> Size:
    return picture.shape[1], picture.shape[0]
