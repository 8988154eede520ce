"""The networks that some measures need: which registered weights, what loads them, what they measure.

Weights are found as those of engines are (`toonctl models path metrics`). Nothing is fetched, and a file
whose digest is not the published one is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from toonctl.core.errors import CheckpointError
from toonctl.core.types import Pixels
from toonctl.models.digests import digest
from toonctl.models.registry import Found, entries, find

if TYPE_CHECKING:
    from toonctl.metrics.distributions import Distance
    from toonctl.models.lpips import Backbone

ENGINE = "metrics"
"""What the registry calls the networks of measures."""

Take = Callable[[Pixels, Pixels], float | None]
Start = Callable[[], Take]
"""Gives what measures the frames of one shot, in order."""


class SetJudge(Protocol):
    """Measures all shots together: frames go in, one distance comes out.

    From `enough` samples on, counted in `unit`, the literature trusts it.
    """

    enough: int
    unit: str

    def take(self, picture: Pixels, truth: Pixels) -> None: ...

    def end_shot(self) -> None: ...

    def distance(self) -> "Distance": ...


@dataclass(frozen=True, slots=True)
class Network:
    """The registered `roles` that one measure needs, and what makes a judge of their paths."""

    roles: tuple[str, ...]
    load: Callable[[tuple[Path, ...]], "Start | SetJudge"]
    is_of_set: bool = False

    @property
    def needs(self) -> str:
        """The weights, for a sentence."""
        names = [entries(ENGINE, role)[0] for role in self.roles]
        files = " and ".join(f"`{entry.gives or entry.shelf}`" for entry in names)
        return f"{files}: `toonctl models fetch {ENGINE}`"


@dataclass(frozen=True, slots=True)
class LoadedNetworks:
    """Judges by measure, those of frames and shots apart from those of the whole set, with digests."""

    starts: Mapping[str, Start] = field(default_factory=dict[str, Start])
    sets: Mapping[str, SetJudge] = field(default_factory=dict[str, SetJudge])
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


def _lpips(backbone: "Backbone", paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.perceptual import LpipsMeter

    take = LpipsMeter(backbone, *paths).take
    return lambda: take


def _quadrants(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.perceptual import LpipsMeter
    from toonctl.metrics.synchrony import quadrant_pair

    meter = LpipsMeter("alex", *paths)

    def take(picture: Pixels, truth: Pixels) -> float | None:
        pair = quadrant_pair(picture, truth)
        return meter.take(*pair) if pair else None

    return lambda: take


def _dists(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.perceptual import DistsMeter

    take = DistsMeter(*paths).take
    return lambda: take


def _likeness(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.likeness import ClipEye, Likeness

    take = Likeness(ClipEye(*paths)).take
    return lambda: take


def _subject(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.likeness import Consistency, DinoEye

    eye = DinoEye(*paths)
    return lambda: Consistency(eye).take


def _background(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.likeness import ClipEye, Consistency

    eye = ClipEye(*paths)
    return lambda: Consistency(eye).take


def _smoothness(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.motion import MotionSmoothness, open_interpolator

    network = open_interpolator(*paths)
    return lambda: MotionSmoothness(network).take


def _aesthetic(paths: tuple[Path, ...]) -> Start:
    from toonctl.metrics.likeness import Aesthetic, ClipEye

    folder, head = paths
    take = Aesthetic(ClipEye(folder), head).take
    return lambda: take


def _fid(paths: tuple[Path, ...]) -> SetJudge:
    from toonctl.metrics.distributions import FidSet

    return FidSet(*paths)


def _fvd(paths: tuple[Path, ...]) -> SetJudge:
    from toonctl.metrics.distributions import FvdSet

    return FvdSet(*paths)


NETWORKS: Mapping[str, Network] = {
    "lpips": Network(("alexnet", "lpips-alex"), partial(_lpips, "alex")),
    "lpips_vgg": Network(("vgg16", "lpips-vgg"), partial(_lpips, "vgg")),
    "quadrants_lpips": Network(("alexnet", "lpips-alex"), _quadrants),
    "dists": Network(("vgg16", "dists"), _dists),
    "fid": Network(("inception",), _fid, is_of_set=True),
    "fvd": Network(("i3d",), _fvd, is_of_set=True),
    "clip_similarity": Network(("clip-b32",), _likeness),
    "subject_consistency": Network(("dino",), _subject),
    "background_consistency": Network(("clip-b32",), _background),
    "motion_smoothness": Network(("amt-s",), _smoothness),
    "aesthetic": Network(("clip-l14", "aesthetic"), _aesthetic),
}
"""The measures that need a network, by name."""


def why_unable(metric: str) -> str | None:
    """What a measure lacks on this host; None when its weights are here and may be used."""
    try:
        _find(metric)
    except CheckpointError as error:
        problem = error.problems[0]
        is_absent = "not on this host" in problem.what
        return NETWORKS[metric].needs if is_absent else f"leave to be used: {problem.what}; {problem.hint}"
    return None


def load_networks(metrics: tuple[str, ...]) -> LoadedNetworks:
    """Judges of all `metrics` whose weights are here. Raises: CheckpointError when a file is another one."""
    starts: dict[str, Start] = {}
    sets: dict[str, SetJudge] = {}
    digests: dict[str, Mapping[str, str]] = {}
    for name in metrics:
        network = NETWORKS.get(name)
        if network is None or why_unable(name) is not None:
            continue
        found = _find(name)
        digests[name] = {each.path.name: _checked(each) for each in found}
        judge = network.load(tuple(each.path for each in found))
        if network.is_of_set:
            sets[name] = judge  # pyright: ignore[reportArgumentType]  # `is_of_set` says which it is
        else:
            starts[name] = judge  # pyright: ignore[reportArgumentType]
    return LoadedNetworks(starts, sets, digests)


def _find(metric: str) -> tuple[Found, ...]:
    return tuple(find(ENGINE, role, given={}) for role in NETWORKS[metric].roles)


def _checked(found: Found) -> str:
    """The digest of weights. Raises: CheckpointError when it is not the published one."""
    sha256 = digest(found.path)
    files = found.entry.files if found.entry else ()
    published = {file.path.rpartition("/")[2]: file.sha256 for file in files}.get(found.path.name)
    if published and not sha256.startswith(published):
        what = f"`{found.path.name}` is not the published file: its SHA-256 begins {sha256[:8]}"
        raise CheckpointError(what, str(found.path), f"install the one that begins {published[:8]}")
    return sha256
