"""Which tensors of which network keep their precision, by name, and the form each of the others gets.

The reasons: with modulation, entry and output in eight bits a video transformer lost .74 LPIPS, with those
kept .07 (vllm-project/vllm-omni#2795); float16 picture coders draw black frames; noise tables in float16 are
wrong by 15 percent at their first step.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from toonctl.core.errors import CheckpointError
from toonctl.models.quantization.fp8 import FP8
from toonctl.models.quantization.half import BF16, FP16, Plain
from toonctl.models.quantization.int8 import INT8
from toonctl.models.quantization.nf4 import NF4
from toonctl.models.quantization.storage import Storage

TARGETS: Mapping[str, Storage] = {"fp16": FP16, "bf16": BF16, "int8": INT8, "nf4": NF4, "fp8": FP8}
"""The forms a user may ask for."""

_NORMS = (r"(^|[._])(layer_?|group_?|rms_?)?norm\d*(_[a-z]+)?([._]|$)", r"(^|\.)ln_", r"layrnorm")


@dataclass(frozen=True, slots=True)
class Policy:
    """A network known by `marks`, patterns that all occur among its keys, and what it keeps.

    `exact` tensors stay as they are in the source. `high` ones are at most halved, to `half`; `finer` ones
    get eight bits where four are asked for. `refused` are targets that ruin this network; `weakest` is given
    in their place, and said.
    """

    name: str
    marks: tuple[str, ...]
    exact: tuple[str, ...]
    high: tuple[str, ...] = ()
    finer: tuple[str, ...] = ()
    half: Plain = BF16
    refused: tuple[str, ...] = ()
    weakest: str = "int8"

    def fits(self, keys: Iterable[str]) -> bool:
        """Whether a file with these keys is this network's."""
        names = list(keys)
        return all(any(re.search(mark, name) for name in names) for mark in self.marks)


POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(
            "tooncrafter",
            (r"init_attn\.0\.proj_in\.weight$",),
            exact=(
                *_NORMS,
                r"\.(in_layers|out_layers|conv\d)\.0\.|(diffusion_model|unet)\.out\.0\.",
                r"(time_embed|fps_embedding)\.",
                r"^(betas|alphas_|sqrt_|log_|posterior_|scale_arr)",
                r"^(first_stage_model|vae)\.",
            ),
            high=(
                r"input_blocks\.0\.0\.",
                r"(diffusion_model|unet)\.out\.2\.",
                r"init_attn\.",
                r"(positional|position|class|token)_embedding",
                r"(_blocks\.\d+|middle_block)\.2\.proj_out\.",
                r"^(image_proj_model|resampler)\.",
            ),
            half=FP16,
            # Four bits leave 9 dB of the velocity of a toy network, eight bits 32.
            refused=("nf4",),
        ),
        Policy(
            "cel",
            (r"^none_score\.weight$", r"^vote_score\."),
            exact=(
                *_NORMS,
                r"^(none_score|vote_score|to_query|to_key)\.",
                r"vote_bias\.",
                r"neighbor_bias\.",
            ),
            high=(r"^encoder\.stem\.",),
            half=FP16,
        ),
        Policy(
            "wan",
            (r"patch_embedding\.weight$", r"blocks\.0\.(attn1|self_attn)\."),
            exact=(*_NORMS, r"scale_shift_table", r"modulation", r"(condition_embedder|time_embedding)\."),
            high=(
                r"(time_projection|text_embedding|img_emb)\.",
                r"patch_embedding\.",
                r"(^|\.)(proj_out|head)\.",
                r"(sequence_cond|sketch_)",
                r"(processor\.adapter|\.dera)\.",
            ),
            # The first, the last and what ends a feed-forward suffer most from four bits (xDiT#724).
            finer=(r"blocks\.(0|1|38|39)\.", r"ffn\.(net\.)?2\."),
        ),
        Policy(
            "cogvideox",
            (r"patch_embed\.proj\.weight$", r"(transformer_)?blocks\.0\.norm1\.linear\."),
            exact=(
                r"(time|ofs)_embedding\.",
                r"\.norm_[qk]\.",
                r"gamma",
                r"norm\d?\.norm\.",
                r"norm_final\.",
            ),
            high=(*_NORMS, r"patch_embed\.", r"proj_out\.", r"zero_conv"),
        ),
        Policy(
            "hunyuan",
            (r"(x_embedder|clean_x_embedder)\.", r"single_transformer_blocks\."),
            exact=(r"time_text_embed\.", r"\.norm_[qk]\."),
            high=(
                *_NORMS,
                r"(x_embedder|context_embedder|image_projection)\.",
                r"^(?!.*blocks\.).*proj_out\.",  # the end; single blocks have a large one of that name
            ),
        ),
        Policy(
            "picture-coder",
            (r"(^|\.)decoder\.conv(_in|_out|1)\.", r"(^|\.)encoder\.conv(_in|_out|1)\."),
            exact=(r".",),
        ),
        # What ToonComposer adds to Wan is small, and everything it draws goes through it.
        Policy("tooncomposer-adapter", (r"^sequence_cond", r"\.dera\."), exact=(), high=(r".",)),
        Policy(
            "film-memory",
            (r"^proj_out$", r"^key_mapping_0\.0\."),
            exact=(*_NORMS,),
            high=(r"^proj_out$",),
            refused=("nf4",),
        ),
        Policy("line-extractor", (r"^model0\.1\.", r"^model4\.1\."), exact=(), high=(r".",)),
        Policy(
            "text-encoder",
            (
                r"(encoder\.block|text_model|encoder\.layers|layers|^blocks)\.0\.",
                r"(shared|embed_tokens|token_embedding)\.",
            ),
            exact=(*_NORMS,),
            high=(
                r"(shared|embed_tokens|embeddings|token_embedding|pos_embedding\.embedding)\.",
                r"relative_attention_bias",
                r"(vision_tower|mm_projector)\.",  # the eyes of a model that reads films: a small part of it
            ),
            refused=("nf4",),
        ),
        Policy(
            "vision-encoder",
            (r"patch_embedding\.weight$", r"(encoder\.layers|layers|visual\.transformer)\.0\."),
            exact=(*_NORMS,),
            high=(r"embeddings?\.",),
            refused=("nf4",),
        ),
    )
}
"""Networks toonctl knows; the first whose marks are all there is taken."""


def detect(keys: Iterable[str], *, name: str) -> Policy:
    """The policy of the network with these keys. Raises: CheckpointError when no policy knows them."""
    keys = list(keys)
    for policy in POLICIES.values():
        if policy.fits(keys):
            return policy
    shown = ", ".join(keys[:5])
    hint = f"name its policy with `--policy`: {', '.join(POLICIES)}"
    raise CheckpointError(f"`{name}` is of no network toonctl knows; it begins with {shown}", name, hint)


@dataclass(frozen=True, slots=True)
class Choice:
    """A policy, the target asked for, and patterns the user keeps as they are."""

    policy: Policy
    target: str
    keep: tuple[str, ...] = ()

    @property
    def given(self) -> str:
        """The target that is really used."""
        return self.policy.weakest if self.target in self.policy.refused else self.target

    def storage(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Storage:
        """The form of one tensor: its own, half, or the target's where that is made for its shape."""
        own = Plain(dtype)
        if not dtype.is_floating_point or dtype.itemsize < 2 or not shape:
            return own
        if _any(self.keep, name) or _any(self.policy.exact, name):
            return own
        wanted = TARGETS[self.given]
        if isinstance(wanted, Plain):
            return wanted
        if _any(self.policy.high, name) or not wanted.holds(shape):
            return own if dtype.itemsize == 2 else self.policy.half
        return INT8 if wanted is NF4 and _any(self.policy.finer, name) else wanted


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)
