"""Prompts to token ids, as CLIP's text encoder was trained on them (byte pairs of lower-case words).

Neural Machine Translation of Rare Words with Subword Units (arXiv 1508.07909), on bytes. The table of merges
is CLIP's and comes from the caller.
"""

import gzip
from collections.abc import Sequence

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor

from toonctl.core.errors import CheckpointError
from toonctl.models.prompts import cleaned
from toonctl.models.tooncrafter.params import TEXT_TOKENS

N_MERGES = 48894
_START, _END = "<start_of_text>", "<end_of_text>"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class PromptTokenizer:
    """Token ids of prompts. `merges` is the packed text of CLIP's table, a pair per line, best first.

    Raises: CheckpointError when the table is not CLIP's.
    """

    def __init__(self, merges: bytes) -> None:
        pairs = _read_merges(merges)
        letters = _byte_letters()
        words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in pairs)]
        vocabulary = {word: i for i, word in enumerate([*words, _START, _END])}
        self.start, self.end = vocabulary[_START], vocabulary[_END]
        self._tokenizer = Tokenizer(models.BPE(vocabulary, pairs, end_of_word_suffix="</w>"))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """Ids `[B, 77]`: start, words, end, then zeros. A longer prompt is cut and its last id is the end."""
        ids = torch.zeros(len(prompts), TEXT_TOKENS, dtype=torch.long)
        for row, prompt in zip(ids, prompts, strict=True):
            words = self._tokenizer.encode(cleaned(prompt).lower()).ids[: TEXT_TOKENS - 2]
            row[: len(words) + 2] = torch.tensor([self.start, *words, self.end])
        return ids


def _byte_letters() -> list[str]:
    """A printable letter for every byte, in CLIP's order: those that print as they are, then the others."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    n_others = 256 - len(printing)
    return [chr(byte) for byte in printing] + [chr(256 + i) for i in range(n_others)]


def _read_merges(packed: bytes) -> list[tuple[str, str]]:
    try:
        lines = gzip.decompress(packed).decode("utf-8").splitlines()
        pairs = [(first, second) for first, second in (line.split(" ") for line in lines)]
    except (OSError, EOFError, ValueError) as error:
        raise CheckpointError(
            f"the table of merges is broken: {error}", hint="install toonctl again"
        ) from error
    if len(pairs) != N_MERGES:
        what = f"the table of merges has {len(pairs)} lines, not {N_MERGES}"
        raise CheckpointError(what, hint="install toonctl again")
    return pairs
