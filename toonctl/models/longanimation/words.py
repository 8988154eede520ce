"""Words on their way in: the film's text through T5, and what the video understanding model is asked.

Letters: L = 226 text tokens, E text width.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import T5EncoderModel

from toonctl.models.longanimation.memory import Prompt

TEXT_TOKENS = 226

QUALITY_WORDS = " High quality, masterpiece, best quality, highres, ultra-detailed, fantastic."
"""What the published program appends to every prompt, and the networks were judged with."""

_BEFORE_VIDEO = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
_AFTER_VIDEO = "\nCan you describe the scene and color in anime?<|im_end|>\n<|im_start|>assistant\n"
"""The memory holds the keys and values of these tokens too: DGLM was trained beside them."""


class Encodes(Protocol):
    """A tokenizer as far as it is used here."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


def film_prompt(tokenizer: Encodes) -> Prompt:
    """The token ids before and after the video."""
    before, after = (
        tuple(tokenizer.encode(text, add_special_tokens=False)) for text in (_BEFORE_VIDEO, _AFTER_VIDEO)
    )
    return Prompt(before, after)


def film_text(prompt: str, *, times: int = 1) -> str:
    """The prompt with the quality words; the published program adds them once more for every segment."""
    return (prompt + QUALITY_WORDS * times).strip()


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text, cut or padded to 226; what is cut is the text's end, not its last token."""
    ids: list[int] = tokenizer.encode(text).ids
    if len(ids) > TEXT_TOKENS:
        ids = [*ids[: TEXT_TOKENS - 1], ids[-1]]
    return ids + [0] * (TEXT_TOKENS - len(ids))


@torch.no_grad()
def encode_text(encoder: T5EncoderModel, ids: list[int]) -> Tensor:
    """Features `[1, L, E]`; padding is read like any other token, as CogVideoX was trained."""
    found = encoder(torch.tensor([ids], device=encoder.shared.weight.device))
    return found.last_hidden_state


def t5_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes of a T5 encoder in its `config.json`."""
    known = (
        "vocab_size",
        "d_model",
        "d_kv",
        "d_ff",
        "num_layers",
        "num_heads",
        "relative_attention_num_buckets",
        "relative_attention_max_distance",
        "layer_norm_epsilon",
        "feed_forward_proj",
        "pad_token_id",
    )
    return {key: config[key] for key in known if key in config} | {"dropout_rate": 0.0}
