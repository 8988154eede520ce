"""What `eval` can measure, and the protocols: which measures, at what size, on which frames.

A protocol's name carries a version. Everything that changes a number is said in it, and is printed with
every result, so that only equal protocols are ever set side by side. What a paper leaves open is ours.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from toonctl.core.errors import UsageError
from toonctl.core.types import Size
from toonctl.spec.problems import nearest


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure: `unit` is empty for shares and scores.

    One that `needs_network` is listed as not measured where its weights are not at hand.
    """

    name: str
    title: str
    is_higher_better: bool
    unit: str = ""
    decimals: int = 4
    needs_network: bool = False


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
    Metric("cell_crossing", "layers that left their packed cell", is_higher_better=False),
    Metric("quadrants", "PSNR between quadrants", is_higher_better=True, unit="dB", decimals=2),
    Metric("lpips", "LPIPS 0.1, AlexNet", is_higher_better=False, needs_network=True),
    Metric("lpips_vgg", "LPIPS 0.1, VGG16", is_higher_better=False, needs_network=True),
    Metric("quadrants_lpips", "LPIPS between quadrants", is_higher_better=False, needs_network=True),
    Metric("dists", "DISTS, VGG16", is_higher_better=False, needs_network=True),
    Metric("fid", "FID", is_higher_better=False, decimals=2, needs_network=True),
    Metric("fvd", "FVD", is_higher_better=False, decimals=1, needs_network=True),
    Metric("clip_similarity", "CLIP similarity to the truth", is_higher_better=True, needs_network=True),
    Metric("subject_consistency", "subject consistency", is_higher_better=True, needs_network=True),
    Metric("background_consistency", "background consistency", is_higher_better=True, needs_network=True),
    Metric("motion_smoothness", "motion smoothness", is_higher_better=True, needs_network=True),
    Metric("aesthetic", "aesthetic score", is_higher_better=True, needs_network=True),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every measure by name."""

LAYERED = frozenset({"layer_stack", "layer_edges", "layer_gaps", "cell_crossing"})
"""Measures of a result with several layers; they need no truth."""


_EYE = "shorter side 224, without antialiasing"
_TEXTS: Mapping[str, str] = {
    "foreground_color drift psnr_box": "Ground is the commonest color of the first true frame, foreground "
    "flat paint of other colors, its box what holds all but ground.",
    "region_color": "Regions are the truth's areas of one color, judged by their commonest color.",
    "off_palette": "Off the palette is what lies over 8 levels from every flat color of the true frame.",
    "line_chamfer": "Lines are strokes up to a 60th of the height, 32 levels darker than both sides; the "
    "distance is symmetric.",
    "flicker": "Up to 8 levels are no change.",
    "psnr psnr_box quadrants": "PSNR of the mean squared error of a frame's RGB, at most 100 dB.",
    "ssim": "SSIM of RGB, Gaussian 11x11, sigma 1.5, no downsampling.",
    "ms_ssim": "MS-SSIM of five scales with SSIM's window.",
    "low_psnr high_psnr low_decay high_decay": "Frequencies are low up to 0.125 cycles per pixel.",
    "low_decay high_decay": "Decay is (P14 - Pn) / P14 with Pk the mean PSNR of the first k frames.",
    "layer_stack": "A pixel misses the composite by more than 2 levels over black or over white.",
    "layer_edges layer_gaps": "Layers touch where their outlines lie within 2 px at 540 lines in the first "
    "and the last frame.",
    "cell_crossing": "A layer left its cell when it came to the cell's border, as the manifest notes.",
    "lpips quadrants_lpips": "LPIPS 0.1 of AlexNet in -1..1.",
    "lpips_vgg": "LPIPS 0.1 of VGG16 in -1..1.",
    "dists": "DISTS in 0..1, not resized further.",
    "fid": "FID of the Inception network of 2015, in 0..1, 299x299 bilinear, all frames of the set.",
    "fvd": "FVD of I3D's logits (Kinetics-400), in -1..1, 224x224 bilinear, clips of 16 frames one after the "
    "other.",
    "clip_similarity": f"CLIP similarity: cosine of ViT-B/32 of result and truth, {_EYE}, middle square.",
    "subject_consistency": f"Subject consistency as VBench: DINO ViT-B/16, {_EYE}.",
    "background_consistency": f"Background consistency as VBench: CLIP ViT-B/32, {_EYE}, middle square.",
    "motion_smoothness": "Motion smoothness as VBench: every second frame against the one that AMT-S draws "
    "between its neighbors, not resized further, (255 - d) / 255 with d the mean absolute difference of RGB.",
    "aesthetic": f"Aesthetic score as VBench: LAION's head on CLIP ViT-L/14 by 10, {_EYE}, middle square.",
}
"""What changes the number of measures, by their names; printed with the protocols that have one of them."""


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
        sentences = [text for names, text in _TEXTS.items() if not {*self.metrics}.isdisjoint(names.split())]
        pictures = (
            f"Pictures over white, sRGB of 8 bits as 0..1, {size}; {self.picked}; a shot is the mean over "
            "its frames, a set the mean over its shots."
        )
        return " ".join([self.about, pictures, *sentences])

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
            3,
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
            ("psnr", "psnr_box", "lpips", "layer_stack", "layer_edges", "layer_gaps", "cell_crossing"),
        ),
        Protocol(
            "layerpack-sync",
            1,
            "LayerPack, table 1: the two quadrants that the result shows against each other, or its only one "
            "against the truth's.",
            ("quadrants", "quadrants_lpips"),
        ),
    )
}
"""Every protocol by name; the first is the default."""


def protocol_named(name: str) -> Protocol:
    """The protocol called `name`. Raises: UsageError with the nearest name when there is none."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol `{name}`", hint=nearest(name, PROTOCOLS, noun="protocols"))
    return PROTOCOLS[name]
