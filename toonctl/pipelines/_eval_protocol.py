"""What `eval` can measure, and the protocols: which measures, at what size, on which frames.

A protocol's name carries a version. Everything that changes a number is said in it, and is printed with
every result, so that only equal protocols are ever set side by side. What a paper leaves open is ours.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from toonctl.core.errors import UsageError
from toonctl.core.types import Size
from toonctl.pipelines._eval_networks import NETWORKS
from toonctl.spec.problems import nearest

_UNABLE = "and this version cannot load it"
_VGG = f"the VGG16 network of DISTS, {_UNABLE}"
_CLIP = f"the CLIP ViT-B/32 network, {_UNABLE}"
_DINO = f"the DINO ViT-B/16 network, {_UNABLE}"


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure: `unit` is empty for shares and scores; `needs` names what it cannot do without.

    Where `NETWORKS` has the measure, `needs` names its files; of the others this version cannot load the
    network, wherever it lies. Without it a measure is listed as not measured.
    """

    name: str
    title: str
    is_higher_better: bool
    unit: str = ""
    decimals: int = 4
    needs: str | None = None


_ALL = (
    Metric("psnr", "PSNR", is_higher_better=True, unit="dB", decimals=2),
    Metric("psnr_box", "PSNR in the foreground box", is_higher_better=True, unit="dB", decimals=2),
    Metric("ssim", "SSIM", is_higher_better=True),
    Metric("ms_ssim", "MS-SSIM", is_higher_better=True),
    Metric("line_chamfer", "line chamfer at 540 lines", is_higher_better=False, unit="px", decimals=2),
    Metric("region_color", "regions of the right color", is_higher_better=True),
    Metric("foreground_color", "foreground pixels of the right color", is_higher_better=True),
    Metric("off_palette", "off-palette share over the truth's", is_higher_better=False),
    Metric("flicker", "pixels that change while the truth stands", is_higher_better=False),
    Metric("drift", "foreground color, last sixth minus first", is_higher_better=True),
    Metric("low_psnr", "PSNR of low frequencies", is_higher_better=True, unit="dB", decimals=2),
    Metric("high_psnr", "PSNR of high frequencies", is_higher_better=True, unit="dB", decimals=2),
    Metric("low_decay", "decay of low-frequency PSNR", is_higher_better=False),
    Metric("high_decay", "decay of high-frequency PSNR", is_higher_better=False),
    Metric("layer_stack", "pixels where layers miss the composite", is_higher_better=False),
    Metric("layer_edges", "edges that layers keep in common", is_higher_better=True),
    Metric("layer_gaps", "gaps opened between layers", is_higher_better=False, unit="px", decimals=1),
    Metric("lpips", "LPIPS 0.1, AlexNet", is_higher_better=False, needs=NETWORKS["lpips"].needs),
    Metric("lpips_vgg", "LPIPS 0.1, VGG16", is_higher_better=False, needs=NETWORKS["lpips_vgg"].needs),
    Metric("dists", "DISTS", is_higher_better=False, needs=_VGG),
    Metric("fid", "FID", is_higher_better=False, needs=f"the Inception network of 2015, {_UNABLE}"),
    Metric("fvd", "FVD", is_higher_better=False, needs=f"the I3D network of Kinetics-400, {_UNABLE}"),
    Metric("clip_similarity", "CLIP similarity", is_higher_better=True, needs=_CLIP),
    Metric("subject_consistency", "subject consistency", is_higher_better=True, needs=_DINO),
    Metric("background_consistency", "background consistency", is_higher_better=True, needs=_CLIP),
    Metric(
        "motion_smoothness", "motion smoothness", is_higher_better=True, needs=f"the AMT-S network, {_UNABLE}"
    ),
    Metric(
        "aesthetic",
        "aesthetic score",
        is_higher_better=True,
        needs=f"CLIP ViT-L/14 with the LAION head, {_UNABLE}",
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every measure by name."""

LAYERED = frozenset({"layer_stack", "layer_edges", "layer_gaps"})
"""Measures of a result with several layers; they need no truth."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a comparison is made; `picked` says in words which frames `pick` takes out of n."""

    name: str
    version: int
    about: str
    metrics: tuple[str, ...]
    size: Size | None = None
    picked: str = "all frames"
    pick: Callable[[int], Iterable[int]] = range

    @property
    def id(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def text(self) -> str:
        """Everything that changes a number, in one sentence each."""
        size = f"stretched to {self.size[0]}x{self.size[1]}" if self.size else "at their own size"
        return (
            f"{self.about} Pictures over white, sRGB 8 bit, {size}; {self.picked}; a shot is the mean over "
            "its frames, a set the mean over its shots. PSNR of the mean squared error of a frame's RGB, at "
            "most 100 dB; SSIM of RGB, Gaussian 11x11, sigma 1.5, no downsampling; frequencies are low up to "
            "0.125 cycles per pixel."
        )

    def with_metrics(self, names: Iterable[str]) -> "Protocol":
        """The same with these measures. Raises: UsageError when one is unknown."""
        wanted = tuple(dict.fromkeys(names))
        for name in wanted:
            if name not in METRICS:
                raise UsageError(f"there is no measure `{name}`", hint=nearest(name, METRICS))
        return replace(self, metrics=wanted)


def _first_14(n_frames: int) -> Iterable[int]:
    return range(min(14, n_frames))


def _middle_two(n_frames: int) -> Iterable[int]:
    return range(max(0, (n_frames - 1) // 2), n_frames // 2 + 1)


_LONG = ("psnr", "ssim", "lpips", "fid", "fvd", "low_psnr", "high_psnr", "low_decay", "high_decay")

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "cel",
            1,
            "Flat-colored cels with line art.",
            (
                *("foreground_color", "region_color", "off_palette", "line_chamfer", "flicker", "drift"),
                *("psnr", "ssim", "ms_ssim"),
            ),
        ),
        Protocol(
            "longanimation",
            1,
            "LongAnimation, long shots; the cut of Fig. 8 is ours.",
            _LONG,
            size=(256, 256),
        ),
        Protocol(
            "longanimation-short",
            1,
            "LongAnimation, short shots.",
            ("psnr", "ssim", "lpips", "fid", "fvd"),
            size=(256, 256),
            picked="the first 14 frames",
            pick=_first_14,
        ),
        Protocol(
            "tooncomposer",
            1,
            "ToonComposer, synthetic benchmark.",
            (
                *("lpips", "dists", "clip_similarity", "subject_consistency", "motion_smoothness"),
                *("background_consistency", "aesthetic"),
            ),
        ),
        Protocol(
            "kdq",
            1,
            "ToonCrafter-KDQ with one protocol for every row.",
            ("psnr", "ssim", "lpips_vgg"),
            size=(512, 320),
            picked="the middle frames (7 and 8 of 16, from 0)",
            pick=_middle_two,
        ),
        Protocol(
            "layerpack",
            1,
            "LayerPack; the measures of layers are those the paper asks for.",
            ("psnr", "psnr_box", "lpips", "layer_stack", "layer_edges", "layer_gaps"),
        ),
    )
}
"""Every protocol by name; the first is the default."""


def protocol_named(name: str) -> Protocol:
    """The protocol called `name`. Raises: UsageError with the nearest name when there is none."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol `{name}`", hint=nearest(name, PROTOCOLS, noun="protocols"))
    return PROTOCOLS[name]
