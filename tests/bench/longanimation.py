"""LongAnimation's floor: operations, bytes and seconds a film needs at least, computed from its sizes.

Command: python -m tests.bench.longanimation

Nothing is timed: seconds are operations over a card's peak in dense bfloat16 as its data sheet states it, so
no run can be faster, and measured runs belong beside them. Sizes are those of the published weights.
"""

import sys

from toonctl.engines.diffusion.plans import Need, Plan
from toonctl.models.longanimation.lvu import LvuSizes
from toonctl.models.longanimation.memory import BUDGET_FRAMES, RECENT_FRAMES
from toonctl.models.longanimation.segments import plan_segments
from toonctl.models.longanimation.vision import VisionSizes
from toonctl.models.longanimation.words import TEXT_TOKENS

_CARDS = {"H200": 989e12, "A100": 312e12, "RTX 4090": 165e12}
_FILMS = (81, 200, 500, 1000)
_SLOTS = 22
_WIDTH, _BASE_BLOCKS, _SKETCH_BLOCKS, _DGLM_LAYERS = 3072, 42, 6, 3
_STEPS, _HALVES = 50, 2
_PROMPT_TOKENS = 30
_BASE_WEIGHTS, _SKETCH_WEIGHTS, _DGLM_WEIGHTS = 5_571_594_880, 818_359_808, 402_782_208
_ALIVE = 28
"""As the engine counts them: `engines/longanimation/networks.py`."""


def main() -> None:
    """Prints three Markdown tables."""
    out = sys.stdout.write
    out("| frames | segments | PFLOP, denoising | memory in DGLM | reading, ours | reading anew each time |")
    out(f" {' | '.join(f'{card}, h' for card in _CARDS)} |\n|" + " --- |" * (6 + len(_CARDS)) + "\n")
    for n_frames in _FILMS:
        out(f"| {' | '.join(film_row(n_frames))} |\n")
    out("\n| plan | weights on the card, GB | with activations, halves apart | together | host, GB |\n")
    out("|" + " --- |" * 5 + "\n")
    for plan in Plan:
        cells = [f"{need(1).weights_on_card(plan) / 1e9:.1f}"]
        cells += [f"{need(n).on_card(plan) / 1e9:.1f}" for n in (1, 2)]
        out(f"| {plan} | {' | '.join(cells)} | {need(1).on_host(plan) / 1e9:.1f} |\n")
    out("\n| frames read | tokens DGLM sees | beacons kept on disk, MB |\n| --- | --- | --- |\n")
    for n_frames in (72, 200, BUDGET_FRAMES, 1000):
        out(f"| {n_frames} | {memory_tokens(n_frames):,} | {state_bytes(n_frames) / 1e6:.0f} |\n")


def film_row(n_frames: int) -> list[str]:
    """What a film of `n_frames` needs, as cells."""
    segments = plan_segments(n_frames)
    denoising = memory = 0.0
    anew = 0
    for segment in segments:
        past = segment.delivered.start
        denoising += _STEPS * _HALVES * (blocks_flop(_BASE_BLOCKS) + blocks_flop(_SKETCH_BLOCKS))
        if past:
            memory += _STEPS * _HALVES * dglm_flop(memory_tokens(past))
            anew += min(past, BUDGET_FRAMES) + RECENT_FRAMES
    read = segments[-1].delivered.start + (len(segments) - 1) * RECENT_FRAMES
    whole = denoising + memory + read * frame_flop()
    seconds = [f"{whole / peak / 3600:.2f}" for peak in _CARDS.values()]
    sums = [denoising, memory, read * frame_flop(), anew * frame_flop()]
    return [str(n_frames), str(len(segments)), *(f"{flop / 1e15:.1f}" for flop in sums), *seconds]


def blocks_flop(n_blocks: int) -> float:
    """One pass of one guidance half through blocks of the video transformer."""
    tokens, d = vision_tokens() + TEXT_TOKENS, _WIDTH
    return n_blocks * (2 * tokens * 12 * d * d + 4 * tokens * tokens * d)


def dglm_flop(n_memory: int) -> float:
    """One pass of one half through DGLM, its keys and values projected once for all of them."""
    n, d = vision_tokens(), _WIDTH
    layer = 2 * n * 10 * d * d + 4 * n * n_memory * d
    return _DGLM_LAYERS * layer + 2 * n * d * d


def frame_flop() -> float:
    """Reading one frame: CLIP, then its tokens and beacons through the language model."""
    eyes, reader = VisionSizes(), LvuSizes()
    patches = (eyes.image_px // eyes.patch_px) ** 2 + 1
    clip = eyes.layers * (2 * patches * (4 * eyes.hidden**2 + 2 * eyes.hidden * eyes.intermediate))
    tokens = eyes.tokens_per_frame * (reader.ratio + 1) / reader.ratio
    kv = reader.kv_heads * reader.head_dim
    layer = 2 * reader.hidden**2 + 2 * reader.hidden * kv + 3 * reader.hidden * reader.intermediate
    return clip + 2 * tokens * layer * reader.layers


def vision_tokens() -> int:
    """Tokens of a segment at the trained size: 11 pairs of latents of 36 x 64."""
    return _SLOTS // 2 * (576 // 16) * (1024 // 16)


def memory_tokens(n_frames: int) -> int:
    """Tokens that DGLM looks at after `n_frames`: the whole film's, and the last frames' alone."""
    beacons = VisionSizes().tokens_per_frame // LvuSizes().ratio
    return sum(beacons * min(n_frames, most) + _PROMPT_TOKENS for most in (BUDGET_FRAMES, RECENT_FRAMES))


def state_bytes(n_frames: int) -> int:
    """Bytes of `state/memory_<n>`: keys and values of all layers, the newest features, the fused latents."""
    reader, eyes = LvuSizes(), VisionSizes()
    kept = min(n_frames, BUDGET_FRAMES) * eyes.tokens_per_frame // reader.ratio + _PROMPT_TOKENS // 2
    cache = 2 * 2 * kept * reader.layers * reader.kv_heads * reader.head_dim
    recent = 2 * min(n_frames, RECENT_FRAMES) * eyes.tokens_per_frame * reader.hidden
    tails = 2 * 19 * 4 * 16 * (576 // 8) * (1024 // 8)
    return cache + recent + tails


def need(n_halves: int) -> Need:
    """Bytes of base model, SketchDiT and DGLM in bfloat16, with one step's activations."""
    block = 2 * (12 * _WIDTH**2 + 2 * 6 * _WIDTH * 512)
    inside = block * (_BASE_BLOCKS + _SKETCH_BLOCKS)
    whole = 2 * (_BASE_WEIGHTS + _SKETCH_WEIGHTS + _DGLM_WEIGHTS)
    activations = 2 * _ALIVE * (vision_tokens() + TEXT_TOKENS) * _WIDTH * n_halves
    return Need(whole - inside, inside, block, activations)


if __name__ == "__main__":
    main()
