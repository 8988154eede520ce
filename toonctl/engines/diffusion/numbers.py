"""What the published networks need of the card at their true sizes, without building them.

Counted from the networks' shapes on the meta device, in bfloat16 (ToonCrafter: float16); a test counts again.
Activations are what the engines reckon with at the size named; nothing here was measured on a card.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from toonctl.engines.diffusion.plans import LADDER, Need, Plan


@dataclass(frozen=True, slots=True)
class NetworkNeed:
    """The network that draws, and the size of picture and film its activations are for."""

    need: Need
    at: str

    def lines(self) -> tuple[str, ...]:
        """A line for each plan, for people, in the order in which `auto` tries them; fp8 it never takes."""
        return tuple(_line(self.need, plan) for plan in Plan)


NETWORKS: Mapping[str, NetworkNeed] = {
    "tooncomposer": NetworkNeed(
        Need(
            907_567_872,
            32_435_000_320,
            810_875_008,
            2_281_144_320,
            {
                "int8": (16_791_557_120, 419_788_928),
                "fp8": (16_298_152_960, 407_453_824),
                "nf4": (11_173_541_372, 419_788_928),
            },
        ),
        "832x480, 61 frames, one sketch",
    ),
    "longanimation": NetworkNeed(
        Need(
            894_501_120,
            12_690_972_672,
            264_395_264,
            4_398_858_240,
            # SketchDiT keeps eight bits where the base gets four.
            {
                "int8": (7_425_024_000, 154_688_000),
                "fp8": (7_260_463_104, 151_259_648),
                "nf4": (5_195_526_156, 154_688_000),
            },
        ),
        "a segment of 81 frames, 25,570 tokens, guidance halves in turn",
    ),
    "tooncrafter": NetworkNeed(
        Need(
            370_865_800,
            2_506_844_160,
            299_008_000,
            4_400_000_000,
            {
                "int8": (1_303_845_760, 155_842_560),
                "fp8": (1_267_351_040, 151_470_080),
                "nf4": (1_303_845_760, 155_842_560),
            },
        ),
        "512x320, 16 frames",
    ),
    "framepack": NetworkNeed(
        Need(
            828_033_152,
            24_920_596_480,
            679_662_592,
            2_856_000_000,
            {
                "int8": (16_144_015_360, 460_248_064),
                "fp8": (15_869_255_680, 453_391_360),
                "nf4": (11_897_346_960, 354_081_500),
            },
        ),
        "832x480, a section of 9 latent frames",
    ),
    "wan-flf2v": NetworkNeed(
        Need(
            485_044_864,
            32_307_077_120,
            807_676_928,
            3_931_200_000,
            {
                "int8": (16_663_633_920, 416_590_848),
                "fp8": (16_170_229_760, 404_255_744),
                "nf4": (11_045_618_172, 416_590_848),
            },
        ),
        "832x480, 81 frames",
    ),
}
"""By the engine's name."""


def _line(need: Need, plan: Plan) -> str:
    card = (
        f"{need.on_card(plan) / 1e9:.1f} GB on the card ({need.weights_on_card(plan) / 1e9:.1f} of weights)"
    )
    host = f", {need.on_host(plan) / 1e9:.1f} GB locked in host memory" if plan.is_streamed else ""
    named = "" if plan in LADDER else ", by name only"
    return f"memory plan {plan}: {card}{host}{named}"
